"""Methods: one file a row of the paper's tables, found by its place, or a class of the user's.

Each module directly in this package is a method. Its name is the file's, with hyphens for
underscores; the first line of its docstring describes it in ``python -m benchmarks list``. Nothing
else lists it. What several methods are made of is in :mod:`benchmarks.methods.parts`.

A module has ``DEFAULTS``, settings that differ from those of
:class:`benchmarks.spec.settings.Settings`, and one function that says of which kind it is
(:data:`KINDS`):

- ``build(settings, problem) -> torch.nn.Module`` makes an untrained **network**, which is called as
  ``model(x, edge_index, batch=...)`` (``benchmarks/training/forward.py``). What it needs to know of
  each graph beyond features and edges, its module computes once in ``prepare``
  (``benchmarks/training/prepared.py``).
- ``grams(graphs, jobs, report)`` yields the Gram matrices of a **kernel**
  (:class:`benchmarks.kernels.kernel.Kernel`), which a support vector machine classifies by.

- ``describe_graphs(x, sizes)`` describes each graph by a row of numbers for an **estimator**
  (:class:`Estimator`), a scikit-learn pipeline whose parameters are chosen on the hold-out.

A kind is a row of :data:`KINDS` and an engine, a module that checks, prepares and trains methods of
this kind (``benchmarks/training/engines.py``).
"""

import ast
import importlib
import importlib.util
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

from sklearn.pipeline import Pipeline
from torch import Tensor, nn

from benchmarks.data.ogb_encoder import Encoded, make_encoder
from benchmarks.kernels.kernel import Kernel
from benchmarks.methods.parts.graph_statistics import FloatArray
from benchmarks.methods.parts.user_class import UserClass
from benchmarks.spec.errors import unknown_name
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import Settings


class Method(Protocol):
    """What the module of any method offers."""

    DEFAULTS: dict[str, Any]


class Network(Method, Protocol):
    """What the module of a network offers."""

    def build(self, settings: Settings, problem: Problem) -> nn.Module:
        """Return an untrained network."""


class Estimator(Method, Protocol):
    """What the module of an estimator offers.

    Attributes:
        PARAMETERS: Values of each parameter, of which all combinations are tried.
        describe_graphs: Makes a row of numbers for each graph, of the features of all nodes, graph
            after graph, and each graph's number of nodes.
        estimator: Makes an estimator that is not fitted, for so many columns.
    """

    PARAMETERS: dict[str, tuple[float, ...]]
    describe_graphs: Callable[[Tensor, Tensor], FloatArray]
    estimator: Callable[..., Pipeline]


class Kind(NamedTuple):
    """What methods share that are trained in the same way.

    Attributes:
        name: What a message calls a method of this kind.
        function: Name of the function that a module of this kind has, and no other has.
        has_epochs: Whether it is trained epoch after epoch.
        chosen: What is chosen in place of settings, and how; empty where methods of this kind have
            settings.
    """

    name: str
    function: str
    has_epochs: bool
    chosen: str = ""

    @property
    def with_article(self) -> str:
        """The name as it stands in a sentence."""
        return f"an {self.name}" if self.name[0] in "aeiou" else f"a {self.name}"


NETWORK = Kind("network", "build", has_epochs=True)
KERNEL = Kind(
    "kernel",
    "grams",
    has_epochs=False,
    chosen="C and the number of iterations are chosen by cross-validation",
)
ESTIMATOR = Kind(
    "estimator",
    "describe_graphs",
    has_epochs=False,
    chosen="its parameters are chosen on the hold-out",
)
KINDS = (NETWORK, KERNEL, ESTIMATOR)


def method_names() -> tuple[str, ...]:
    """Return the names of all methods here, in alphabetical order."""
    modules = (module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg)
    return tuple(sorted(name.replace("_", "-") for name in modules))


def describe(method: str) -> str:
    """Return the first line of a method's docstring, without importing the method."""
    spec = importlib.util.find_spec(_module_name(method))
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def is_user_class(method: str) -> bool:
    """Tell whether ``method`` names a class of the user's (``my_package.my_module:MyModel``)."""
    return ":" in method


def load_method(method: str) -> Method:
    """Return the module of the method of this name, or the user's class at ``module:Class``."""
    if is_user_class(method):
        return UserClass.load(method)
    if method not in method_names():
        raise unknown_name("method", method, method_names())
    module: Any = importlib.import_module(_module_name(method))
    return module  # type: ignore[no-any-return]


def load_kernel(method: str) -> Kernel:
    """Return the module of a kernel."""
    return cast(Kernel, load_method(method))


def load_estimator(method: str) -> Estimator:
    """Return the module of an estimator."""
    return cast(Estimator, load_method(method))


def kind_of(method: str) -> Kind:
    """Return a method's kind; a class of the user's is a network, and is not imported for it."""
    if is_user_class(method):
        return NETWORK
    module = load_method(method)
    (kind,) = (kind for kind in KINDS if hasattr(module, kind.function))
    return kind


def build_network(method: str, settings: Settings, problem: Problem) -> nn.Module:
    """Return a method's untrained network, behind an encoder where the problem names one.

    The encoder makes features of width ``settings.hidden_channels`` of nodes and of edges, and the
    method builds its network for those.
    """
    implementation = cast(Network, load_method(method))
    if problem.encoder is None:
        return implementation.build(settings, problem)
    width = settings.hidden_channels
    encoder = make_encoder(problem.encoder, problem.num_edge_features, width)
    encoded = problem._replace(num_features=width, num_edge_features=width, encoder=None)
    return Encoded(encoder, implementation.build(settings, encoded))


def _module_name(method: str) -> str:
    return f"{__name__}.{method.replace('-', '_')}"
