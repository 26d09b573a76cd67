"""The GraphSAGE operator with one set of parameters for sparse and dense levels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.nn import MessagePassing
from torch_geometric.nn.dense import Linear
from torch_geometric.typing import SparseTensor

from pyg_diffpool.nn.watchers import (
    edge_mask,
    given_edges,
    is_observed,
    is_pooled,
    unexplained,
)
from pyg_diffpool.ops import Adjacency, prepare_adjacency, sparse_product
from pyg_diffpool.ops.aggregation import inverse_or_zero, weight_sums
from pyg_diffpool.ops.level import (
    is_dense_level,
    mask_adjacency,
    read_dense_level,
    refuse_mask,
)
from pyg_diffpool.ops.padded_graphs import mask_rows
from pyg_diffpool.ops.precision import accumulated, accumulation_dtype, without_autocast
from pyg_diffpool.ops.sage_layers import normalized_rows
from pyg_diffpool.ops.validation import check_choice, check_floating

AGGREGATIONS = ("mean", "sum", "max")
# Methods that a subclass or an instance may override.
REPLACEABLE = ("message", "aggregate", "update", "explain_message")


class SAGEConv(MessagePassing):
    r"""The GraphSAGE operator with edge weights, on sparse and dense levels.

    From `"Inductive Representation Learning on Large Graphs" <https://arxiv.org/abs/1706.02216>`_:

    .. math::
        \mathbf{x}^{\prime}_v = \mathbf{W}_1 \, \frac{\sum_{u} \mathbf{A}_{uv} \, \mathbf{x}_u}
        {\sum_{u} \mathbf{A}_{uv}} + \mathbf{W}_2 \, \mathbf{x}_v

    Parameters have the same names as in :class:`torch_geometric.nn.SAGEConv`, whose
    :obj:`state_dict` can be loaded; with unit edge weights, the two operators are equal. If the
    weights sum to zero, the aggregation is zero.

    Edge masks of explainers and message hooks observe the edges as they were passed, in the same
    order and with separate duplicates (edges of a sparse matrix or of a prepared adjacency in their
    storage order).

    Args:
        in_channels: Number of input channels, or :obj:`-1` to derive it from the first input. The
            entries of a pair, for sources and targets, must be equal, since both are the same
            nodes.
        out_channels: Number of output channels.
        aggr: :obj:`"mean"` as above; :obj:`"sum"` or :obj:`"add"`, its numerator; or :obj:`"max"`,
            the elementwise maximum over the neighbours with nonzero weight, regardless of the
            weight's value. (default: :obj:`"mean"`)
        normalize: Whether output rows are divided by their Euclidean norm.
            (default: :obj:`False`)
        root_weight: Whether to add the transformed features of the node itself.
            (default: :obj:`True`)
        bias: Whether to learn an additive bias. (default: :obj:`True`)

    Shapes:
        - **input:** node features :math:`(N, F_{in})`, edges :math:`(2, |\mathcal{E}|)` (or any
          sparse adjacency), weights :math:`(|\mathcal{E}|)` *(optional)*; on a dense level
          :math:`(B, N, F_{in})`, adjacency matrices :math:`(B, N, N)`, mask :math:`(B, N)`
          *(optional)*
        - **output:** :math:`(N, F_{out})`, or :math:`(B, N, F_{out})`

    Raises:
        ValueError: If :obj:`aggr` is unknown, shapes do not match, or an edge mask belongs to other
            edges.

    Example:
        >>> conv = SAGEConv(8, 16)
        >>> x, edge_index = torch.randn(3, 8), torch.tensor([[0, 1], [1, 2]])
        >>> conv(x, edge_index).shape
        torch.Size([3, 16])
        >>> conv(torch.randn(2, 5, 8), torch.rand(2, 5, 5)).shape
        torch.Size([2, 5, 16])
    """

    runs_on_dense_levels = True
    _messages_replaced = False

    def __init_subclass__(cls, **options: Any) -> None:
        """Record whether a subclass overrides message passing, which spmm would bypass."""
        super().__init_subclass__(**options)
        cls._messages_replaced = any(
            getattr(cls, name) is not getattr(SAGEConv, name) for name in REPLACEABLE
        )

    def __init__(
        self,
        in_channels: int | tuple[int, int],
        out_channels: int,
        aggr: str = "mean",
        normalize: bool = False,
        root_weight: bool = True,
        bias: bool = True,
    ):
        aggr = "sum" if aggr == "add" else aggr
        check_choice("aggr", aggr, AGGREGATIONS)
        in_channels = _one_size(in_channels)
        # A weighted mean is a sum of messages, divided by the sum of the weights afterwards.
        super().__init__(aggr="max" if aggr == "max" else "sum")
        self.aggr = aggr
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.normalize = normalize
        self.root_weight = root_weight
        self.lin_l = Linear(in_channels, out_channels, bias=bias)
        if root_weight:
            self.lin_r = Linear(in_channels, out_channels, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Reset all parameters.

        Example:
            >>> conv = SAGEConv(8, 16)
            >>> before = conv.lin_l.weight.clone()
            >>> conv.reset_parameters()
            >>> torch.equal(conv.lin_l.weight, before)
            False
        """
        super().reset_parameters()
        self.lin_l.reset_parameters()
        if self.root_weight:
            self.lin_r.reset_parameters()

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor | EdgeIndex | SparseTensor | Adjacency,
        edge_weight: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Aggregate over incoming edges, then transform."""
        if is_dense_level(x, edge_index):
            level, (x,) = read_dense_level(
                {"x": x}, edge_index, edge_weight, mask=mask, validate=False
            )
            x = mask_rows(x, level.mask)
            aggregated = self._aggregate_dense(x, mask_adjacency(level.adj, level.mask))
            return mask_rows(self.transform(aggregated, x), level.mask)
        check_floating("x", x, 2)
        refuse_mask(mask)
        if self._observed():
            return self.transform(self._aggregate_observed(x, edge_index, edge_weight), x)
        adjacency = prepare_adjacency(edge_index, edge_weight, x.size(0))
        if self.aggr == "max":
            return self.transform(self._maximum(x, adjacency), x)
        # Round to half precision only once, after the division by the sum of weights.
        wide = accumulated(x)
        aggregated = sparse_product(adjacency, wide)
        if self.aggr == "mean":
            total = weight_sums(adjacency, wide.dtype)
            aggregated = aggregated * inverse_or_zero(total).unsqueeze(-1)
        return self.transform(aggregated.to(x.dtype), x)

    def transform(self, aggregated: Tensor, x: Tensor) -> Tensor:
        """Compute the output from the aggregated features and the node's own features.

        Example:
            >>> conv = SAGEConv(2, 4)
            >>> x = torch.randn(3, 2)
            >>> conv.transform(x.mean(0).expand(3, 2), x).shape
            torch.Size([3, 4])
        """
        out: Tensor = self.lin_l(aggregated)
        if self.root_weight:
            out = out + self.lin_r(x)
        return normalized_rows(out) if self.normalize else out

    def _maximum(self, x: Tensor, adjacency: Adjacency) -> Tensor:
        edges = torch.stack([adjacency.col, adjacency.target])
        if adjacency.weight is not None:
            edges = edges[:, adjacency.weight != 0]
        size = (x.size(0), x.size(0))
        # propagate_type: (x: Tensor, edge_weight: OptTensor, weight: OptTensor)
        out: Tensor = self.propagate(edges, x=x, edge_weight=None, weight=None, size=size)
        return out

    def _observed(self) -> bool:
        """Return whether messages are computed per edge, for observers or overridden methods."""
        return (
            is_observed(self)
            or self._messages_replaced
            or any(name in self.__dict__ for name in REPLACEABLE)
        )

    def _aggregate_observed(
        self,
        x: Tensor,
        edge_index: Tensor | EdgeIndex | SparseTensor | Adjacency,
        edge_weight: Tensor | None,
    ) -> Tensor:
        """Aggregate the messages of the caller's edges, in the caller's order."""
        edges, weight = given_edges(edge_index, edge_weight, x.size(0))
        if self.explain and is_pooled(edges):
            with unexplained(self):
                return self._aggregate_observed(x, edges, weight)
        if self.explain and "explain_message" not in self.__dict__:
            edge_mask(self, edges, x.size(0))  # Raises an error for a mask of other edges.
        size = (x.size(0), x.size(0))
        # The weights are passed to message and to aggregate under different names, so that a
        # subclass can override message without the type annotations of this class.
        # propagate_type: (x: Tensor, edge_weight: OptTensor, weight: OptTensor)
        out: Tensor = self.propagate(edges, x=x, edge_weight=weight, weight=weight, size=size)
        return out

    def message(self, x_j: Tensor, edge_weight: Tensor | None) -> Tensor:
        """Multiply the features of each edge's source by its weight, except for a maximum."""
        if edge_weight is None or self.aggr == "max":
            return x_j
        return x_j * edge_weight.view(-1, 1).to(x_j.dtype)

    def aggregate(
        self,
        inputs: Tensor,
        index: Tensor,
        edge_index_j: Tensor,
        weight: Tensor | None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
    ) -> Tensor:
        """Aggregate the messages at each edge's target.

        Example:
            >>> conv = SAGEConv(1, 1)
            >>> index = torch.tensor([1, 1])
            >>> conv.aggregate(torch.tensor([[1.0], [3.0]]), index, index, None, dim_size=2)
            tensor([[0.],
                    [2.]])
        """
        if self.aggr == "max" and weight is not None:
            joined = _total_weight(edge_index_j, index, weight, dim_size or 0) != 0
            inputs, index = inputs[joined], index[joined]
        out: Tensor = super().aggregate(accumulated(inputs), index, dim_size=dim_size)
        if self.aggr == "mean":
            ones = index.new_ones(index.size(0), dtype=out.dtype)
            summed = ones if weight is None else accumulated(weight)
            total = summed.new_zeros(out.size(0)).index_add(0, index, summed)
            out = out * inverse_or_zero(total.to(out.dtype)).unsqueeze(-1)
        return out.to(inputs.dtype)

    def _aggregate_dense(self, x: Tensor, adj: Tensor) -> Tensor:
        adj_t = adj.transpose(1, 2)
        if self.aggr == "max":
            candidates = x.unsqueeze(1).masked_fill((adj_t == 0).unsqueeze(-1), -torch.inf)
            out = candidates.amax(2) if x.size(1) > 0 else x
            return out.masked_fill((adj_t == 0).all(2, keepdim=True), 0.0)
        dtype = accumulation_dtype(x.dtype)
        with without_autocast(x):
            # Entries of a pooled adjacency count edges, and would overflow in half precision.
            out = adj_t.to(dtype) @ x.to(dtype)
        if self.aggr == "mean":
            total = adj.sum(1, dtype=accumulation_dtype(adj.dtype))
            out = out * inverse_or_zero(total.to(dtype)).unsqueeze(-1)
        return out.to(x.dtype)

    def __repr__(self) -> str:
        return (
            f"{self.__class__.__name__}({self.in_channels}, {self.out_channels}, aggr={self.aggr})"
        )


def _total_weight(source: Tensor, target: Tensor, weight: Tensor, num_nodes: int) -> Tensor:
    """Return for each edge the sum of the weights of all edges with the same source and target."""
    _, pair = torch.unique(target * num_nodes + source, return_inverse=True)
    weight = accumulated(weight)
    return weight.new_zeros(weight.size(0)).index_add(0, pair, weight)[pair]


def _one_size(in_channels: int | tuple[int, int]) -> int:
    """Return the number of channels, given once or for sources and targets, as in PyG."""
    sizes = in_channels if isinstance(in_channels, (tuple, list)) else (in_channels,)
    if not all(isinstance(size, int) and not isinstance(size, bool) for size in sizes):
        raise TypeError(f"in_channels: expected an integer, got {in_channels!r}")
    if len(sizes) not in (1, 2) or len(set(sizes)) != 1 or sizes[0] < -1:
        raise ValueError(
            "in_channels: expected a size, -1, or a pair of equal ones, since sources and targets "
            f"are the same nodes, got {in_channels!r}"
        )
    return int(sizes[0])
