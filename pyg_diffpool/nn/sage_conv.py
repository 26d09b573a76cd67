"""The GraphSAGE operator with one set of parameters for sparse and dense levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.nn.aggr import Aggregation, MultiAggregation
from torch_geometric.nn.dense import Linear
from torch_geometric.typing import SparseTensor

from pyg_diffpool.nn.aggregators import aggregate_rows, closed_forms, linear_form
from pyg_diffpool.nn.weighted_messages import WeightedMessagePassing
from pyg_diffpool.ops import Adjacency, sparse_product
from pyg_diffpool.ops.aggregation import inverse_or_zero, weight_sums
from pyg_diffpool.ops.bipartite import padded_sources, read_node_pair
from pyg_diffpool.ops.level import (
    is_dense_level,
    mask_adjacency,
    read_dense_level,
    refuse_mask,
)
from pyg_diffpool.ops.neighbourhoods import SparseNeighbourhood
from pyg_diffpool.ops.padded_graphs import mask_rows
from pyg_diffpool.ops.precision import accumulated
from pyg_diffpool.ops.sage_layers import normalized_rows


class SAGEConv(WeightedMessagePassing):
    r"""The GraphSAGE operator with edge weights, on sparse and dense levels.

    From `"Inductive Representation Learning on Large Graphs" <https://arxiv.org/abs/1706.02216>`_:

    .. math::
        \mathbf{x}^{\prime}_v = \mathbf{W}_1 \, \frac{\sum_{u} \mathbf{A}_{uv} \, \mathbf{x}_u}
        {\sum_{u} \mathbf{A}_{uv}} + \mathbf{W}_2 \, \mathbf{x}_v

    Arguments, parameters, :obj:`repr` and results are those of
    :class:`torch_geometric.nn.SAGEConv`, whose :obj:`state_dict` can be loaded. In addition, edges
    may have weights, and the same parameters apply to dense levels. With
    :math:`W_v = \sum_u \mathbf{A}_{uv}`, the aggregations that have a closed form are:

    .. math::
        \mathrm{sum}_v = \sum_u \mathbf{A}_{uv} \, \mathbf{x}_u, \qquad
        \mathrm{mean}_v = \frac{\mathrm{sum}_v}{W_v}, \qquad
        \mathrm{var}_v = \frac{1}{W_v} \sum_u \mathbf{A}_{uv} \, \mathbf{x}_u^2 - \mathrm{mean}_v^2,
        \qquad \mathrm{std}_v = \sqrt{\mathrm{var}_v}

    and :obj:`"max"` and :obj:`"min"` over the neighbours with nonzero weight, regardless of its
    value. Mean, variance and standard deviation are zero if :math:`W_v = 0`; the standard deviation
    is also zero if the variance is at most :math:`10^{-5}`, as in PyG. With weights of both signs,
    :math:`\mathrm{var}_v` is no variance and may be negative, where :math:`\mathrm{std}_v` is zero:
    no result is NaN. Variances are accumulated in float64, since the difference cancels in float32
    if the mean is large.

    Lists of them, such as :obj:`("mean", "std")`, share one sum over the edges; higher-order
    moments distinguish neighbourhoods of equal mean, see `"Principal Neighbourhood Aggregation for
    Graph Nets" <https://arxiv.org/abs/2004.05718>`_. Every other aggregation is given the messages
    :math:`\mathbf{A}_{uv} \, \mathbf{x}_u`: of the edges as they were passed, in the same order and
    with separate duplicates; of the nonzero entries of a dense level, sorted by target.

    Edge masks of explainers and message hooks observe the edges as they were passed, in the same
    order and with separate duplicates (edges of a sparse matrix or of a prepared adjacency in their
    storage order).

    Args:
        in_channels: Number of input channels, or :obj:`-1` to derive it from the first input; a
            pair for sources and targets.
        out_channels: Number of output channels.
        aggr: Name of any aggregation of :mod:`torch_geometric.nn.aggr`, an aggregation module, or
            several of them, which are combined as :class:`torch_geometric.nn.MultiAggregation`
            does, by default concatenated. (default: :obj:`"mean"`)
        normalize: Whether output rows are divided by their Euclidean norm.
            (default: :obj:`False`)
        root_weight: Whether to add the transformed features of the node itself.
            (default: :obj:`True`)
        project: Whether a linear map and ReLU are applied to :math:`\mathbf{x}_u` before the
            aggregation (Equation 3 of the paper). (default: :obj:`False`)
        bias: Whether to learn an additive bias. (default: :obj:`True`)
        aggr_kwargs: Arguments of the aggregation. Those of :obj:`"lstm"` have the input's size by
            default. (default: :obj:`None`)
        flow: :obj:`"source_to_target"`, or :obj:`"target_to_source"` to aggregate over outgoing
            edges, which takes neither pairs of features nor sparse matrices.
            (default: :obj:`"source_to_target"`)
        node_dim: Dimension of the nodes, which must be the first of two. (default: :obj:`-2`)
        decomposed_layers: Number of groups of channels that are aggregated one after another where
            messages are computed, to save memory; results are equal. (default: :obj:`1`)

    Shapes:
        - **input:** node features :math:`(N, F_{in})`, or a pair :math:`(N_s, F_s)` and
          :math:`(N_t, F_t)` for sources and targets (or :obj:`None` for the second, which then adds
          nothing); edges :math:`(2, |\mathcal{E}|)` (or any sparse adjacency, of a pair
          :math:`(N_t, N_s)`), weights :math:`(|\mathcal{E}|)` *(optional)*; :obj:`size`
          :math:`(N_s, N_t)` *(optional)*. A pair of integers in place of the weights is the size,
          as in PyG. On a dense level :math:`(B, N, F_{in})`, adjacency matrices :math:`(B, N, N)`,
          mask :math:`(B, N)` *(optional)*
        - **output:** :math:`(N, F_{out})`, :math:`(N_t, F_{out})` or :math:`(B, N, F_{out})`

    Raises:
        ValueError: If :obj:`aggr` is unknown, shapes do not match, or an edge mask belongs to other
            edges.

    Example:
        >>> import torch
        >>> conv = SAGEConv(8, 16)
        >>> x, edge_index = torch.randn(3, 8), torch.tensor([[0, 1], [1, 2]])
        >>> conv(x, edge_index).shape
        torch.Size([3, 16])
        >>> conv(torch.randn(2, 5, 8), torch.rand(2, 5, 5)).shape
        torch.Size([2, 5, 16])

        Moments of neighbourhoods, and messages to other nodes:

        >>> SAGEConv(8, 16, aggr=("mean", "std"))(x, edge_index).shape
        torch.Size([3, 16])
        >>> users = torch.randn(2, 4)
        >>> SAGEConv((8, 4), 16)((x, users), torch.tensor([[0, 2], [0, 1]])).shape
        torch.Size([2, 16])
    """

    runs_on_dense_levels = True

    def __init__(
        self,
        in_channels: int | tuple[int, int],
        out_channels: int,
        aggr: str | Sequence[str | Aggregation] | Aggregation = "mean",
        normalize: bool = False,
        root_weight: bool = True,
        project: bool = False,
        bias: bool = True,
        *,
        aggr_kwargs: dict[str, Any] | None = None,
        flow: str = "source_to_target",
        node_dim: int = -2,
        decomposed_layers: int = 1,
    ):
        sources, targets = _read_channels(in_channels)
        if isinstance(aggr, str) and aggr == "lstm":
            sizes = {"in_channels": sources, "out_channels": sources}
            aggr_kwargs = sizes | (aggr_kwargs or {})
        super().__init__(
            aggr,
            aggr_kwargs=aggr_kwargs,
            flow=flow,
            node_dim=node_dim,
            decomposed_layers=decomposed_layers,
        )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.normalize = normalize
        self.root_weight = root_weight
        self.project = project
        if project:
            if sources <= 0:
                raise ValueError(
                    f"'{type(self).__name__}' does not support lazy initialization with "
                    "`project=True`"
                )
            self.lin = Linear(sources, sources, bias=True)
        aggregated = sources
        if isinstance(self.aggr_module, MultiAggregation):
            aggregated = self.aggr_module.get_out_channels(sources)
        self.lin_l = Linear(aggregated, out_channels, bias=bias)
        if root_weight:
            self.lin_r = Linear(targets, out_channels, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Reset all parameters.

        Example:
            >>> import torch
            >>> conv = SAGEConv(8, 16)
            >>> before = conv.lin_l.weight.clone()
            >>> conv.reset_parameters()
            >>> torch.equal(conv.lin_l.weight, before)
            False
        """
        super().reset_parameters()
        if self.project:
            self.lin.reset_parameters()
        self.lin_l.reset_parameters()
        if self.root_weight:
            self.lin_r.reset_parameters()

    def forward(
        self,
        x: Tensor | tuple[Tensor, Tensor | None],
        edge_index: Tensor | EdgeIndex | SparseTensor | Adjacency,
        edge_weight: Tensor | tuple[int | None, int | None] | None = None,
        mask: Tensor | None = None,
        *,
        size: tuple[int | None, int | None] | None = None,
    ) -> Tensor:
        """Aggregate over incoming edges, then transform."""
        if isinstance(edge_weight, (tuple, list)):
            edge_weight, size = None, _only_size(edge_weight, size)
        if is_dense_level(x, edge_index):
            return self._on_dense_level(x, edge_index, edge_weight, mask, size)
        refuse_mask(mask)
        nodes = read_node_pair(x, edge_index, size)
        sent = self.projected(nodes.source)
        if self._observed():
            aggregated = self._aggregate_observed(nodes, sent, edge_index, edge_weight)
            return self.transform(aggregated, nodes.target)
        adjacency = self._prepared(nodes, edge_index, edge_weight)
        rows = sent
        if nodes.num_sources is not None:
            rows = padded_sources(sent, adjacency.num_nodes)
        linear = linear_form(self.aggr_module)
        if linear is None:
            moments = closed_forms(self.aggr_module)
            assert moments is not None
            around = SparseNeighbourhood(adjacency)
            aggregated = aggregate_rows(self.aggr_module, rows, moments, around)
        else:
            # Round to half precision only once, after the division by the sum of weights.
            wide = accumulated(rows)
            aggregated = sparse_product(adjacency, wide)
            if linear == "mean":
                total = weight_sums(adjacency, wide.dtype)
                aggregated = aggregated * inverse_or_zero(total).unsqueeze(-1)
            aggregated = aggregated.to(rows.dtype)
        if nodes.num_sources is not None:
            aggregated = aggregated[: nodes.num_targets]
        return self.transform(aggregated, nodes.target)

    def projected(self, x: Tensor) -> Tensor:
        """Return features as they are sent to the neighbours: unchanged without :obj:`project`.

        Example:
            >>> import torch
            >>> x = torch.randn(3, 2)
            >>> SAGEConv(2, 4).projected(x) is x
            True
        """
        return self.lin(x).relu() if self.project else x

    def transform(self, aggregated: Tensor, x: Tensor | None) -> Tensor:
        """Compute the output from the aggregated features and the node's own features, if any.

        Example:
            >>> import torch
            >>> conv = SAGEConv(2, 4)
            >>> x = torch.randn(3, 2)
            >>> conv.transform(x.mean(0).expand(3, 2), x).shape
            torch.Size([3, 4])
        """
        out: Tensor = self.lin_l(aggregated)
        if self.root_weight and x is not None:
            out = out + self.lin_r(x)
        return normalized_rows(out) if self.normalize else out

    def _on_dense_level(
        self, x: Any, adj: Any, edge_weight: Tensor | None, mask: Tensor | None, size: object
    ) -> Tensor:
        if size is not None:
            raise ValueError(f"size: expected None on a dense level, got {size}")
        level, (x,) = read_dense_level({"x": x}, adj, edge_weight, mask=mask, validate=False)
        x = mask_rows(x, level.mask)
        adj = mask_adjacency(level.adj, level.mask)
        aggregated = self._aggregate_dense(self.projected(x), adj)
        return mask_rows(self.transform(aggregated, x), level.mask)

    def __repr__(self) -> str:
        return (
            f"{self.__class__.__name__}({self.in_channels}, {self.out_channels}, aggr={self.aggr})"
        )


def _read_channels(in_channels: int | tuple[int, int]) -> tuple[int, int]:
    """Return the numbers of channels of sources and targets, given as one number or two."""
    sizes = in_channels if isinstance(in_channels, (tuple, list)) else (in_channels, in_channels)
    if not all(isinstance(size, int) and not isinstance(size, bool) for size in sizes):
        raise TypeError(f"in_channels: expected an integer or a pair, got {in_channels!r}")
    if len(sizes) != 2 or min(sizes) < -1:
        raise ValueError(
            "in_channels: expected a size, -1, or a pair of them for sources and targets, got "
            f"{in_channels!r}"
        )
    return sizes[0], sizes[1]


def _only_size(given: Any, size: object) -> Any:
    if size is not None:
        raise ValueError(f"size: expected one size, got {given} in place of weights and {size}")
    return given
