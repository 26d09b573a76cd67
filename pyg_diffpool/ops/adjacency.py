"""The sparse adjacency of a level, prepared once and shared by all operators."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.index import index2ptr
from torch_geometric.typing import SparseTensor

from pyg_diffpool.ops.edge_formats import infer_num_nodes, read_edges
from pyg_diffpool.ops.edge_order import (
    is_increasing,
    mirrors,
    order_edges,
    pair_order,
    stable_order,
)
from pyg_diffpool.ops.grouping import starts_of_runs
from pyg_diffpool.ops.operator import traced
from pyg_diffpool.ops.precision import accumulated
from pyg_diffpool.ops.transforms import refuse_batched, refuse_tracing
from pyg_diffpool.ops.validation import check_edges, check_flag, kind, read_size, values_checked


class Adjacency(NamedTuple):
    r"""A sparse adjacency matrix, stored as :math:`\mathbf{A}^{\top}` in CSR form.

    The incoming edges of node :math:`v` are at positions :obj:`rowptr[v]` to :obj:`rowptr[v + 1]`,
    sorted by source. Use :func:`prepare_adjacency` to create one.

    Attributes:
        rowptr: Position of the first incoming edge of each node, :math:`(|\mathcal{V}| + 1)`.
        col: Source of each edge, :math:`(|\mathcal{E}|)`.
        target: Target of each edge, :math:`(|\mathcal{E}|)`.
        weight: Weight of each edge, or :obj:`None` if all weights are one.
        undirected: Whether :math:`\mathbf{A} = \mathbf{A}^{\top}` is known to hold, including
            weights; in traced code a boolean scalar tensor, which only kernels read.
        transposed: For a matrix that is not known to be symmetric, the permutation that sorts the
            edges by source, for the backward pass of a sparse product.
        coalesced: Whether duplicate edges are known to be summed. If not, duplicates may be
            present as adjacent edges: detecting them would require a host-device synchronisation or
            a graph break.

    Example:
        >>> adjacency = prepare_adjacency(torch.tensor([[2, 0, 1], [1, 1, 0]]))
        >>> adjacency.num_nodes, adjacency.undirected
        (3, False)
        >>> adjacency.col[adjacency.rowptr[1] : adjacency.rowptr[2]]  # the sources of node 1
        tensor([0, 2])
    """

    rowptr: Tensor
    col: Tensor
    target: Tensor
    weight: Tensor | None = None
    undirected: bool | Tensor = False
    transposed: Tensor | None = None
    coalesced: bool = False

    @property
    def num_nodes(self) -> int:
        """Number of nodes."""
        return self.rowptr.size(0) - 1

    def transpose(self) -> Adjacency:
        r"""Return :math:`\mathbf{A}^{\top}`; a symmetric matrix is returned as it is.

        Example:
            >>> adjacency = prepare_adjacency(torch.tensor([[0, 0], [1, 2]]), num_nodes=3)
            >>> adjacency.transpose().col
            tensor([1, 2])
        """
        if self.undirected:
            return self
        order = self.transposed
        if order is None:
            order = stable_order(self.col, self.num_nodes)
        weight = None if self.weight is None else self.weight[order]
        source = self.col[order]
        return Adjacency(
            index2ptr(source, self.num_nodes),
            self.target[order],
            source,
            weight,
            coalesced=self.coalesced,
        )

    def coalesce(self) -> Adjacency:
        """Sum duplicate edges unless they are summed already; synchronises a GPU.

        Example:
            >>> edges = torch.tensor([0, 0])
            >>> Adjacency(torch.tensor([0, 2]), edges, edges).coalesce().weight
            tensor([2.])
        """
        if self.coalesced:
            return self
        return _from_any_order(
            self.col, self.target, self.weight, self.num_nodes, undirected=False, transpose=True
        )


def prepare_adjacency(
    edge_index: Tensor | EdgeIndex | SparseTensor | Adjacency,
    edge_weight: Tensor | None = None,
    num_nodes: int | None = None,
    *,
    transpose: bool | None = None,
    validate: bool | None = None,
) -> Adjacency:
    r"""Convert any of PyG's sparse adjacency formats to the one that all operators share.

    :math:`\mathbf{A}_{uv}` is the weight of the edge :math:`u \to v`; duplicate edges add up.
    Preparing a batch once and passing the result to every layer avoids a sort in each layer.
    Sorted edges are detected in one pass and not sorted again.

    Args:
        edge_index: Edges :math:`(2, |\mathcal{E}|)` in any order; an
            :class:`~torch_geometric.EdgeIndex`, whose order and symmetry are trusted without a
            check; or :math:`\mathbf{A}^{\top}` as :class:`torch_sparse.SparseTensor` or as
            :obj:`torch.sparse_csr`, :obj:`csc` or :obj:`coo` tensor. An :class:`Adjacency` is
            returned as it is.
        edge_weight: Weights :math:`(|\mathcal{E}|)`; only for edges given as indices.
            (default: :obj:`None`, all one)
        num_nodes: Number of nodes. (default: the size of a sparse matrix or of an EdgeIndex with
            ``sparse_size``; otherwise the largest index plus one)
        transpose: Whether to prepare the backward pass as well, which also determines whether the
            matrix is symmetric. (default: :obj:`None`, if gradients are enabled)
        validate: Whether to check the values of indices and weights.
            (default: :obj:`None`, on the CPU only, since the check synchronises a GPU)

    Raises:
        TypeError: If :obj:`edge_index` has an unsupported type.
        ValueError: If sizes do not match, an index is out of range or a weight is not finite.

    Example:
        >>> adjacency = prepare_adjacency(torch.tensor([[1, 0, 0], [0, 1, 1]]))
        >>> adjacency.rowptr, adjacency.col, adjacency.weight
        (tensor([0, 1, 2]), tensor([1, 0]), tensor([1., 2.]))
    """
    refuse_tracing()
    check_flag("validate", validate, optional=True)
    check_flag("transpose", transpose, optional=True)
    if num_nodes is not None:
        num_nodes = read_size("num_nodes", num_nodes)
    if isinstance(edge_index, Adjacency):
        if edge_weight is not None:
            raise ValueError(
                "edge_weight: expected None, as a prepared adjacency holds its own, "
                f"got {kind(edge_weight)}"
            )
        if num_nodes is not None and edge_index.num_nodes != num_nodes:
            raise ValueError(
                f"edge_index: expected an adjacency of {num_nodes} nodes, "
                f"got {edge_index.num_nodes}"
            )
        return edge_index
    if transpose is None:
        transpose = torch.is_grad_enabled()

    source, target, weight = read_edges(edge_index, edge_weight, num_nodes)
    if num_nodes is None:
        num_nodes = infer_num_nodes(edge_index, source, target)
    refuse_batched("edge_index", source)
    values = values_checked(source, validate)
    ordered = isinstance(edge_index, EdgeIndex) and edge_index.is_sorted
    declared = (
        isinstance(edge_index, EdgeIndex) and bool(edge_index.is_undirected) and weight is None
    )
    if declared and isinstance(edge_index, EdgeIndex) and edge_index.is_sorted_by_row:
        # Swapping source and target of every edge does not change a symmetric matrix.
        source, target = target, source
    if traced():
        return _opaquely_ordered(source, target, weight, num_nodes, declared, values)
    check_edges(source, target, weight, num_nodes, values)
    if source.device.type != "cpu":
        return _blindly_ordered(source, target, weight, num_nodes, declared, ordered, transpose)
    if not declared and is_increasing(source, target, num_nodes):
        return _from_source_order(source, target, weight, num_nodes)
    return _from_any_order(source, target, weight, num_nodes, declared, transpose)


def _from_source_order(
    source: Tensor, target: Tensor, weight: Tensor | None, num_nodes: int
) -> Adjacency:
    """Prepare edges that are strictly increasing by source, with a single stable sort."""
    order = stable_order(target, num_nodes)
    col, by_target = source.index_select(0, order), target.index_select(0, order)
    weight_by_target = None if weight is None else weight[order]
    rowptr = index2ptr(by_target, num_nodes)
    if mirrors(source, target, weight, by_target, col, weight_by_target):
        return Adjacency(rowptr, col, by_target, weight_by_target, undirected=True, coalesced=True)
    transposed = torch.empty_like(order)
    transposed[order] = torch.arange(order.numel(), device=order.device)
    return Adjacency(
        rowptr, col, by_target, weight_by_target, transposed=transposed, coalesced=True
    )


def _from_any_order(
    source: Tensor,
    target: Tensor,
    weight: Tensor | None,
    num_nodes: int,
    undirected: bool,
    transpose: bool,
) -> Adjacency:
    if not is_increasing(target, source, num_nodes):
        source, target, weight = _coalesce(source, target, weight, num_nodes)
    rowptr = index2ptr(target, num_nodes)
    if undirected and weight is None:
        return Adjacency(rowptr, source, target, undirected=True, coalesced=True)
    if not transpose:
        return Adjacency(rowptr, source, target, weight, coalesced=True)
    order = stable_order(source, num_nodes)
    weight_by_source = None if weight is None else weight[order]
    if mirrors(
        source.index_select(0, order),
        target.index_select(0, order),
        weight_by_source,
        target,
        source,
        weight,
    ):
        return Adjacency(rowptr, source, target, weight, undirected=True, coalesced=True)
    return Adjacency(rowptr, source, target, weight, transposed=order, coalesced=True)


def _coalesce(
    source: Tensor, target: Tensor, weight: Tensor | None, num_nodes: int
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Sort by target, then source, and sum the weights of duplicate edges."""
    order = pair_order(target, source, num_nodes)
    source, target = source.index_select(0, order), target.index_select(0, order)
    weight = None if weight is None else weight[order]
    first = starts_of_runs(target * num_nodes + source)
    if bool(first.all()):
        return source, target, weight
    slot = first.cumsum(0) - 1
    source, target = source[first], target[first]
    if weight is None:
        # For any default dtype: counts in float32 are exact and never wider than features.
        weight = torch.ones(first.numel(), dtype=torch.float32, device=first.device)
    wide = accumulated(weight)
    weight = wide.new_zeros(source.numel()).index_add(0, slot, wide).to(weight.dtype)
    return source, target, weight


def _blindly_ordered(
    source: Tensor,
    target: Tensor,
    weight: Tensor | None,
    num_nodes: int,
    declared: bool,
    ordered: bool,
    transpose: bool,
) -> Adjacency:
    """Sort edges without host-device synchronisation; an EdgeIndex is trusted without a check."""
    if not (declared and ordered):
        permutation = pair_order(target, source, num_nodes)
        source, target = source[permutation], target[permutation]
        weight = None if weight is None else weight[permutation]
    transposed = stable_order(source, num_nodes) if transpose and not declared else None
    rowptr = index2ptr(target, num_nodes)
    return Adjacency(rowptr, source, target, weight, declared, transposed)


def _opaquely_ordered(
    source: Tensor,
    target: Tensor,
    weight: Tensor | None,
    num_nodes: int,
    declared: bool,
    validate: bool,
) -> Adjacency:
    """Sort edges in traced code by a custom operator, whose kernel may access values."""
    values = None if weight is None else weight.detach()
    rowptr, order, transposed, symmetric = order_edges(
        source, target, values, num_nodes, declared, validate
    )
    weight = None if weight is None else weight[order]
    return Adjacency(rowptr, source[order], target[order], weight, symmetric, transposed)
