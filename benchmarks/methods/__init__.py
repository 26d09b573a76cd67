"""The registry of methods: one module a row of the paper's tables, or a class of the user's.

A method's module has ``DEFAULTS``, settings that differ from those of
:class:`benchmarks.spec.settings.Settings`, and ``build(settings, problem) -> torch.nn.Module``. The
network built is called as ``model(x, edge_index, batch=...)`` (``benchmarks/training/forward.py``).
What it needs to know of each graph beyond features and edges, its module computes once in
``prepare`` (``benchmarks/training/prepared.py``). A kernel's module has ``grams`` instead of
``build`` (see :class:`benchmarks.methods.kernel.Kernel`).
"""

import importlib
from typing import Any, Protocol

from torch import nn

from benchmarks.data.ogb_encoder import Encoded, make_encoder
from benchmarks.methods.user_class import UserClass
from benchmarks.spec.errors import unknown_name
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import Settings

METHODS = {
    "diffpool": "benchmarks.methods.diffpool",
    "diffpool-det": "benchmarks.methods.diffpool_det",
    "diffpool-nolp": "benchmarks.methods.diffpool_nolp",
    "ecc": "benchmarks.methods.ecc",
    "graphlet": "benchmarks.methods.graphlet",
    "graphsage": "benchmarks.methods.graphsage",
    "patchysan": "benchmarks.methods.patchysan",
    "s2v": "benchmarks.methods.s2v",
    "s2v-diffpool1": "benchmarks.methods.s2v_diffpool1",
    "s2v-diffpool2": "benchmarks.methods.s2v_diffpool2",
    "set2set": "benchmarks.methods.set2set",
    "shortest-path": "benchmarks.methods.shortest_path",
    "sortpool": "benchmarks.methods.sortpool",
    "wl": "benchmarks.methods.wl",
    "wl-oa": "benchmarks.methods.wl_oa",
}


class Method(Protocol):
    """What a method's module offers."""

    DEFAULTS: dict[str, Any]

    def build(self, settings: Settings, problem: Problem) -> nn.Module:
        """Return an untrained network."""


def is_user_class(method: str) -> bool:
    """Tell whether ``method`` names a class of the user's (``my_package.my_module:MyModel``)."""
    return ":" in method


def load_method(method: str) -> Method:
    """Return the method registered under a name, or the user's class at ``module:Class``."""
    if is_user_class(method):
        return UserClass.load(method)
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    module: Any = importlib.import_module(METHODS[method])
    return module  # type: ignore[no-any-return]


def build_network(method: str, settings: Settings, problem: Problem) -> nn.Module:
    """Return a method's untrained network, behind an encoder where the problem names one.

    The encoder makes features of width ``settings.hidden_channels`` of nodes and of edges, and the
    method builds its network for those.
    """
    implementation = load_method(method)
    if problem.encoder is None:
        return implementation.build(settings, problem)
    width = settings.hidden_channels
    encoder = make_encoder(problem.encoder, problem.num_edge_features, width)
    encoded = problem._replace(num_features=width, num_edge_features=width, encoder=None)
    return Encoded(encoder, implementation.build(settings, encoded))
