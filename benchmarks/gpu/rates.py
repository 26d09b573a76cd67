"""What a device can do at most: rates of a copy and of large matrix products, measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch

from benchmarks.gpu.measure import describe, free_memory, on_cuda, timed

# tf32: float32 inputs with ten bits of mantissa, on tensor cores; never taken without asking.
KINDS = {
    "float32": torch.float32,
    "tf32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float64": torch.float64,
}


class Rates(NamedTuple):
    """Ceilings of a device.

    Attributes:
        bytes_per_s: Bytes read and written by a copy, together.
        flops_per_s: Operations (two a multiply-add) of a matrix product of each kind.
        notes: What could not be measured.
    """

    bytes_per_s: float
    flops_per_s: dict[str, float]
    notes: dict[str, str]


class Counts(NamedTuple):
    """What a computation must at least move and do."""

    bytes: float
    flops: float

    def ceiling_seconds(self, rates: Rates, kind: str) -> tuple[float, str]:
        """Return the larger of both times, and what it is spent on."""
        moving = self.bytes / rates.bytes_per_s
        computing = self.flops / rates.flops_per_s[kind]
        return max(moving, computing), "bandwidth" if moving >= computing else "arithmetic"

    def __add__(self, other: object) -> Counts:
        """Sum both."""
        assert isinstance(other, Counts)
        return Counts(self.bytes + other.bytes, self.flops + other.flops)


def measure_rates(device: str) -> Rates:
    """Measure the ceilings, each as the best of a few runs."""
    elements, size = (2**28, 8192) if on_cuda(device) else (2**20, 192)
    bytes_per_s = _copy_rate(elements, device)
    flops, notes = {}, {}
    for kind, dtype in KINDS.items():
        try:
            left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
            out = torch.empty_like(left)
            with _tensor_cores(kind == "tf32"):
                multiply = _product(left, right, out)
                flops[kind] = 2 * size**3 / _best(multiply, device, 5)
        except RuntimeError as error:
            notes[kind] = describe(error)
    free_memory(device)
    return Rates(bytes_per_s, flops, notes)


def _copy_rate(elements: int, device: str) -> float:
    source = torch.empty(elements, device=device).normal_()
    target = torch.empty_like(source)
    moved = 2 * source.numel() * source.element_size()
    return moved / _best(lambda: target.copy_(source), device, 10)


def _product(
    left: torch.Tensor, right: torch.Tensor, out: torch.Tensor
) -> Callable[[], torch.Tensor]:
    return lambda: torch.mm(left, right, out=out)


def _best(step: Callable[[], object], device: str, rounds: int) -> float:
    step(), step()
    return min(timed(step, device) for _ in range(rounds))


@contextmanager
def _tensor_cores(allowed: bool) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


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
    wide = 4 if size < 4 else size
    forward = contract_counts(nodes, graphs, clusters, 0, wide)
    backward = expand_counts(nodes, graphs, clusters, 0, wide)
    of_features = Counts(
        nodes * features * 3 * size + graphs * clusters * features * 8,
        2.0 * nodes * clusters * features * 3,
    )
    softmax = Counts(nodes * clusters * (size + wide) + nodes * clusters * (2 * wide + size), 0.0)
    sparse = Counts(nodes * (8 + 2 * clusters * wide) + edges * 8, 2.0 * edges * clusters)
    return forward + backward + of_features + softmax + sparse
