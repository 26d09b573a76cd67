r"""How fast the machine could coarsen at best, to hold the measured times against.

The limit of a batch is the larger of two times: the arithmetic at the rate of a large matrix
product, and the memory traffic at the rate of a large copy, both measured in the same run.

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

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch

from benchmarks.coarsen.batches import Problem
from benchmarks.device import synchronise

FLOAT, INDEX = 4, 8
# Side of the square product, and numbers that the copy moves: beyond any cache.
SIDE = {"cpu": 2048, "cuda": 8192}
COPIED = {"cpu": 2**26, "cuda": 2**28}


class Rates(NamedTuple):
    """What the machine does in a second.

    Attributes:
        gemm: Floating-point operations of a large float32 product.
        copy: Bytes read plus bytes written by a large copy.
    """

    gemm: float
    copy: float


class Work(NamedTuple):
    """What one forward and backward pass needs at least, see the module's docstring."""

    flops: float
    traffic: float

    def milliseconds(self, rates: Rates) -> float:
        """Return the limit: the larger of arithmetic and memory traffic."""
        return 1e3 * max(self.flops / rates.gemm, self.traffic / rates.copy)

    def bound(self, rates: Rates) -> str:
        """Say which of the two the limit is."""
        arithmetic = self.flops / rates.gemm >= self.traffic / rates.copy
        return "arithmetic" if arithmetic else "memory"


def measure_rates(
    device: str = "cpu", side: int | None = None, copied: int | None = None, repeats: int = 5
) -> Rates:
    """Return the best of several rates, with the threads and precision that torch is set to.

    Args:
        device: Where to measure.
        side: Rows and columns of the product's square matrices.
        copied: Numbers that the copy moves.
        repeats: Timings of each.
    """
    kind = torch.device(device).type
    side, copied = side or SIDE[kind], copied or COPIED[kind]
    left, right = torch.rand(2, side, side, device=device)
    product = torch.empty(side, side, device=device)
    source, target = torch.ones(copied, device=device), torch.empty(copied, device=device)
    gemm = _best_seconds(lambda: torch.mm(left, right, out=product), device, repeats)
    copy = _best_seconds(lambda: target.copy_(source), device, repeats)
    return Rates(2 * side**3 / gemm, 2 * FLOAT * copied / copy)


def _best_seconds(step: Callable[[], object], device: str, repeats: int) -> float:
    best = float("inf")
    for number in range(repeats + 1):
        synchronise(device)
        begin = time.perf_counter()
        step()
        synchronise(device)
        # The first call loads libraries and touches the memory for the first time.
        if number:
            best = min(best, time.perf_counter() - begin)
    return best


def work(
    nodes: int, edges: int, features: int, clusters: int, graphs: int, sparse_products: int = 1
) -> Work:
    """Return the work of one forward and backward pass over a batch.

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
    return Work(flops, forward + backward)


def problem_work(problem: Problem) -> Work:
    """Return the work of a problem, whose graphs are undirected."""
    (nodes, features), clusters = problem.x.shape, problem.logits.size(1)
    return work(nodes, problem.edge_index.size(1), features, clusters, problem.batch_size)


def limit(problems: Sequence[Problem], rates: Rates) -> dict[str, Any]:
    """Return what a row says of the limit: the mean of its batches, as its times are."""
    works = [problem_work(problem) for problem in problems]
    total = Work(sum(each.flops for each in works), sum(each.traffic for each in works))
    return {
        "limit_ms": sum(each.milliseconds(rates) for each in works) / len(works),
        "bound": total.bound(rates),
        "gflop": total.flops / len(works) / 1e9,
        "mbytes": total.traffic / len(works) / 1e6,
        "gemm_gflops": rates.gemm / 1e9,
        "copy_gbytes_per_s": rates.copy / 1e9,
    }
