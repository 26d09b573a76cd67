r"""The three contractions that DiffPool is made of, exactly, and without an N×N matrix."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch_geometric import EdgeIndex
from torch_geometric.typing import SparseTensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.backends import BACKENDS, choose_backend
from pyg_diffpool.ops.dense_coarsen import dense_coarsen
from pyg_diffpool.ops.level import dense_level, is_dense_level, sparse_level
from pyg_diffpool.ops.precision import accumulation_dtype, without_autocast
from pyg_diffpool.ops.segments import Segments
from pyg_diffpool.ops.sparse_product import edge_products, spmm
from pyg_diffpool.ops.validation import check_assignment, check_choice


class Coarsening(NamedTuple):
    r"""What :func:`coarsen` returns.

    Attributes:
        x: Pooled features :math:`\mathbf{S}^{\top} \mathbf{X}`, shape :math:`(B, K, F)`.
        adj: Pooled adjacency :math:`\mathbf{S}^{\top} \mathbf{A} \mathbf{S}`,
            shape :math:`(B, K, K)`.
        gram: Gram matrix :math:`\mathbf{S}^{\top} \mathbf{S}`, shape :math:`(B, K, K)`.
    """

    x: Tensor
    adj: Tensor
    gram: Tensor


def coarsen(
    x: Tensor,
    s: Tensor,
    edge_index: Tensor | EdgeIndex | SparseTensor | Adjacency,
    edge_weight: Tensor | None = None,
    batch: Tensor | None = None,
    batch_size: int | None = None,
    *,
    mask: Tensor | None = None,
    max_num_nodes: int | None = None,
    backend: str = "auto",
    validate: bool | None = None,
) -> Coarsening:
    r"""Coarsen every graph of a batch by its assignment matrix.

    .. math::
        \mathbf{X}' = \mathbf{S}^{\top} \mathbf{X}, \qquad
        \mathbf{A}' = \mathbf{S}^{\top} \mathbf{A} \mathbf{S}, \qquad
        \mathbf{G} = \mathbf{S}^{\top} \mathbf{S}

    (Equations 3 and 4 of `"Hierarchical Graph Representation Learning with Differentiable
    Pooling" <https://arxiv.org/abs/1806.08804>`_, and the Gram matrix of the objectives.) Time is
    :math:`O(|\mathcal{E}| K + N K (F + 2K))` and memory linear in nodes and edges.

    Args:
        x: Node features :math:`(N, F)`, or :math:`(B, N, F)` on a dense level.
        s: Assignment :math:`(N, K)` of any real values, or :math:`(B, N, K)`.
        edge_index: Edges :math:`(2, |\mathcal{E}|)` in any order, duplicates adding up; an
            :class:`~torch_geometric.EdgeIndex`; a sparse :math:`\mathbf{A}^{\top}`; a prepared
            :class:`Adjacency`; or, on a dense level, adjacency matrices :math:`(B, N, N)`.
        edge_weight: Weights :math:`(|\mathcal{E}|)`. (default: :obj:`None`, all one)
        batch: Graph of each node, sorted, :math:`(N)`. (default: :obj:`None`, a single graph)
        batch_size: Number of graphs :math:`B`; graphs without nodes are valid.
            (default: the last entry of :obj:`batch` plus one)
        mask: On a dense level, which rows are nodes, :math:`(B, N)`. (default: all)
        max_num_nodes: Nodes of the largest graph, or more: spares a GPU from waiting for it.
            (default: measured)
        backend: :obj:`"padded"` (one batched product), :obj:`"ragged"` (one product a graph) or
            :obj:`"auto"`; results agree. (default: :obj:`"auto"`)
        validate: Whether to check values as well as shapes.
            (default: :obj:`None`, on the CPU only)

    Returns:
        :class:`Coarsening`. For half-precision inputs sums are taken in float32, in which
        :obj:`adj` and :obj:`gram` are returned.

    Raises:
        TypeError: If an argument is of the wrong type or dtype.
        ValueError: If sizes do not match, :obj:`batch` is not sorted, an edge joins two graphs,
            an index is out of range, a weight is not finite, or there are no clusters.

    Example:
        >>> x = torch.tensor([[1.0], [2.0], [3.0]])
        >>> s = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> edge_index = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
        >>> out = coarsen(x, s, edge_index)
        >>> out.x.flatten(), out.adj[0]
        (tensor([3., 3.]), tensor([[2., 1.], [1., 0.]]))
    """
    check_choice("backend", backend, ("auto", *BACKENDS))
    if is_dense_level(x):
        adj = dense_level("x", x, edge_index, edge_weight, batch, mask=mask, validate=validate)
        check_assignment(s, (x.size(0), x.size(1)))
        return Coarsening(*dense_coarsen(x, s, adj, mask))
    adjacency, graphs = sparse_level(
        "x",
        x,
        edge_index,
        edge_weight,
        batch,
        batch_size,
        mask=mask,
        max_num_nodes=max_num_nodes,
        validate=validate,
    )
    check_assignment(s, (x.size(0),))
    return sparse_coarsen(x, s, adjacency, graphs, backend)


def sparse_coarsen(
    x: Tensor, s: Tensor, adjacency: Adjacency, graphs: Segments, backend: str = "auto"
) -> Coarsening:
    """Coarsen checked arguments."""
    if backend == "auto":
        backend = choose_backend(graphs, s.size(1), x.size(1) + 2 * s.size(1))
    if x.size(0) == 0 or graphs.batch_size == 0:
        return _coarsen_nothing(x, s, graphs.batch_size)
    return Coarsening(*_Coarsen.apply(x, s, adjacency.weight, adjacency, graphs, backend))  # type: ignore[no-untyped-call]


def _coarsen_nothing(x: Tensor, s: Tensor, batch_size: int) -> Coarsening:
    """Coarsen a batch without nodes: zeros that still have gradients."""
    wide = s.to(accumulation_dtype(x.dtype, s.dtype))
    gram = (wide.t() @ wide).repeat(batch_size, 1, 1)
    pooled = (s.t() @ x.to(s.dtype)).to(torch.promote_types(x.dtype, s.dtype))
    return Coarsening(pooled.repeat(batch_size, 1, 1), gram, gram.clone())


class _Coarsen(torch.autograd.Function):
    r"""One sparse product :math:`\mathbf{P} = \mathbf{A}^{\top} \mathbf{S}`, one ragged product.

    With :math:`\mathbf{M} = [\mathbf{X} | \mathbf{P} | \mathbf{S}]`, forward is
    :math:`\mathbf{S}^{\top} \mathbf{M} = [\mathbf{X}' | \mathbf{A}'^{\top} | \mathbf{G}]`. Backward
    has :math:`\mathbf{A}\,\mathrm{d}\mathbf{P}
    = \mathbf{A} \mathbf{S}\, \mathrm{d}\mathbf{A}'^{\top}`, which for a symmetric
    :math:`\mathbf{A}` is :math:`\mathbf{P}\, \mathrm{d}\mathbf{A}'^{\top}`: no second sparse
    product, only another block in the product that is there already.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        s: Tensor,
        weight: Tensor | None,
        adjacency: Adjacency,
        graphs: Segments,
        backend: str,
    ) -> tuple[Tensor, Tensor, Tensor]:
        weight_dtype = x.dtype if weight is None else weight.dtype
        dtype = accumulation_dtype(x.dtype, s.dtype, weight_dtype)
        product = BACKENDS[backend](graphs)
        columns = [x.size(1), s.size(1), s.size(1)]
        with without_autocast(x):
            wide = s.to(dtype)
            arranged = product.arrange(torch.cat([x.to(dtype), spmm(adjacency, wide), wide], 1))
            out = product.contract(torch.split(arranged, columns, -1)[2], arranged)
        ctx.save_for_backward(arranged, weight)
        ctx.adjacency, ctx.product, ctx.columns = adjacency._replace(weight=None), product, columns
        ctx.dtypes = (x.dtype, s.dtype, weight_dtype)
        pooled, adj_t, gram = torch.split(out, columns, -1)
        pooled = pooled.to(torch.promote_types(x.dtype, s.dtype))
        return pooled, adj_t.transpose(1, 2).contiguous(), gram.contiguous()

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad_x: Tensor, grad_adj: Tensor, grad_gram: Tensor
    ) -> tuple[Tensor | None, ...]:
        arranged, weight = ctx.saved_tensors
        adjacency, product = ctx.adjacency._replace(weight=weight), ctx.product
        s = torch.split(arranged, ctx.columns, -1)[2]
        grad_x = grad_x.to(grad_adj.dtype)
        out_x = out_s = out_weight = None
        with without_autocast(s):
            if ctx.needs_input_grad[0]:
                out_x = product.expand(s, grad_x).to(ctx.dtypes[0])
            if ctx.needs_input_grad[1]:
                grad_adj_t = grad_adj.transpose(1, 2)
                onto_p = grad_adj + grad_adj_t if adjacency.undirected else grad_adj
                onto_s = grad_gram + grad_gram.transpose(1, 2)
                onto = torch.cat([grad_x.transpose(1, 2), onto_p, onto_s], 1)
                out_s = product.expand(arranged, onto)
                if not adjacency.undirected:
                    out_s += spmm(adjacency.transpose(), product.expand(s, grad_adj_t))
                out_s = out_s.to(ctx.dtypes[1])
            if ctx.needs_input_grad[2]:
                left = product.expand(s, grad_adj)
                out_weight = edge_products(adjacency, left, product.rows(s)).to(ctx.dtypes[2])
        return out_x, out_s, out_weight, None, None, None
