"""One flat dataclass of settings; unknown keys and values of the wrong type are errors."""

import dataclasses
import math
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from benchmarks.spec.errors import UsageError, unknown_name
from benchmarks.spec.objective_weights import Weights, checked_weights, weights_from_text


def _later(default: Any) -> Any:
    """A setting that came after the first runs: left out of records at its default."""
    return dataclasses.field(default=default, metadata={"later": True})


Aggregation = Literal["mean", "sum", "max", "min", "std", "var"]
Readout = Literal["max", "mean", "sum"]


@dataclass(frozen=True)
class Settings:
    """Everything that decides a cell's outcome, apart from the data, the fold and the seed."""

    # Network: keywords of DiffPoolNet. With a preset, only those named by a recipe or by ``--set``
    # (``explicit``) change it.
    preset: Literal["none", "paper", "reference"] = "none"
    hidden_channels: int = 64
    embedding_channels: int | None = None
    num_layers: int = 3
    num_layers_after: int = 3
    aggr: Aggregation | tuple[Aggregation, ...] = "mean"
    root_weight: bool = True
    normalize: bool = True
    batch_norm: bool = True
    final_activation: bool = True
    jump: Literal["cat", "last"] = "cat"
    residual: bool = _later(False)
    fully_adjacent: bool = _later(False)
    readout: Readout | tuple[Readout, ...] = "max"
    readout_levels: Literal["all", "last"] = "all"
    readout_norm: Literal["batch"] | None = _later(None)
    sum_scale: float | Literal["asinh"] | None = _later(None)
    skip_input: bool = _later(False)
    mlp_channels: int = 50
    dropout: float = 0.0
    head_dropout: float | None = _later(None)
    link_weight: float = 1.0
    entropy_weight: float = 1.0
    # In place of the two weights above.
    objectives: Weights | None = _later(None)  # noqa: RUF009 - it is a field.
    convention: Literal["paper", "reference", "pyg"] = "paper"
    scale: Literal["nodes"] | None = "nodes"
    backend: Literal["auto", "padded", "ragged", "triton"] = "auto"
    assignment: Literal["softmax", "sparsemax", "entmax15", "straight-through"] = _later("softmax")
    # Logits are divided by it; with final_temperature, which it reaches after annealing_steps.
    temperature: float = _later(1.0)
    final_temperature: float | None = _later(None)
    annealing_steps: int = _later(1000)
    # Pooled levels are sparse batches: with per_graph_clusters, no cap of clusters is needed.
    sparse_level: bool = _later(False)
    # Clusters: ⌈cluster_ratio · largest training graph⌉, then that ratio of the clusters, and so
    # on; never more than max_clusters.
    num_pools: int = 1
    cluster_ratio: float = 0.1
    max_clusters: int = 150
    per_graph_clusters: bool = False
    # Node features.
    features: Literal[
        "auto",
        "labels",
        "attributes",
        "labels+attributes",
        "degree-one-hot",
        "degree-scalar",
        "constant",
    ] = "auto"
    degree_cap: int = 128
    # Methods of their own; see the method's file.
    processing_steps: int = _later(3)
    sort_quantile: float = _later(0.6)
    field_size: int = _later(10)
    num_fields: int | None = _later(None)
    pyramid_levels: int = _later(2)
    edge_features: bool = _later(False)
    edge_hidden: int = _later(16)
    # More of the node features; here, so that earlier records keep their order.
    label_cap: int | None = _later(None)
    # Training.
    batch_size: int = 20
    eval_batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    schedule: Literal["constant", "cosine", "plateau"] = "constant"
    label_smoothing: float = 0.0
    epochs: int = 100
    patience: int = 100
    monitor: Literal["accuracy", "loss"] = "accuracy"
    validation_window: int = _later(1)
    ema_decay: float | None = _later(None)
    gradient_clip: float = 2.0
    precision: Literal["32-true", "64-true", "bf16-mixed", "16-mixed"] = "32-true"
    accelerator: Literal["cpu", "gpu", "auto"] = "cpu"
    devices: int = _later(1)
    compile: Literal["auto", "on", "off"] = _later("off")
    # Written by the runner: the network settings that were named, where naming them matters.
    explicit: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-ready values.

        Settings that came later are left out at their defaults: the ids of earlier runs hold.
        """
        values = dataclasses.asdict(self)
        for field in dataclasses.fields(self):
            if field.metadata.get("later") and values[field.name] == field.default:
                del values[field.name]
        return {name: _json_ready(value) for name, value in values.items()}

    def network_keywords(self, names: Sequence[str]) -> dict[str, Any]:
        """Return settings by name as a network takes them."""
        values = {name: getattr(self, name) for name in names}
        return {
            name: dict(value) if isinstance(value, Weights) else value
            for name, value in values.items()
        }

    def objective_weight(self, name: str) -> float:
        """Return what an objective weighs in the loss, by ``objectives`` or its short form."""
        if self.objectives is not None:
            return dict(self.objectives).get(name, 0.0)
        return {"link": self.link_weight, "entropy": self.entropy_weight}.get(name, 0.0)


NETWORK_KEYWORDS = (
    "embedding_channels",
    "num_layers",
    "num_layers_after",
    "aggr",
    "root_weight",
    "normalize",
    "batch_norm",
    "final_activation",
    "jump",
    "residual",
    "fully_adjacent",
    "readout",
    "readout_levels",
    "readout_norm",
    "sum_scale",
    "skip_input",
    "mlp_channels",
    "dropout",
    "head_dropout",
    "link_weight",
    "entropy_weight",
    "objectives",
    "convention",
    "scale",
    "backend",
    "assignment",
    "sparse_level",
)
"""The settings passed to :class:`pyg_diffpool.DiffPoolNet` under their own names."""

_TYPES: dict[str, Any] = {
    name: kind for name, kind in get_type_hints(Settings).items() if name != "explicit"
}
_AT_LEAST = {
    **dict.fromkeys(("hidden_channels", "num_layers", "num_layers_after", "mlp_channels"), 1),
    **dict.fromkeys(("max_clusters", "batch_size", "eval_batch_size", "epochs", "patience"), 1),
    **dict.fromkeys(("embedding_channels", "degree_cap", "devices"), 1),
    **dict.fromkeys(("processing_steps", "field_size", "num_fields"), 1),
    **dict.fromkeys(("edge_hidden", "validation_window", "annealing_steps"), 1),
    **dict.fromkeys(("pyramid_levels",), 0),
    **dict.fromkeys(("label_cap",), 2),
    **dict.fromkeys(("num_pools", "weight_decay", "gradient_clip", "link_weight"), 0),
    "entropy_weight": 0,
}
_AT_MOST = {
    # Each of these is a layer, a pooling or a step that is made and kept.
    **dict.fromkeys(("num_layers", "num_layers_after"), 1000),
    **dict.fromkeys(("num_pools", "pyramid_levels"), 100),
    "processing_steps": 10_000,
    "devices": 1024,
    "cluster_ratio": 1e6,
}
_LARGEST_NUMBER = 10**9
"""Of whole numbers without a bound of their own: what is larger is a slip, and overflows later."""
_OPEN_ABOVE_ZERO = (
    *("learning_rate", "cluster_ratio", "sort_quantile", "sum_scale", "ema_decay"),
    *("temperature", "final_temperature"),
)
_MOST_DIGITS, _MOST_SHOWN = 400, 80
_BELOW_ONE = ("dropout", "head_dropout", "label_smoothing", "ema_decay")


def parse_overrides(pairs: Sequence[str]) -> dict[str, Any]:
    """Parse ``key=value`` texts into settings of the right types."""
    values: dict[str, Any] = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator:
            raise UsageError(f"--set: expected key=value, got {pair!r}")
        key = key.strip()
        values[key] = _from_text(key, text.strip())
    return values


def make_settings(*layers: Mapping[str, Any], record_explicit: bool = False) -> Settings:
    """Build settings from layers of which the later ones win.

    Args:
        layers: Mappings from keys to values, least specific first.
        record_explicit: Keep the names of the network settings that the layers name in
            ``explicit`` even without a preset. (default: :obj:`False`)
    """
    values: dict[str, Any] = {}
    for layer in layers:
        values.update({key: _checked(key, value) for key, value in layer.items()})
    if record_explicit or values.get("preset", "none") != "none":
        values["explicit"] = tuple(sorted(set(values) & set(NETWORK_KEYWORDS)))
    return Settings(**values)


def from_record(record: Mapping[str, Any]) -> Settings:
    """Rebuild settings from :meth:`Settings.as_dict`."""
    values = dict(record)
    explicit = tuple(values.pop("explicit", ()))
    return dataclasses.replace(make_settings(values), explicit=explicit)


def _kind(key: str) -> Any:
    if key not in _TYPES:
        raise unknown_name("setting", key, _TYPES)
    return _TYPES[key]


def _members(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def _from_text(key: str, text: str) -> Any:
    """Read ``text`` as the type of setting ``key``; what does not parse is left to the check."""
    for member in _members(_kind(key)):
        if member is types.NoneType and text.lower() in ("none", "null"):
            return None
        if member is bool and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if member in (int, float) and len(text) <= _MOST_DIGITS:
            try:
                return member(text)
            except ValueError:
                continue
        if member is Weights and ":" in text:
            return weights_from_text(text)
        if get_origin(member) is tuple and "," in text:
            return tuple(part.strip() for part in text.split(","))
    return text


def _json_ready(value: Any) -> Any:
    if isinstance(value, Weights):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


def _checked(key: str, value: Any) -> Any:
    """Return ``value`` if it fits setting ``key``, as a float where one is expected."""
    for member in _members(_kind(key)):
        if get_origin(member) is Literal and isinstance(value, str) and value in get_args(member):
            return value
        if member is types.NoneType and value is None:
            return None
        if member is bool and isinstance(value, bool):
            return value
        if member is int and isinstance(value, int) and not isinstance(value, bool):
            return _in_range(key, value)
        if member is float and isinstance(value, int | float) and not isinstance(value, bool):
            return _in_range(key, _as_float(value))
        if member is Weights and isinstance(value, Mapping | Weights):
            return checked_weights(key, dict(value))
        if get_origin(member) is tuple and isinstance(value, list | tuple):
            return _several(key, value, get_args(get_args(member)[0]))
    choices = [
        choice
        for member in _members(_kind(key))
        if get_origin(member) is Literal
        for choice in get_args(member)
    ]
    if choices and isinstance(value, str):
        raise unknown_name(f"value of setting {key}", value, choices)
    names = " or ".join(map(_described, _members(_kind(key))))
    raise UsageError(f"setting {key}: expected {names}, got {_shortened(value)}")


def _described(member: Any) -> str:
    """Return what a member of a setting's type allows, in words."""
    if get_origin(member) is Literal:
        return "one of " + ", ".join(map(repr, get_args(member)))
    if get_origin(member) is tuple:
        return "several of these"
    if member is Weights:
        return "weights by name"
    return "none" if member is types.NoneType else str(member.__name__)


