r"""The sparse product :math:`\mathbf{A}^{\top} \mathbf{X}` with custom gradients."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.operator import (
    Arguments,
    Gradients,
    is_differentiated_again,
    operator,
    plain_gradients,
    register,
)
from pyg_diffpool.ops.precision import accumulated, without_autocast

# On a CPU, MKL's product is faster below this number of columns and torch's own from there on
# (measured for 1,000 to 10,000 nodes and 4,000 to 157,000 edges).
WIDE_COLUMNS = 64


def sparse_product(adjacency: Adjacency, x: Tensor) -> Tensor:
    r"""Sum the source features of each node's incoming edges, multiplied by the edge weights.

    .. math::
        \mathbf{Y} = \mathbf{A}^{\top} \mathbf{X}, \qquad
        \mathbf{y}_v = \sum_{u} \mathbf{A}_{uv} \, \mathbf{x}_u

    Differentiable in :obj:`x` and in the weights. Sums are accumulated in float32 or float64.

    Args:
        adjacency: The prepared adjacency of :math:`N` nodes.
        x: Features :math:`(N, F)`.

    Returns:
        :math:`(N, F)`, in the dtype of :obj:`x`.

    Example:
        >>> from pyg_diffpool.ops import prepare_adjacency
        >>> adjacency = prepare_adjacency(torch.tensor([[0, 1], [2, 2]]), num_nodes=3)
        >>> sparse_product(adjacency, torch.tensor([[1.0], [2.0], [4.0]])).flatten()
        tensor([0., 0., 3.])
    """
    weight = adjacency.weight
    out: Tensor = _PRODUCT.way(x, weight)(x, weight, adjacency)
    return out


# Schema of the components of an adjacency other than its weights, from which kernels rebuild it.
STRUCTURE = (
    "Tensor rowptr, Tensor col, Tensor target, Tensor symmetric, Tensor? transposed, bool coalesced"
)


def adjacency_structure(adjacency: Adjacency) -> Arguments:
    """Return the arguments listed in :data:`STRUCTURE`."""
    flag = adjacency.undirected
    symmetric = flag if isinstance(flag, Tensor) else torch.tensor(flag)
    # By name, since torch.compile cannot slice a NamedTuple with properties up to torch 2.8.
    return (
        adjacency.rowptr,
        adjacency.col,
        adjacency.target,
        symmetric,
        adjacency.transposed,
        adjacency.coalesced,
    )


def adjacency_of(weight: Tensor | None, structure: Sequence[Any]) -> Adjacency:
    """Build an adjacency from its weights and the arguments listed in :data:`STRUCTURE`."""
    rowptr, col, target, symmetric, transposed, coalesced = structure
    return Adjacency(rowptr, col, target, weight, symmetric, transposed, coalesced)


def plain_product(adjacency: Adjacency, x: Tensor) -> Tensor:
    """Multiply edge by edge, with operations that have derivatives of all orders."""
    rows = x.index_select(0, adjacency.col)
    if adjacency.weight is not None:
        rows = rows * adjacency.weight.to(x.dtype).unsqueeze(1)
    return x.new_zeros(x.shape).index_add(0, adjacency.target, rows)


def spmm(adjacency: Adjacency, x: Tensor) -> Tensor:
    """Multiply without recording a gradient."""
    return _Product.forward(None, x, adjacency.weight, adjacency)


def _matrix(adjacency: Adjacency, weight: Tensor) -> Tensor:
    size = (adjacency.num_nodes, adjacency.num_nodes)
    return torch.sparse_csr_tensor(
        adjacency.rowptr, adjacency.col, weight, size, check_invariants=False
    )


def _spend_warning() -> None:
    """Trigger torch's warning that CSR tensors are in beta once, with the warning suppressed.

    It is emitted once per process. Suppressing it where the tensors are created would change the
    warning filters of all threads.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nothing = torch.zeros(1, dtype=torch.long)
        torch.sparse_csr_tensor(nothing, nothing[:0], torch.zeros(0), (0, 0))


_spend_warning()


def edge_products(adjacency: Adjacency, x: Tensor, y: Tensor) -> Tensor:
    r"""Return :math:`\mathbf{x}_u^{\top} \mathbf{y}_v` for each edge :math:`u \to v`."""
    num_edges = adjacency.col.numel()
    if num_edges == 0 or x.size(1) == 0:
        return x.new_zeros(num_edges)
    if num_edges > adjacency.num_nodes**2:
        # With duplicates apart, there may be more entries than sampled_addmm takes.
        return (x.index_select(0, adjacency.col) * y.index_select(0, adjacency.target)).sum(1)
    pattern = _matrix(adjacency, x.new_zeros(num_edges))
    product: Tensor = torch.sparse.sampled_addmm(
        pattern, y.contiguous(), x.t().contiguous(), beta=0.0
    )
    return product.values()


