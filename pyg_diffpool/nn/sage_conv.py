"""The GraphSAGE operator, one set of weights for sparse and dense levels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.nn import MessagePassing
from torch_geometric.nn.dense import Linear
from torch_geometric.typing import SparseTensor

from pyg_diffpool.ops import Adjacency, prepare_adjacency, sparse_product
from pyg_diffpool.ops.dense_coarsen import mask_adjacency, mask_rows
from pyg_diffpool.ops.level import dense_level, is_dense_level
from pyg_diffpool.ops.precision import accumulation_dtype
from pyg_diffpool.ops.validation import check_choice, check_floating

AGGREGATIONS = ("mean", "sum", "max")


class SAGEConv(MessagePassing):
    r"""The GraphSAGE operator with edge weights, on sparse and dense levels.

    From `"Inductive Representation Learning on Large Graphs" <https://arxiv.org/abs/1706.02216>`_:

    .. math::
        \mathbf{x}^{\prime}_v = \mathbf{W}_1 \, \frac{\sum_{u} \mathbf{A}_{uv} \, \mathbf{x}_u}
        {\sum_{u} \mathbf{A}_{uv}} + \mathbf{W}_2 \, \mathbf{x}_v

    Parameters are named as in :class:`torch_geometric.nn.SAGEConv`, whose :obj:`state_dict` loads;
    with unit weights the two operators are equal. A zero sum of weights aggregates to zero.

    Args:
        in_channels: Size of each input row, or :obj:`-1` to derive it from the first input.
        out_channels: Size of each output row.
        aggr: :obj:`"mean"` as above; :obj:`"sum"`, its numerator; or :obj:`"max"`, the elementwise
            maximum over the neighbours joined by a weight other than zero, whatever its size.
            (default: :obj:`"mean"`)
        normalize: Whether output rows are divided by their Euclidean norm.
            (default: :obj:`False`)
        root_weight: Whether a node's own features are added. (default: :obj:`True`)
        bias: Whether to learn an additive bias. (default: :obj:`True`)

    Shapes:
        - **input:** node features :math:`(N, F_{in})`, edges :math:`(2, |\mathcal{E}|)` (or any
          sparse adjacency), weights :math:`(|\mathcal{E}|)` *(optional)*; on a dense level
          :math:`(B, N, F_{in})`, adjacency matrices :math:`(B, N, N)`, mask :math:`(B, N)`
          *(optional)*
        - **output:** :math:`(N, F_{out})`, or :math:`(B, N, F_{out})`

    Raises:
        ValueError: If :obj:`aggr` is unknown, or shapes do not match.

    Example:
        >>> conv = SAGEConv(8, 16)
        >>> x, edge_index = torch.randn(3, 8), torch.tensor([[0, 1], [1, 2]])
        >>> conv(x, edge_index).shape
        torch.Size([3, 16])
        >>> conv(torch.randn(2, 5, 8), torch.rand(2, 5, 5)).shape
        torch.Size([2, 5, 16])
    """

    runs_on_dense_levels = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        aggr: str = "mean",
        normalize: bool = False,
        root_weight: bool = True,
        bias: bool = True,
    ):
        check_choice("aggr", aggr, AGGREGATIONS)
        # A weighted mean is a sum of messages, divided by the sum of weights afterwards.
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
        """Draw all weights anew.

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
        """Aggregate over incoming edges, and transform."""
        if is_dense_level(x):
            adj = dense_level("x", x, edge_index, edge_weight, None, mask=mask, validate=False)
            x = mask_rows(x, mask)
            return mask_rows(
                self._transform(self._aggregate_dense(x, mask_adjacency(adj, mask)), x), mask
            )
        check_floating("x", x, 2)
        if mask is not None:
            raise ValueError("mask: expected None on a sparse level, where every row is a node")
        adjacency = prepare_adjacency(edge_index, edge_weight, x.size(0))
        return self._transform(self._aggregate_sparse(x, adjacency), x)

    def _transform(self, aggregated: Tensor, x: Tensor) -> Tensor:
        out: Tensor = self.lin_l(aggregated)
        if self.root_weight:
            out = out + self.lin_r(x)
        return F.normalize(out, dim=-1) if self.normalize else out

    def _aggregate_sparse(self, x: Tensor, adjacency: Adjacency) -> Tensor:
        if self.aggr == "max":
            edges = torch.stack([adjacency.col, adjacency.target])
            if adjacency.weight is not None:
                edges = edges[:, adjacency.weight != 0]
            # propagate_type: (x: Tensor, edge_weight: OptTensor)
            out: Tensor = self.propagate(edges, x=x, edge_weight=None, size=(x.size(0), x.size(0)))
            return out
        if self._observed():
            edges = torch.stack([adjacency.col, adjacency.target])
            # propagate_type: (x: Tensor, edge_weight: OptTensor)
            out = self.propagate(
                edges, x=x, edge_weight=adjacency.weight, size=(x.size(0), x.size(0))
            )
        else:
            out = sparse_product(adjacency, x)
        return out if self.aggr == "sum" else _divide(out, _weight_sum(adjacency, x))

    def _observed(self) -> bool:
        """Whether somebody watches the messages, which a sparse product never forms."""
        hooks = (
            self._propagate_forward_pre_hooks,
            self._propagate_forward_hooks,
            self._message_forward_pre_hooks,
            self._message_forward_hooks,
            self._aggregate_forward_pre_hooks,
            self._aggregate_forward_hooks,
        )
        return bool(self.explain) or any(hooks)

    def message(self, x_j: Tensor, edge_weight: Tensor | None) -> Tensor:
        """Weight the features of each edge's source."""
        return x_j if edge_weight is None else x_j * edge_weight.view(-1, 1).to(x_j.dtype)

    def _aggregate_dense(self, x: Tensor, adj: Tensor) -> Tensor:
        adj_t = adj.transpose(1, 2)
        if self.aggr == "max":
            candidates = x.unsqueeze(1).masked_fill((adj_t == 0).unsqueeze(-1), -torch.inf)
            out = candidates.amax(2) if x.size(1) > 0 else x
            return out.masked_fill((adj_t == 0).all(2, keepdim=True), 0.0)
        out = adj_t.to(x.dtype) @ x
        if self.aggr == "sum":
            return out
        total = adj.sum(1, dtype=accumulation_dtype(adj.dtype))
        return _divide(out, total.unsqueeze(-1).to(out.dtype))

    def __repr__(self) -> str:
        return (
            f"{self.__class__.__name__}({self.in_channels}, {self.out_channels}, aggr={self.aggr})"
        )


def _weight_sum(adjacency: Adjacency, x: Tensor) -> Tensor:
    """Sum of the weights of each node's incoming edges, (N, 1)."""
    if adjacency.weight is None:
        return adjacency.rowptr.diff().unsqueeze(-1).to(x.dtype)
    weight = adjacency.weight.to(accumulation_dtype(adjacency.weight.dtype))
    total = weight.new_zeros(adjacency.num_nodes).index_add(0, adjacency.target, weight)
    return total.unsqueeze(-1).to(x.dtype)


def _divide(numerator: Tensor, total: Tensor) -> Tensor:
    """Divide, where a zero total gives zero and no gradient.

    An unused cluster's weights sum to next to nothing. The slope of a mean is one over that sum, so
    that below the root of the smallest number it would overflow: there the sum counts as zero.
    """
    zero = total.abs() <= torch.finfo(total.dtype).tiny ** 0.5
    return numerator * total.masked_fill(zero, 1.0).reciprocal().masked_fill(zero, 0.0)
