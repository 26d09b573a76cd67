r"""The sparse product :math:`\mathbf{A}^{\top} \mathbf{X}`, with its gradients written out."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.library import operator
from pyg_diffpool.ops.precision import accumulated, without_autocast

# On a CPU, MKL's product wins below this many columns and torch's own from there on
# (measured over 1,000 to 10,000 nodes and 4,000 to 157,000 edges).
WIDE_COLUMNS = 64


def sparse_product(adjacency: Adjacency, x: Tensor) -> Tensor:
    r"""Sum the features of the sources of each node's incoming edges, times their weights.

    .. math::
        \mathbf{Y} = \mathbf{A}^{\top} \mathbf{X}, \qquad
        \mathbf{y}_v = \sum_{u} \mathbf{A}_{uv} \, \mathbf{x}_u

    Differentiable in :obj:`x` and in the weights. Sums are taken in float32 at least.

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
    out: Tensor = _product(x, *adjacency_arguments(adjacency))
    return out


# An adjacency as an operator takes it, and what it is made of again inside.
ADJACENCY_SIGNATURE = (
    "Tensor rowptr, Tensor col, Tensor target, Tensor? weight, Tensor symmetric, "
    "Tensor? transposed, bool coalesced"
)


def adjacency_arguments(adjacency: Adjacency) -> tuple[Any, ...]:
    """Return the arguments that :data:`ADJACENCY_SIGNATURE` describes."""
    flag = adjacency.undirected
    symmetric = flag if isinstance(flag, Tensor) else torch.tensor(flag)
    # By name: up to torch 2.8 torch.compile cannot slice a NamedTuple that has properties.
    return (
        adjacency.rowptr,
        adjacency.col,
        adjacency.target,
        adjacency.weight,
        symmetric,
        adjacency.transposed,
        adjacency.coalesced,
    )


def plain_product(adjacency: Adjacency, x: Tensor) -> Tensor:
    """Multiply edge by edge, in operations that can be differentiated and transformed at will."""
    rows = x.index_select(0, adjacency.col)
    if adjacency.weight is not None:
        rows = rows * adjacency.weight.to(x.dtype).unsqueeze(1)
    return x.new_zeros(x.shape).index_add(0, adjacency.target, rows)


def spmm(adjacency: Adjacency, x: Tensor) -> Tensor:
    """Multiply without recording a gradient; :obj:`x` and the weights are float32 or float64."""
    weight = adjacency.weight
    weight = x.new_ones(adjacency.col.numel()) if weight is None else weight.to(x.dtype)
    if adjacency.col.numel() == 0 or x.size(1) == 0:
        return x.new_zeros(x.shape)
    matrix = _matrix(adjacency, weight)
    if x.device.type == "cpu" and x.size(1) >= WIDE_COLUMNS:
        out: Tensor = torch.sparse.mm(matrix, x.contiguous(), reduce="sum")
        return out
    return matrix @ x


def _matrix(adjacency: Adjacency, weight: Tensor) -> Tensor:
    size = (adjacency.num_nodes, adjacency.num_nodes)
    return torch.sparse_csr_tensor(
        adjacency.rowptr, adjacency.col, weight, size, check_invariants=False
    )


def _spend_warning() -> None:
    """Let torch say now, once a process, that the format is young: the tensors stay in this file.

    Suppressing the warning where they are made would have to change the filters of all threads.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nothing = torch.zeros(1, dtype=torch.long)
        torch.sparse_csr_tensor(nothing, nothing[:0], torch.zeros(0), (0, 0))


_spend_warning()


def edge_products(adjacency: Adjacency, x: Tensor, y: Tensor) -> Tensor:
    r"""Return :math:`\mathbf{x}_u^{\top} \mathbf{y}_v` for each edge :math:`u \to v`."""
    if adjacency.col.numel() == 0 or x.size(1) == 0:
        return x.new_zeros(adjacency.col.numel())
    pattern = _matrix(adjacency, x.new_zeros(adjacency.col.numel()))
    product: Tensor = torch.sparse.sampled_addmm(
        pattern, y.contiguous(), x.t().contiguous(), beta=0.0
    )
    return product.values()


def _forward(x: Tensor, *adjacency: Any) -> Tensor:
    with without_autocast(x):
        return spmm(Adjacency(*adjacency), accumulated(x)).to(x.dtype)


def _plain(x: Tensor, *adjacency: Any) -> Tensor:
    with without_autocast(x):
        return plain_product(Adjacency(*adjacency), accumulated(x)).to(x.dtype)


def _fake(x: Tensor, *adjacency: Any) -> Tensor:
    return x.new_empty(x.shape)


def _setup(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, rowptr, col, target, weight, symmetric, transposed, ctx.coalesced = inputs
    ctx.save_for_backward(x, rowptr, col, target, weight, symmetric, transposed)


def _restore(ctx: Any) -> tuple[Any, ...]:
    return (*ctx.saved_tensors, ctx.coalesced)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    x, *adjacency = ctx.saved_tensors
    weight = adjacency[3]
    needs_x, needs_weight = ctx.needs_input_grad[0], ctx.needs_input_grad[4]
    grad_x = grad_weight = None
    if needs_x:
        grad_x = _transposed_product(grad, *adjacency, ctx.coalesced)
    if needs_weight:
        grad_weight = _weight_gradient(x, grad, *adjacency, ctx.coalesced).to(weight.dtype)
    return grad_x, None, None, None, grad_weight, None, None, None


def _transposed_forward(grad: Tensor, *adjacency: Any) -> Tensor:
    with without_autocast(grad):
        return spmm(Adjacency(*adjacency).transpose(), accumulated(grad)).to(grad.dtype)


def _weight_forward(x: Tensor, grad: Tensor, *adjacency: Any) -> Tensor:
    with without_autocast(grad):
        return edge_products(Adjacency(*adjacency), accumulated(x), accumulated(grad))


def _weight_fake(x: Tensor, grad: Tensor, *adjacency: Any) -> Tensor:
    return accumulated(x.new_empty(adjacency[1].shape))


_product = operator(
    "sparse_product",
    f"(Tensor x, {ADJACENCY_SIGNATURE}) -> Tensor",
    _forward,
    _fake,
    _setup,
    _backward,
    _plain,
    _restore,
)
_transposed_product = operator(
    "transposed_product",
    f"(Tensor x, {ADJACENCY_SIGNATURE}) -> Tensor",
    _transposed_forward,
    _fake,
)
_weight_gradient = operator(
    "edge_products",
    f"(Tensor x, Tensor y, {ADJACENCY_SIGNATURE}) -> Tensor",
    _weight_forward,
    _weight_fake,
)
