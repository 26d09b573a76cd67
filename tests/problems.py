"""Random batches of graphs in float64, as hypothesis strategies and as named corner cases."""

from __future__ import annotations

from collections.abc import Callable

import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.problem import CORNER_CASES, POSITIVE_WEIGHTS, SIGNED_WEIGHTS, Problem, make_problem

__all__ = ["CORNER_CASES", "POSITIVE_WEIGHTS", "SIGNED_WEIGHTS", "Problem", "make_problem"]


@st.composite
def problems(draw: st.DrawFn, weights: tuple[str, ...] = ("none", "positive", "signed")) -> Problem:
    sizes = draw(st.lists(st.integers(0, 6), min_size=1, max_size=4))
    return make_problem(
        tuple(sizes),
        num_clusters=draw(st.integers(1, 4)),
        num_features=draw(st.integers(1, 3)),
        edges_per_node=draw(st.sampled_from([0.0, 1.0, 2.5])),
        directed=draw(st.booleans()),
        self_loops=draw(st.booleans()),
        duplicates=draw(st.booleans()),
        weights=draw(st.sampled_from(weights)),
        seed=draw(st.integers(0, 1000)),
    )


def on_problems(weights: tuple[str, ...] = ("none", "positive", "signed")) -> Callable:
    """Run a test on every corner case and on generated problems (argument ``problem``)."""

    def decorate(test: Callable) -> Callable:
        test = given(problem=problems(weights))(test)
        for case in CORNER_CASES.values():
            kind = "none" if case.edge_weight is None else "signed"
            if kind in weights:
                test = example(problem=case)(test)
        return test

    return decorate


def projection(*tensors: Tensor, seed: int = 7) -> Tensor:
    """A fixed random linear function of the tensors: a scalar whose gradient shows every entry."""
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros((), dtype=torch.float64)
    for tensor in tensors:
        direction = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
        total = total + (tensor.double() * direction).sum()
    return total


def leaf(tensor: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    return tensor.detach().clone().to(dtype or tensor.dtype).requires_grad_()


class LargestTensor(TorchDispatchMode):
    """Records the number of elements of the largest strided tensor any operation returns."""

    def __init__(self) -> None:
        super().__init__()
        self.numel = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for value in tree_leaves(result):
            if isinstance(value, Tensor) and value.layout == torch.strided:
                self.numel = max(self.numel, value.untyped_storage().nbytes() // value.itemsize)
        return result
