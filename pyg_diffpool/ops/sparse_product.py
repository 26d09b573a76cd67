r"""The sparse product :math:`\mathbf{A}^{\top} \mathbf{X}`, with its gradients written out."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.precision import accumulated, without_autocast

# The tensors never leave this file; users need not hear that their format is young.
warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta state")

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
    out: Tensor = _SparseProduct.apply(x, adjacency.weight, adjacency)  # type: ignore[no-untyped-call]
    return out


def spmm(adjacency: Adjacency, x: Tensor) -> Tensor:
    """Multiply without recording a gradient; :obj:`x` and the weights are float32 or float64."""
    weight = adjacency.weight
    weight = x.new_ones(adjacency.col.numel()) if weight is None else weight.to(x.dtype)
    if adjacency.col.numel() == 0 or x.size(1) == 0:
        return torch.zeros_like(x)
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


def edge_products(adjacency: Adjacency, x: Tensor, y: Tensor) -> Tensor:
    r"""Return :math:`\mathbf{x}_u^{\top} \mathbf{y}_v` for each edge :math:`u \to v`."""
    if adjacency.col.numel() == 0 or x.size(1) == 0:
        return x.new_zeros(adjacency.col.numel())
    pattern = _matrix(adjacency, x.new_zeros(adjacency.col.numel()))
    product: Tensor = torch.sparse.sampled_addmm(
        pattern, y.contiguous(), x.t().contiguous(), beta=0.0
    )
    return product.values()


class _SparseProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor | None, adjacency: Adjacency) -> Tensor:
        ctx.adjacency = adjacency._replace(weight=None)
        ctx.save_for_backward(x, weight)
        with torch.no_grad(), without_autocast(x):
            return spmm(adjacency, accumulated(x)).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        adjacency = ctx.adjacency._replace(weight=weight)
        grad_x = grad_weight = None
        with without_autocast(grad):
            wide = accumulated(grad)
            if ctx.needs_input_grad[0]:
                grad_x = spmm(adjacency.transpose(), wide).to(x.dtype)
            if ctx.needs_input_grad[1]:
                grad_weight = edge_products(adjacency, accumulated(x), wide).to(weight.dtype)
        return grad_x, grad_weight, None
