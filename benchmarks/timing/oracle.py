"""What the paper's equations say of a batch: the oracles of the tests, in float64 on the CPU.

They work on one dense matrix a graph, with loops over graphs, and share no code with the library.
Conventions of the losses differ between systems by constant factors: ``"paper"`` (the library's
default), ``"pyg"`` and ``"tgp"``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from benchmarks.spec.errors import UsageError
from benchmarks.timing.batches import Problem

Outputs = tuple[Tensor, ...]
# A tests.problem.Problem.
Graphs = Any


def oracles() -> ModuleType:
    """Return the module of oracles, which only a checkout has."""
    return _of_tests("oracles")


def problems() -> ModuleType:
    """Return the module of batches that the oracles are for."""
    return _of_tests("problem")


def _of_tests(name: str) -> ModuleType:
    """Import a module of the tests.

    Raises:
        UsageError: If it is not there.
    """
    try:
        return importlib.import_module(f"tests.{name}")
    except ImportError as error:
        raise UsageError(
            f"results are checked by tests/{name}.py: expected `python -m benchmarks` to be run in "
            f"the root of a checkout ({error})"
        ) from error


def graphs_of(problem: Problem) -> Graphs:
    """Return a batch on the CPU as the oracles take it."""
    sizes = tuple(problem.sizes.tolist())
    return problems().Problem(sizes, problem.x, problem.logits, problem.edge_index, None)


def coarsened(graphs: Graphs, x: Tensor, s: Tensor, weight: Tensor | None) -> Outputs:
    """Return pooled features, pooled adjacency and Gram matrix (Eqs. 3 and 4)."""
    found: Outputs = oracles().coarsen_oracle(graphs, x, s, weight)
    return found


def link_loss(graphs: Graphs, s: Tensor, weight: Tensor | None, convention: str) -> Tensor:
    """Return the norm of A - SSᵀ: the mean over graphs, or of the whole batch."""
    if convention == "paper":
        return oracles().link_oracle(graphs, s, weight).mean()
    total = oracles().link_oracle(graphs, s, weight, "pyg").sum()
    # The root, with slope 0 at 0.
    root = total.sqrt() if total > 0 else total * 0
    if convention == "pyg":
        return root / max(len(graphs.sizes) * max(graphs.sizes) ** 2, 1)
    return root


def entropy(graphs: Graphs, s: Tensor, convention: str) -> Tensor:
    """Return the entropy of rows: the mean over nodes, then graphs, or over the (padded) batch."""
    sums: Tensor = oracles().entropy_oracle(graphs, s)
    if convention == "paper":
        return (sums / torch.tensor(graphs.sizes).clamp(min=1)).mean()
    slots = len(graphs.sizes) * max(graphs.sizes) if convention == "pyg" else sum(graphs.sizes)
    return sums.sum() / max(slots, 1)


def pooled(
    graphs: Graphs, x: Tensor, logits: Tensor, weight: Tensor | None, convention: str
) -> Outputs:
    """Return the whole layer: pooled features and adjacency, link and entropy loss."""
    s = logits.softmax(-1)
    features, adjacency, _ = coarsened(graphs, x, s, weight)
    losses = link_loss(graphs, s, weight, convention), entropy(graphs, s, convention)
    return features, adjacency, *losses


def _link(graphs: Graphs, x: Tensor, logits: Tensor, weight: Tensor | None) -> Outputs:
    return (link_loss(graphs, logits.softmax(-1), weight, "paper"),)


def mincut(graphs: Graphs, x: Tensor, logits: Tensor, weight: Tensor | None) -> Outputs:
    """Return MinCut pooling: features, normalised adjacency, cut and orthogonality loss."""
    s = logits.softmax(-1)
    features, adjacency, _ = coarsened(graphs, x, s, weight)
    cut = oracles().cut_oracle(graphs, s, weight).mean()
    return features, _normalized(adjacency), cut, oracles().orthogonality_oracle(graphs, s).mean()


def dmon(
    graphs: Graphs, x: Tensor, logits: Tensor, weight: Tensor | None, convention: str = ""
) -> Outputs:
    """Return DMoN pooling: features, normalised adjacency, and three losses.

    With the convention ``"PyG"`` the cluster loss of every graph is divided by the size of each;
    with ``"tgp"`` features are not activated.
    """
    s = logits.softmax(-1)
    features, adjacency, _ = coarsened(graphs, x, s, weight)
    spectral = oracles().modularity_oracle(graphs, s, weight).mean()
    orthogonality = oracles().orthogonality_oracle(graphs, s).mean()
    collapse = oracles().collapse_oracle(graphs, s)
    if convention == "PyG":
        sizes = torch.tensor(graphs.sizes, dtype=s.dtype)
        collapse = (collapse + 1) * sizes / sizes.unsqueeze(1) - 1
    features = features if convention == "tgp" else torch.nn.functional.selu(features)
    return features, _normalized(adjacency), spectral, orthogonality, collapse.mean()


def _normalized(adjacency: Tensor) -> Tensor:
    """Return matrices without their diagonal, divided by the roots of the row sums."""
    adjacency = adjacency - torch.diag_embed(adjacency.diagonal(dim1=1, dim2=2))
    degrees = adjacency.sum(-1)
    roots = torch.where(degrees > 0, degrees, torch.inf) ** -0.5
    return roots.unsqueeze(-1) * adjacency * roots.unsqueeze(-2)


EXACT: dict[str, Callable[[Graphs, Tensor, Tensor, Tensor | None], Outputs]] = {
    "coarsen": coarsened,
    "link": _link,
    **{name: partial(pooled, convention=name) for name in ("paper", "pyg", "tgp")},
    "MinCut": mincut,
    "DMoN": dmon,
    **{f"DMoN, {name}": partial(dmon, convention=name) for name in ("PyG", "tgp")},
}
"""What results are compared with: the layer under a convention, or one of its parts alone."""


def relative_error(got: Tensor, want: Tensor, least: float = 0.0) -> float:
    """Return the largest error over the largest exact value; infinite for another shape.

    Args:
        got: What was computed.
        want: The exact values, on the CPU.
        least: What the error is divided by where the largest exact value is less.
    """
    got, want = got.detach().cpu().double(), want.detach()
    if got.shape != want.shape:
        return float("inf")
    if want.numel() == 0:
        return 0.0
    scale = max(float(want.abs().max()), least)
    return float((got - want).abs().max()) / (scale if scale > 0 else 1.0)
