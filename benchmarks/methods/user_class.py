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
from pathlib import Path
from typing import Any

from torch import nn

from benchmarks.errors import UsageError, unknown_name
from benchmarks.problem import Problem
from benchmarks.settings import Settings


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
        if os.getcwd() not in sys.path:
            sys.path.insert(0, os.getcwd())
        try:
            module = importlib.import_module(module_name)
        except ImportError as error:
            raise UsageError(f"--method {name}: cannot import {module_name}: {error}") from error
        model_class = getattr(module, class_name, None)
        if model_class is None:
            raise unknown_name(
                f"class of module {module_name}",
                class_name,
                [key for key, value in vars(module).items() if inspect.isclass(value)],
            )
        if not (inspect.isclass(model_class) and issubclass(model_class, nn.Module)):
            raise UsageError(f"--method {name}: expected a subclass of torch.nn.Module")
        return cls(name, model_class)

    def build(self, settings: Settings, problem: Problem) -> nn.Module:
        """Construct the class with the settings that were named and that it has a parameter for."""
        parameters = inspect.signature(self.model_class).parameters
        missing = [key for key in settings.explicit if key not in parameters]
        if missing:
            raise UsageError(
                f"setting {missing[0]}: {self.name} has no parameter of that name; "
                f"it has {', '.join(parameters)}"
            )
        keywords = {key: getattr(settings, key) for key in settings.explicit}
        if "max_clusters" in parameters:
            keywords["max_clusters"] = problem.clusters
        return self.model_class(
            problem.num_features, settings.hidden_channels, problem.num_classes, **keywords
        )

    def fingerprint(self) -> str:
        """Return the SHA-256 of the module's source: an edited model must not join an old run."""
        source = inspect.getsourcefile(self.model_class)
        content = Path(source).read_bytes() if source else self.name.encode()
        return hashlib.sha256(content).hexdigest()
