"""The losses beside those of the paper, each with its oracle, and how all of them are called."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.testing import assert_close

from pyg_diffpool import (
    balance_loss,
    collapse_loss,
    cut_loss,
    modularity_loss,
    orthogonality_loss,
)
from tests.oracles import (
    balance_oracle,
    collapse_oracle,
    cut_oracle,
    modularity_oracle,
    orthogonality_oracle,
)
from tests.problems import Problem, leaf

OF_EDGES = {"cut": (cut_loss, cut_oracle), "modularity": (modularity_loss, modularity_oracle)}
OF_NODES = {
    "orthogonality": (orthogonality_loss, orthogonality_oracle),
    "collapse": (collapse_loss, collapse_oracle),
    "balance": (balance_loss, balance_oracle),
}
LOSSES = {**OF_EDGES, **OF_NODES}
EXACT = {"rtol": 1e-9, "atol": 1e-9}


def oracle_of(name: str, problem: Problem, s: Tensor, weight: Tensor | None = None) -> Tensor:
    """What the equations say, one value per graph."""
    oracle = LOSSES[name][1]
    return oracle(problem, s, weight) if name in OF_EDGES else oracle(problem, s)


def call(name: str, problem: Problem, s: Tensor, **changes) -> Tensor:
    """Call a loss on a problem with one value per graph."""
    arguments = {
        "edge_index": problem.edge_index,
        "edge_weight": problem.edge_weight,
        "batch": problem.batch,
        "batch_size": problem.batch_size,
        "reduction": "none",
    }
    return LOSSES[name][0](s, **{**arguments, **changes})


def check_values_and_gradients(name: str, problem: Problem) -> None:
    """Compare a loss with its oracle: values, and gradients of assignment and weights."""
    s, weight = leaf(problem.s), leaf(problem.weight)
    given = None if problem.edge_weight is None else weight
    values = call(name, problem, s, edge_weight=given)
    wanted = oracle_of(name, problem, s, weight)
    assert_close(values, wanted, **EXACT)
    direction = torch.arange(1.0, values.numel() + 1, dtype=torch.float64)
    # At a distance of zero there is no gradient to compare.
    direction = direction * (wanted.detach().abs() > 1e-6)
    inputs = (s,) if given is None else (s, weight)
    options = {"allow_unused": True, "materialize_grads": True}
    found = torch.autograd.grad((values * direction).sum(), inputs, **options)
    if not wanted.requires_grad:
        wanted = wanted + 0 * s.sum()
    expected = torch.autograd.grad((wanted * direction).sum(), inputs, **options)
    assert_close(found, expected, **EXACT)
