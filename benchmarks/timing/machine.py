r"""How fast the machine could coarsen at best, to hold the measured times against.

The limit of a batch is the larger of two times: the arithmetic at the rate of a large matrix
product, and the memory traffic at the rate of a large copy, both measured in the same run.
What has to be done is counted twice: here for the whole step, inputs and results alone; and in
:func:`contract_counts`, :func:`expand_counts` and :func:`step_counts` stage by stage.

Arithmetic of one forward and backward pass, in floating-point operations (a multiply-add is two),
for :math:`N` nodes, :math:`E` edges, :math:`F` features and :math:`K` clusters:

* the sparse product :math:`\mathbf{A}^{\top} \mathbf{S}`: :math:`2EK`, once for an undirected graph
  and twice for a directed one;
* forward, :math:`\mathbf{S}^{\top} [\mathbf{X} | \mathbf{P} | \mathbf{S}]`:
  :math:`2NK(F + 2K)`;
* backward, the gradient of :math:`\mathbf{X}`: :math:`2NKF`, and that of :math:`\mathbf{S}`:
  :math:`2NK(F + 2K)`.

Softmax, entropy and losses are left out, as are the :math:`O(K^2)` sums of the losses.

The fewest bytes (float32: 4, indices: 8), each input read once a pass, each result written once:

* forward, read: features :math:`4NF`, logits :math:`4NK`, edges :math:`16E`, batch vector
  :math:`8N`; written: pooled features :math:`4BKF` and adjacency :math:`4BK^2`, two losses
  :math:`8`;
* backward, read: features :math:`4NF`, logits :math:`4NK`, batch vector :math:`8N`, cotangents
  :math:`4BKF + 4BK^2 + 8`; written: gradients :math:`4NF + 4NK`.

What a pass keeps for itself or for the other is not counted, nor are the edges in the backward
pass, which an undirected graph does not need. A batch that fits into a cache can be faster than its
bytes at the rate of a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch

from benchmarks.timing.batches import Problem
from benchmarks.timing.limited_process import describe
from benchmarks.timing.turns import free_memory, timed

FLOAT, INDEX = 4, 8
# Side of the square product, and numbers that the copy moves: beyond any cache.
SIDE = {"cpu": 2048, "cuda": 8192}
COPIED = {"cpu": 2**26, "cuda": 2**28}
# tf32: float32 inputs with ten bits of mantissa, on tensor cores; never taken without asking.
KINDS = {
    "float32": torch.float32,
    "tf32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float64": torch.float64,
}


class Rates(NamedTuple):
    """What the machine does in a second.

    Attributes:
        bytes_per_s: Bytes read and written by a large copy, together.
        flops_per_s: Operations (two a multiply-add) of a large matrix product of each kind.
        notes: What could not be measured.
    """

    bytes_per_s: float
    flops_per_s: dict[str, float]
    notes: dict[str, str]


class Counts(NamedTuple):
    """Bytes that a computation must at least move, and operations that it must do."""

    bytes: float
    flops: float

    def ceiling_seconds(self, rates: Rates, kind: str = "float32") -> tuple[float, str]:
        """Return the larger of both times, and what it is spent on."""
        moving = self.bytes / rates.bytes_per_s
        computing = self.flops / rates.flops_per_s[kind]
        return max(moving, computing), "memory" if moving > computing else "arithmetic"

    def __add__(self, other: object) -> Counts:
        """Sum both."""
        assert isinstance(other, Counts)
        return Counts(self.bytes + other.bytes, self.flops + other.flops)


def measure_rates(
    device: str = "cpu",
    kinds: Sequence[str] = ("float32",),
    side: int | None = None,
    copied: int | None = None,
    repeats: int = 5,
) -> Rates:
    """Return the best of several rates, with the threads that torch is set to.

    Args:
        device: Where to measure.
        kinds: Formats of the product, of :data:`KINDS`.
        side: Rows and columns of the product's square matrices.
        copied: Numbers that the copy moves.
        repeats: Timings of each.
    """
    where = torch.device(device).type
    side, copied = side or SIDE[where], copied or COPIED[where]
    source, target = torch.ones(copied, device=device), torch.empty(copied, device=device)
    moved = 2 * FLOAT * copied / _best_seconds(partial(target.copy_, source), device, repeats)
    del source, target
    flops, notes = {}, {}
    for kind in kinds:
        try:
            left, right = (torch.rand(side, side, device=device).to(KINDS[kind]) for _ in range(2))
            multiply = partial(torch.mm, left, right, out=torch.empty_like(left))
            with _tensor_cores(kind == "tf32"):
                flops[kind] = 2 * side**3 / _best_seconds(multiply, device, repeats)
        except RuntimeError as error:
            notes[kind] = describe(error)
    free_memory(device)
    return Rates(moved, flops, notes)


def _best_seconds(step: Callable[[], object], device: str, repeats: int) -> float:
    # The first call loads libraries and touches the memory for the first time.
    step()
    return min(timed(step, device) for _ in range(repeats))


@contextmanager
def _tensor_cores(allowed: bool) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def least_counts(
    nodes: int, edges: int, features: int, clusters: int, graphs: int, sparse_products: int = 1
) -> Counts:
    """Return the least of one forward and backward pass over a batch, by the formulas above.

    Args:
        nodes: Nodes of the batch, :math:`N`.
        edges: Entries of its adjacency matrices, :math:`E` (both directions count).
        features: Width of the features, :math:`F`.
        clusters: Clusters of each graph, :math:`K`.
        graphs: Graphs of the batch, :math:`B`.
        sparse_products: One for undirected graphs, two for directed ones.
    """
    side_by_side = 2 * nodes * clusters * (features + 2 * clusters)
    flops = 2 * side_by_side + 2 * nodes * clusters * features
    flops += sparse_products * 2 * edges * clusters
    rows = nodes * (FLOAT * (features + clusters) + INDEX)
    pooled = graphs * clusters * (features + clusters) * FLOAT + 2 * FLOAT
    forward = rows + 2 * INDEX * edges + pooled
    backward = rows + pooled + FLOAT * nodes * (features + clusters)
    return Counts(forward + backward, flops)


def least_of(problem: Problem) -> Counts:
    """Return the least of a problem, whose graphs are undirected."""
    (nodes, features), clusters = problem.x.shape, problem.logits.size(1)
    return least_counts(nodes, problem.edge_index.size(1), features, clusters, problem.batch_size)


def limit(problems: Sequence[Problem], rates: Rates) -> dict[str, Any]:
    """Return what a row says of the limit: the mean of its batches, as its times are."""
    counts = [least_of(problem) for problem in problems]
    total = sum(counts, Counts(0, 0))
    return {
        "limit_ms": 1e3 * sum(each.ceiling_seconds(rates)[0] for each in counts) / len(counts),
        "bound": total.ceiling_seconds(rates)[1],
        "gflop": total.flops / len(counts) / 1e9,
        "mbytes": total.bytes / len(counts) / 1e6,
        "gemm_gflops": rates.flops_per_s["float32"] / 1e9,
        "copy_gbytes_per_s": rates.bytes_per_s / 1e9,
    }


def contract_counts(nodes: int, graphs: int, clusters: int, features: int, size: int) -> Counts:
    """Count the contraction: X, P and S read once, three float32 matrices a graph written."""
    columns = features + 2 * clusters
    moved = nodes * columns * size + graphs * clusters * columns * 4
    return Counts(moved, 2.0 * nodes * clusters * columns)


def expand_counts(nodes: int, graphs: int, clusters: int, features: int, size: int) -> Counts:
    """Count its gradient: X, P, S and the matrices read once, dX and dS written once."""
    columns = features + 2 * clusters
    moved = nodes * (columns + features + clusters) * size + graphs * clusters * columns * 4
    return Counts(moved, 2.0 * nodes * clusters * (columns + features))


def step_counts(
    nodes: int, edges: int, graphs: int, clusters: int, features: int, size: int
) -> Counts:
    """Count forward and backward of the whole layer, as if each stage read and wrote only once.

    Beside both contractions (features in their own format, P and S in float32): logits read, S
    written; edges and S read, P written; dS read again by the softmax, and the logits' gradient
    written. Undirected edges: no second sparse product.
    """
    wide = max(size, 4)
    forward = contract_counts(nodes, graphs, clusters, 0, wide)
    backward = expand_counts(nodes, graphs, clusters, 0, wide)
    of_features = Counts(
        nodes * features * 3 * size + graphs * clusters * features * 8,
        2.0 * nodes * clusters * features * 3,
    )
    softmax = Counts(nodes * clusters * (size + wide) + nodes * clusters * (2 * wide + size), 0.0)
    sparse = Counts(nodes * (8 + 2 * clusters * wide) + edges * 8, 2.0 * edges * clusters)
    return forward + backward + of_features + softmax + sparse
