r"""``coarsen --kernels``: sparse products and segment sums of torch and of its extensions.

Two operations over the batches of the coarsening benchmark: :math:`\mathbf{A}^{\top} \mathbf{X}`
with an adjacency that is sorted and compressed beforehand, and the sum of each graph's rows. The
operand is the logits (K columns) or the features (64). Kernels take turns, and all results are held
against float64.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.timing.batches import Problem
from benchmarks.timing.oracle import relative_error
from benchmarks.timing.turns import summary, take_turns
from benchmarks.timing.works import Row
from pyg_diffpool import prepare_adjacency
from pyg_diffpool.ops.sparse_product import spmm

try:
    import torch_sparse
except ImportError:
    torch_sparse = None
try:
    import torch_scatter
except ImportError:
    torch_scatter = None

Kernels = dict[str, Callable[[], Tensor]]

PRODUCT, SUM = "sparse product", "segment sum"
LIBRARY = "pyg_diffpool"
# Of a result's largest entry: float32 sums of thousands of terms.
TOLERANCE = 1e-4


def kernel_rows(name: str, problems: list[Problem], rounds: int, seconds: float) -> list[Row]:
    """Return one row a kernel, operation and operand, with the time a batch.

    Raises:
        ArithmeticError: If a kernel's result is wrong.
    """
    rows = []
    for operation, kernels_of in ((PRODUCT, products), (SUM, segment_sums)):
        for operand in ("logits", "x"):
            ready = [kernels_of(problem, getattr(problem, operand)) for problem in problems]
            expected = [
                kernels_of(problem, getattr(problem, operand).double()) for problem in problems
            ]
            worst = _check(ready, [kernels["index_add"]() for kernels in expected])
            steps = {kernel: _all(ready, kernel) for kernel in ready[0]}
            for kernel, timing in take_turns(steps, rounds, seconds).items():
                taken = summary(timing, len(problems))
                rows.append(
                    {
                        "set": name,
                        "operation": operation,
                        "columns": sorted({getattr(one, operand).size(1) for one in problems}),
                        "kernel": kernel,
                        "median_ms": taken["median_ms"],
                        "rounds": taken["rounds"],
                        "relative_error": worst[kernel],
                    }
                )
    return rows


def products(problem: Problem, x: Tensor) -> Kernels:
    """Return the kernels that multiply the transposed adjacency with dense columns."""
    adjacency = prepare_adjacency(problem.edge_index, num_nodes=x.size(0))
    rowptr, col, target = adjacency[:3]
    size = (x.size(0), x.size(0))
    matrix = torch.sparse_csr_tensor(
        rowptr, col, x.new_ones(col.numel()), size, check_invariants=False
    )
    kernels: Kernels = {
        LIBRARY: lambda: spmm(adjacency, x),
        "torch CSR @": lambda: matrix @ x,
        "torch.sparse.mm(reduce)": lambda: torch.sparse.mm(matrix, x, reduce="sum"),
        "index_add": lambda: torch.zeros_like(x).index_add_(0, target, x.index_select(0, col)),
    }
    if torch_sparse is not None:
        other = torch_sparse.SparseTensor(
            rowptr=rowptr, col=col, sparse_sizes=size, is_sorted=True, trust_data=True
        )
        kernels["torch_sparse.matmul"] = lambda: torch_sparse.matmul(other, x, "sum")
    return kernels


def segment_sums(problem: Problem, x: Tensor) -> Kernels:
    """Return the kernels that sum the rows of each graph."""
    batch, graphs = problem.batch, problem.batch_size
    ptr = torch.nn.functional.pad(problem.sizes.cumsum(0), (1, 0))
    kernels: Kernels = {
        "index_add": lambda: x.new_zeros(graphs, x.size(1)).index_add_(0, batch, x),
        "torch.segment_reduce": lambda: torch.segment_reduce(x, "sum", offsets=ptr, axis=0),
    }
    if torch_scatter is not None:
        kernels["torch_scatter.segment_csr"] = lambda: torch_scatter.segment_csr(x, ptr)
        kernels["torch_scatter.scatter"] = lambda: torch_scatter.scatter(
            x, batch, dim=0, dim_size=graphs
        )
    return kernels


def _all(ready: list[Kernels], kernel: str) -> Callable[[], None]:
    def run() -> None:
        for kernels in ready:
            kernels[kernel]()

    return run


def _check(ready: list[Kernels], expected: list[Tensor]) -> dict[str, float]:
    """Return the largest error of each kernel over the largest entry expected."""
    worst = dict.fromkeys(ready[0], 0.0)
    for kernels, right in zip(ready, expected, strict=True):
        for kernel, run in kernels.items():
            error = relative_error(run(), right)
            worst[kernel] = max(worst[kernel], error)
            if not error <= TOLERANCE:
                raise ArithmeticError(f"{kernel}: off by {worst[kernel]:.1e} of the largest entry")
    return worst