class _Product(torch.autograd.Function):
    """The operator in eager mode, which takes the adjacency as one object."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor | None, adjacency: Adjacency) -> Tensor:
        """Multiply; :obj:`weight` is that of the adjacency, passed separately for autograd."""
        if ctx is not None:
            ctx.save_for_backward(x, weight)
            ctx.adjacency = adjacency
        col, weight = adjacency.col, adjacency.weight
        if col.numel() == 0 or x.size(1) == 0:
            return x.new_zeros(x.shape)
        with without_autocast(x):
            wide = accumulated(x)
            weight = wide.new_ones(col.numel()) if weight is None else weight.to(wide.dtype)
            matrix = _matrix(adjacency, weight)
            if x.device.type == "cpu" and x.size(1) >= WIDE_COLUMNS:
                out: Tensor = torch.sparse.mm(matrix, wide.contiguous(), reduce="sum")
            else:
                out = matrix @ wide
            return out.to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Gradients:
        """Return the gradients of features and weights."""
        x, weight = ctx.saved_tensors
        adjacency = ctx.adjacency
        if is_differentiated_again((grad,)):
            return plain_gradients(_plain, (x, weight, adjacency), ctx.needs_input_grad, (grad,))
        needs_x, needs_weight, _ = ctx.needs_input_grad
        return (
            _transposed_product(grad, adjacency) if needs_x else None,
            _edge_products(x, grad, adjacency).to(weight.dtype) if needs_weight else None,
            None,
        )


def _plain(x: Tensor, weight: Tensor | None, adjacency: Adjacency) -> Tensor:
    with without_autocast(x):
        return plain_product(adjacency._replace(weight=weight), accumulated(x)).to(x.dtype)


def _fake(x: Tensor, weight: Tensor | None, adjacency: Adjacency) -> Tensor:
    return x.new_empty(x.shape)


def _transposed_product(grad: Tensor, adjacency: Adjacency) -> Tensor:
    return spmm(adjacency.transpose(), grad)


def _edge_products(x: Tensor, grad: Tensor, adjacency: Adjacency) -> Tensor:
    with without_autocast(grad):
        return edge_products(adjacency, accumulated(x), accumulated(grad))


def _flatten(x: Tensor, weight: Tensor | None, adjacency: Adjacency) -> Arguments:
    return (x, weight, *adjacency_structure(adjacency))


def _unflatten(x: Tensor, weight: Tensor | None, *structure: Any) -> Arguments:
    return x, weight, adjacency_of(weight, structure)


def _gradient(
    flat: Arguments, results: Sequence[Tensor], onto: Gradients, needed: tuple[bool, ...]
) -> Gradients:
    x, weight, *structure = flat
    (grad,), (needs_x, needs_weight) = onto, needed[:2]
    onto_x = onto_weight = None
    if needs_x:
        onto_x = _transposed_operator(grad, weight, *structure)
    if needs_weight:
        onto_weight = _edge_operator(x, grad, weight, *structure).to(weight.dtype)
    return onto_x, onto_weight


def _transposed_kernel(grad: Tensor, weight: Tensor | None, *structure: Any) -> Tensor:
    return _transposed_product(grad, adjacency_of(weight, structure))


def _transposed_fake(grad: Tensor, weight: Tensor | None, *structure: Any) -> Tensor:
    return grad.new_empty(grad.shape)


def _edge_kernel(x: Tensor, grad: Tensor, weight: Tensor | None, *structure: Any) -> Tensor:
    return _edge_products(x, grad, adjacency_of(weight, structure))


def _edge_fake(x: Tensor, grad: Tensor, weight: Tensor | None, *structure: Any) -> Tensor:
    return accumulated(x.new_empty(adjacency_of(weight, structure).col.shape))


_transposed_operator = register(
    "transposed_product",
    f"(Tensor x, Tensor? weight, {STRUCTURE}) -> Tensor",
    _transposed_kernel,
    _transposed_fake,
)
_edge_operator = register(
    "edge_products",
    f"(Tensor x, Tensor y, Tensor? weight, {STRUCTURE}) -> Tensor",
    _edge_kernel,
    _edge_fake,
)
_PRODUCT = operator(
    "sparse_product",
    f"(Tensor x, Tensor? weight, {STRUCTURE}) -> Tensor",
    _Product,
    _plain,
    _fake,
    _gradient,
    _flatten,
    _unflatten,
)
