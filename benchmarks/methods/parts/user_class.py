"""A class of the user's as a method: ``--method my_package.my_module:MyModel``.

The class is constructed as ``MyModel(in_channels, hidden_channels, out_channels)`` and called as
``model(x, edge_index, batch=...)``; it returns logits ``[B, C]``, a tuple ``(logits, auxiliary
loss)``, or an object with ``logits`` and, where it has one, ``loss``.

A network setting named by ``--set`` (``num_layers``, ``dropout``, ...) is passed to the constructor
when the constructor has a parameter of that name, and is an error when it has none; settings that
were not named are not passed, so that the class keeps its own defaults. A parameter
``max_clusters`` gets the number of clusters of each pooling, a list.
"""

import hashlib
import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from benchmarks.spec.errors import UsageError, unknown_name
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import Settings

_MAY_BE_GIVEN = (
    "batch_size",
    "edge_weight",
    "edge_attr",
    "ptr",
    "adjacency",
    "max_num_nodes",
    "graph_index",
)


class UserClass:
    """A method made of a class: what a method's module is, without a file here."""

    def __init__(self, name: str, model_class: type[nn.Module]) -> None:
        self.name = name
        self.model_class = model_class
        self.DEFAULTS: dict[str, Any] = {}

    @classmethod
    def load(cls, name: str) -> "UserClass":
        """Import ``module:Class``, looking in the working directory too, as ``python -m`` does."""
        module_name, _, class_name = name.partition(":")
        if not all(part.isidentifier() for part in [*module_name.split("."), class_name]):
            raise UsageError(
                f"--method {name}: expected a name such as my_package.my_module:MyModel"
            )
        module = _imported(name, module_name)
        model_class = getattr(module, class_name, None)
        if model_class is None:
            raise unknown_name(
                f"class of module {module_name}",
                class_name,
                [key for key, value in vars(module).items() if inspect.isclass(value)],
            )
        if not (inspect.isclass(model_class) and issubclass(model_class, nn.Module)):
            raise UsageError(
                f"--method {name}: expected a subclass of torch.nn.Module, {class_name} of "
                f"{module_name} is none"
            )
        return cls(name, model_class)

    def build(self, settings: Settings, problem: Problem) -> nn.Module:
        """Construct the class with the settings that were named and that it has a parameter for."""
        parameters = _parameters(self.model_class)
        missing = [key for key in settings.explicit if key not in parameters]
        if missing:
            raise UsageError(
                f"setting {missing[0]}: {self.name} has no parameter of that name; "
                f"it has {', '.join(parameters)}"
            )
        keywords = settings.network_keywords(settings.explicit)
        if "max_clusters" in parameters:
            keywords["max_clusters"] = problem.clusters
        widths = (problem.num_features, settings.hidden_channels, problem.num_classes)
        try:
            model = self.model_class(*widths, **keywords)
        except (Exception, SystemExit) as error:
            named = "".join(f", {key}=…" for key in keywords)
            raise _failed(
                error,
                f"--method {self.name}: {self._short}(in_channels, hidden_channels, "
                f"out_channels{named}) failed in your code",
            ) from error
        self._check_forward(model)
        return model

    @property
    def _short(self) -> str:
        return self.name.partition(":")[2]

    def _check_forward(self, model: nn.Module) -> None:
        """Refuse a ``forward`` that cannot be called with a batch."""
        try:
            signature = inspect.signature(model.forward)
        except (TypeError, ValueError):  # One written in C says nothing of itself.
            return
        given = {"batch": None}
        # What else a batch holds is passed by name where there is a parameter (see Forward).
        for parameter in list(signature.parameters.values())[2:]:
            if parameter.kind is parameter.KEYWORD_ONLY or parameter.name in _MAY_BE_GIVEN:
                given[parameter.name] = None
        try:
            signature.bind(None, None, **given)
        except TypeError as error:
            raise UsageError(
                f"--method {self.name}: expected forward(x, edge_index, batch, ...), got "
                f"forward{signature}: {error}"
            ) from error

    def fingerprint(self) -> str:
        """Return the SHA-256 of the module's source: an edited model must not join an old run."""
        try:
            source = inspect.getsourcefile(self.model_class)
            content = Path(source).read_bytes() if source else self.name.encode()
        except (OSError, TypeError):  # A class without a source, such as one written in C.
            content = self.name.encode()
        return hashlib.sha256(content).hexdigest()


def check_source(run: str, method: str, fingerprint: str | None) -> None:
    """Refuse to import a stored run's class unless its file is the one that was trained.

    Args:
        run: Id of the run.
        method: ``module:Class`` that it names.
        fingerprint: What :meth:`UserClass.fingerprint` was then.

    Raises:
        UsageError: If the module's file is not found, without importing anything, or is another.
    """
    *packages, module = method.partition(":")[0].split(".")
    # Found as an import would find it, which looks in the working directory first.
    folders: Sequence[str] | None = [os.getcwd(), *sys.path]
    for name in packages:
        spec = None if folders is None else PathFinder.find_spec(name, folders)
        folders = None if spec is None else spec.submodule_search_locations
        # A package's own code runs before its module's, and no fingerprint was taken of it.
        if spec is not None and spec.origin and Path(spec.origin).read_bytes().strip():
            raise UsageError(
                f"run {run}: {spec.origin} would run before the source of {method}, and was not "
                "recorded with the run, so that nothing is imported; expected an empty one"
            )
    spec = None if folders is None else PathFinder.find_spec(module, folders)
    if spec is None or not spec.origin:
        raise UsageError(f"run {run}: {method} is not found; its networks cannot be rebuilt")
    found = Path(spec.origin)
    if hashlib.sha256(found.read_bytes()).hexdigest() != fingerprint:
        raise UsageError(
            f"run {run}: {found} is not the source that {method} was trained from, and is not "
            "imported; put that source back to look at its networks"
        )


def _imported(method: str, module_name: str) -> ModuleType:
    """Import a module of the user's, whose failures are the user's too."""
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module_name}.".startswith(f"{error.name}."):
            raise UsageError(f"--method {method}: cannot import {module_name}: {error}") from error
        failure: BaseException = error
    except (Exception, SystemExit) as error:
        failure = error
    message = f"--method {method}: cannot import {module_name}, which failed in your code"
    raise _failed(failure, message) from failure


def _failed(error: BaseException, message: str) -> UsageError:
    """Return the error for a failure in the user's code, with the traceback of that code."""
    text = str(error)
    if isinstance(error, SystemExit):
        text = f"it ends the process, with {error.code!r}"
    shown = traceback.TracebackException.from_exception(error)
    # The calls that lead there, ours and the import system's, are not the user's concern.
    ours = [frame for frame in shown.stack if not _is_ours(frame.filename)]
    shown.stack = traceback.StackSummary.from_list(ours)
    return UsageError(f"{message}: {type(error).__name__}: {text}", "".join(shown.format()))


def _is_ours(file: str) -> bool:
    return file == __file__ or "importlib" in file


def _parameters(model_class: type[nn.Module]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(model_class).parameters
    except (TypeError, ValueError):  # A class written in C says nothing of itself.
        return {}
