"""Recipes: the settings and the few configurations tried for each pair of data set and method."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmarks.methods import is_user_class, kind_of, load_method
from benchmarks.spec.errors import UsageError, unknown_name
from benchmarks.spec.settings import Settings, make_settings

RECIPES = Path(__file__).parents[1] / "recipes"
_KEYS = ("settings", "configurations")


def configurations(
    dataset: str,
    method: str,
    overrides: Mapping[str, Any],
    folder: Path = RECIPES,
    *,
    recipe: bool = True,
) -> list[Settings]:
    """Return the configurations among which the protocol selects.

    Later layers win: the method's own defaults, the recipe's common settings, one of its
    configurations, then ``overrides``. Configurations that the overrides make equal are kept once.
    A method of a kind without settings, such as a kernel, has one, which nothing changes.
    Without ``recipe``, the second and third layers are left out.
    """
    if kind_of(method).chosen:
        _refuse_settings(method, overrides)
        return [Settings()]
    _refuse_two_weights(overrides)
    read = _read(folder / f"{dataset}-{method}.yaml") if recipe else {}
    tried: list[Settings] = []
    defaults = load_method(method).DEFAULTS
    for configuration in read.get("configurations") or [{}]:
        settings = make_settings(
            defaults,
            read.get("settings") or {},
            configuration,
            overrides,
            record_explicit=is_user_class(method),
        )
        if settings.objectives is not None:
            # Those of a recipe would take the place of the weight that was asked for.
            _refuse_two_weights({"objectives": settings.objectives, **overrides})
        if settings not in tried:
            tried.append(settings)
    return tried


def _refuse_settings(method: str, overrides: Mapping[str, Any]) -> None:
    """Raise where a setting is named that the method has not; all run on whatever device."""
    named = [key for key in overrides if key != "accelerator"]
    if named:
        kind = kind_of(method)
        raise UsageError(
            f"--set {named[0]}={json.dumps(overrides[named[0]])}: {method} is {kind.with_article} "
            f"and has no settings; {kind.chosen}"
        )


def _refuse_two_weights(layer: Mapping[str, Any]) -> None:
    """Raise where a layer names ``objectives`` and a weight that they stand in for."""
    for short in ("link_weight", "entropy_weight"):
        if "objectives" in layer and short in layer:
            raise UsageError(
                f"setting {short}: expected none beside objectives, got {layer[short]}; "
                "objectives weigh all"
            )


def _read(path: Path) -> dict[str, Any]:
    """Return the recipe at ``path``, or an empty one where there is none."""
    if not path.exists():
        return {}
    try:
        recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(f"recipe {path}: expected YAML ({' '.join(str(error).split())})") from None
    recipe = {} if recipe is None else recipe
    if not isinstance(recipe, dict):
        raise UsageError(f"recipe {path}: expected a mapping, got {type(recipe).__name__}")
    for key in recipe:
        if key not in _KEYS:
            raise unknown_name(f"key of recipe {path.name}", str(key), _KEYS)
    tried = recipe.get("configurations") or []
    if not isinstance(tried, list):
        raise UsageError(f"recipe {path}: configurations: expected a list of mappings")
    layers = {"settings": recipe.get("settings") or {}}
    layers |= {f"configuration {number}": layer for number, layer in enumerate(tried)}
    for where, layer in layers.items():
        _check_layer(layer, f"recipe {path}, {where}")
    return recipe


def _check_layer(layer: Any, where: str) -> None:
    """Refuse what is no mapping from settings to values that fit, and say where it stands."""
    if not isinstance(layer, dict) or not all(isinstance(key, str) for key in layer):
        raise UsageError(f"{where}: expected a mapping from names of settings to values")
    try:
        _refuse_two_weights(layer)
        make_settings(layer)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error
