"""Message passing with edge weights, on sparse and dense levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch_geometric.nn import MessagePassing
from torch_geometric.nn.aggr import Aggregation, MultiAggregation

from pyg_diffpool.nn.aggregators import (
    aggregate_messages,
    aggregate_rows,
    closed_forms,
    has_closed_form,
    weighs_messages,
)
from pyg_diffpool.nn.watchers import (
    AnyAdjacency,
    edge_mask,
    given_edges,
    is_observed,
    is_pooled,
    unexplained,
)
from pyg_diffpool.ops import Adjacency, prepare_adjacency
from pyg_diffpool.ops.bipartite import NodePair, prepare_bipartite, reversed_edges
from pyg_diffpool.ops.neighbourhoods import DenseNeighbourhood, MessageNeighbourhood
from pyg_diffpool.ops.validation import check_choice, kind

FLOWS = ("source_to_target", "target_to_source")
# Methods that a subclass or an instance may override.
REPLACEABLE = ("message", "aggregate", "update", "explain_message")


class WeightedMessagePassing(MessagePassing):
    r"""Message passing whose aggregations use edge weights, see :class:`SAGEConv`.

    Aggregations with a closed form are computed without messages, by sums over prepared edges or by
    products with adjacency matrices. Others get the messages :math:`\mathbf{A}_{uv} \mathbf{x}_u`.

    Args:
        aggr: Name of an aggregation, an aggregation module, or several.
        aggr_kwargs: Arguments of the aggregation. (default: :obj:`None`)
        flow: ``source_to_target``, or ``target_to_source`` to aggregate over outgoing edges.
            (default: :obj:`"source_to_target"`)
        node_dim: Dimension of the nodes, which must be the first of two. (default: :obj:`-2`)
        decomposed_layers: Number of groups of channels that are aggregated one after another where
            messages are computed. (default: :obj:`1`)

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If an argument has an unsupported value.
    """

    _messages_replaced = False

    def __init_subclass__(cls, **options: Any) -> None:
        """Record whether a subclass overrides message passing, which spmm would bypass."""
        super().__init_subclass__(**options)
        cls._messages_replaced = any(
            getattr(cls, name) is not getattr(WeightedMessagePassing, name) for name in REPLACEABLE
        )

    def __init__(
        self,
        aggr: str | Sequence[str | Aggregation] | Aggregation,
        *,
        aggr_kwargs: dict[str, Any] | None = None,
        flow: str = "source_to_target",
        node_dim: int = -2,
        decomposed_layers: int = 1,
    ):
        check_choice("flow", flow, FLOWS)
        if node_dim not in (-2, 0):
            raise ValueError(f"node_dim: expected -2 or 0, the first of two, got {kind(node_dim)}")
        if not isinstance(aggr, (str, tuple, list, Aggregation)):
            raise TypeError(f"aggr: expected a name, an Aggregation or several, got {kind(aggr)}")
        options: dict[str, Any] = {
            "flow": flow,
            "node_dim": node_dim,
            "decomposed_layers": decomposed_layers,
        }
        try:
            super().__init__(aggr, aggr_kwargs=aggr_kwargs, **options)
        except (TypeError, ValueError) as error:
            raise type(error)(f"aggr: {error}") from error

    def _observed(self) -> bool:
        """Return whether messages are computed per edge.

        They are for observers, for overridden methods, and for aggregations without closed form.
        """
        return (
            is_observed(self)
            or self._messages_replaced
            or any(name in self.__dict__ for name in REPLACEABLE)
            or not has_closed_form(self.aggr_module)
        )

    def _prepared(
        self,
        nodes: NodePair,
        edge_index: AnyAdjacency,
        edge_weight: Tensor | None,
    ) -> Adjacency:
        """Return the edges as one square matrix."""
        if self.flow != FLOWS[0]:
            _refuse_two_sets(nodes)
            edge_index = reversed_edges(edge_index)
        if nodes.num_sources is not None:
            sizes = nodes.num_sources, nodes.num_targets
            return prepare_bipartite(edge_index, edge_weight, *sizes)
        return prepare_adjacency(edge_index, edge_weight, nodes.num_targets)

    def _aggregate_observed(
        self,
        nodes: NodePair,
        sent: Tensor,
        edge_index: AnyAdjacency,
        edge_weight: Tensor | None,
    ) -> Tensor:
        """Aggregate the messages of the caller's edges, in the caller's order."""
        if self.flow != FLOWS[0]:
            _refuse_two_sets(nodes)
            reversed_edges(edge_index)  # Raises an error for a sparse matrix.
        counts = nodes.num_targets, nodes.num_sources
        edges, weight = given_edges(edge_index, edge_weight, *counts)
        if self.explain and is_pooled(edges):
            with unexplained(self):
                return self._aggregate_observed(nodes, sent, edges, weight)
        if self.explain and "explain_message" not in self.__dict__:
            edge_mask(self, edges, nodes.num_targets)  # Raises an error for a mask of other edges.
        decomposed = self.decomposed_layers > 1
        if decomposed and isinstance(self.aggr_module, MultiAggregation):
            raise ValueError("decomposed_layers: expected 1 with several aggregations")
        # A decomposition divides a tensor, and messages of the default ask for the sources alone.
        one = decomposed or self.flow != FLOWS[0] or sent is nodes.target
        x: Any = sent if one else (sent, nodes.target)
        # The weights are passed to message and to aggregate under different names, so that a
        # subclass can override message without the type annotations of this class.
        # propagate_type: (x: OptPairTensor, edge_weight: OptTensor, weight: OptTensor)
        out: Tensor = self.propagate(
            edges, x=x, edge_weight=weight, weight=weight, size=(sent.size(0), nodes.num_targets)
        )
        return out

    def message(self, x_j: Tensor, edge_weight: Tensor | None) -> Tensor:
        """Multiply the features of each edge's source by its weight.

        Maxima, variances and several aggregations use the weights afterwards.
        """
        if edge_weight is None or not weighs_messages(self.aggr_module):
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
            >>> import torch
            >>> conv = WeightedMessagePassing("mean")
            >>> index = torch.tensor([1, 1])
            >>> conv.aggregate(torch.tensor([[1.0], [3.0]]), index, index, None, dim_size=2)
            tensor([[0.],
                    [2.]])
        """
        if dim_size is None:
            dim_size = int(index.max()) + 1 if index.numel() > 0 else 0
        weighted = weighs_messages(self.aggr_module)
        around = MessageNeighbourhood(index, dim_size, weight, edge_index_j, weighted)
        return aggregate_messages(self.aggr_module, inputs, around)

    def _aggregate_dense(self, x: Tensor, adj: Tensor) -> Tensor:
        """Aggregate over matrices (B, N, N), zero outside the mask."""
        if self.flow != FLOWS[0]:
            adj = adj.transpose(1, 2)
        moments = closed_forms(self.aggr_module)
        if moments is not None:
            return aggregate_rows(self.aggr_module, x, moments, DenseNeighbourhood(adj))
        return self._aggregate_entries(x, adj)

    def _aggregate_entries(self, x: Tensor, adj: Tensor) -> Tensor:
        """Aggregate the messages of the nonzero entries of matrices, sorted by target."""
        rows = x.flatten(0, 1)
        graph, target, source = (adj.transpose(1, 2) != 0).nonzero().unbind(1)
        weight, first = adj[graph, source, target], graph * x.size(1)
        source, target = first + source, first + target
        messages = rows.index_select(0, source)
        around = MessageNeighbourhood(target, rows.size(0), weight)
        return aggregate_messages(self.aggr_module, messages, around).view(*x.shape[:2], -1)


def _refuse_two_sets(nodes: NodePair) -> None:
    if nodes.target is not nodes.source:
        raise ValueError(
            "x: expected one tensor with flow='target_to_source', got a pair; exchange the rows of "
            "edge_index and use flow='source_to_target'"
        )