def _several(key: str, values: Sequence[Any], known: Sequence[str]) -> Any:
    """Return several names as a tuple, and one alone as itself, so that it has one way to be."""
    if len(values) == 0:
        raise UsageError(f"setting {key}: expected one of {', '.join(known)} or several, got none")
    for value in values:
        if not isinstance(value, str) or value not in known:
            raise unknown_name(f"value of setting {key}", str(value), known)
    if len(set(values)) < len(values):
        raise UsageError(f"setting {key}: expected each name once, got {', '.join(values)}")
    return values[0] if len(values) == 1 else tuple(values)


def _as_float(value: int | float) -> float:
    """Return a number as a float; one that no float can hold is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _in_range(key: str, value: float) -> float:
    expected = None
    largest = _AT_MOST.get(key, _LARGEST_NUMBER if isinstance(value, int) else math.inf)
    if isinstance(value, float) and not math.isfinite(value):
        expected = "a finite number"
    elif value > largest:
        expected = f"at most {largest:.0f}"
    elif key in _AT_LEAST and value < _AT_LEAST[key]:
        expected = f"at least {_AT_LEAST[key]}"
    elif key in _OPEN_ABOVE_ZERO and value <= 0:
        expected = "more than 0"
    elif key in _BELOW_ONE and not 0 <= value < 1:
        expected = "at least 0 and less than 1"
    if expected is not None:
        raise UsageError(f"setting {key}: expected {expected}, got {_shortened(value)}")
    return value


def _shortened(value: Any) -> str:
    """Return a value as Python writes it, cut where it is long."""
    if isinstance(value, int) and abs(value) > 10**_MOST_DIGITS:
        return "a number of many digits"
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
