"""What every backend computes, by plain loops over graphs."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.testing import assert_close

from pyg_diffpool.ops.backends import Backend
from pyg_diffpool.ops.segments import Segments, segments
from tests.problems import Problem, make_problem

SIZES = {"of one size": (3, 3), "with an empty one": (4, 0, 1), "one": (5,)}


class Operands:
    """A batch with features, an assignment, and some rows in place of the sparse product."""

    def __init__(self, sizes: tuple[int, ...], features: int = 3):
        self.problem: Problem = make_problem(sizes, num_features=max(features, 1), num_clusters=2)
        self.x, self.s = self.problem.x[:, :features], self.problem.s
        self.p = torch.randn(self.problem.num_nodes, 2, dtype=torch.float64)
        self.graphs = segments(
            self.problem.num_nodes, self.problem.batch, len(sizes), None, self.x.device, None
        )

    def of_graphs(self, function: Callable[[slice, int], Tensor]) -> list[Tensor]:
        return [
            function(self.problem.rows(graph), graph) for graph in range(self.problem.batch_size)
        ]

    def contracted(self) -> tuple[Tensor, ...]:
        """Return ``S^T X``, ``S^T P`` and ``S^T S`` of each graph."""
        return tuple(
            torch.stack(self.of_graphs(lambda rows, _, v=values: self.s[rows].t() @ v[rows]))
            for values in (self.x, self.p, self.s)
        )


def check_contract(backend: type[Backend], sizes: tuple[int, ...], features: int) -> None:
    given = Operands(sizes, features)
    multiplier = backend(given.graphs)
    rows = multiplier.arrange(given.x, given.p, given.s)
    assert_close(multiplier.contract(rows, given.x, given.s), given.contracted())


def check_expand_and_spread(backend: type[Backend], sizes: tuple[int, ...]) -> None:
    given = Operands(sizes)
    x, p, s, multiplier = given.x, given.p, given.s, backend(given.graphs)
    rows = multiplier.arrange(x, p, s)
    onto_x, onto_p, onto_s = (
        torch.randn(len(sizes), 2, columns, dtype=torch.float64) for columns in (3, 2, 2)
    )
    found_x, found_s = multiplier.expand(rows, x, s, onto_x, onto_p, onto_s)
    assert_close(found_x, torch.cat(given.of_graphs(lambda r, g: s[r] @ onto_x[g])))
    wanted = given.of_graphs(
        lambda r, g: x[r] @ onto_x[g].t() + p[r] @ onto_p[g] + s[r] @ onto_s[g]
    )
    assert_close(found_s, torch.cat(wanted))
    spread = multiplier.spread(rows, x, s, onto_p)
    assert_close(spread, torch.cat(given.of_graphs(lambda r, g: s[r] @ onto_p[g])))


def sized(sizes: list[int]) -> Segments:
    ptr = torch.tensor([0, *sizes]).cumsum(0)
    batch = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    return Segments(batch, ptr, len(sizes), max(sizes))
