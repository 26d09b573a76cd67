"""A convolution over all pairs of nodes of each graph, without forming them."""

from __future__ import annotations

import torch
from torch import Tensor

from pyg_diffpool.nn.aggregators import aggregate_messages, has_closed_form, moment_of
from pyg_diffpool.nn.readout import READOUTS, readout
from pyg_diffpool.nn.sage_conv import SAGEConv
from pyg_diffpool.ops.level import is_dense_level, read_mask
from pyg_diffpool.ops.neighbourhoods import MessageNeighbourhood


def convolve_complete_graph(
    conv: SAGEConv,
    x: Tensor,
    *,
    batch: Tensor | None = None,
    batch_size: int | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    r"""Apply a convolution to the complete graph with self-loops over the nodes of each graph.

    .. math::
        \mathbf{x}^{\prime}_v = \mathbf{W}_1 \, \frac{1}{n} \sum_{u = 1}^{n} \mathbf{x}_u +
        \mathbf{W}_2 \, \mathbf{x}_v

    and likewise with any other aggregation over :math:`u`. All nodes of a graph aggregate the same
    vector, which is computed once per graph, in :math:`O(N)` instead of :math:`O(N^2)`.

    Args:
        conv: The convolution, whose parameters, aggregation and normalisation are used.
        x: Node features (N, F), or (B, N, F) on a dense level.
        batch: Graph of each row, on a sparse level.
        batch_size: Number of graphs, on a sparse level.
        mask: Boolean mask of the rows of a dense level that are nodes, (B, N); the others are set
            to zero.

    Raises:
        ValueError: If there is no batch vector on a sparse level, since nodes of different graphs
            would be connected.
    """
    sent = conv.projected(x)
    moment = moment_of(conv.aggr_module)
    reduce = moment.name if moment is not None and moment.name in READOUTS else None
    if not is_dense_level(x):
        if batch is None:
            raise ValueError(
                "batch: expected the graph of each row for a fully adjacent layer on a sparse "
                "level, got None"
            )
        if reduce is not None:
            graphs = readout(sent, reduce, batch=batch, batch_size=batch_size)
        else:
            graphs = conv.aggregate(sent, batch, batch, None, dim_size=batch_size)
        return conv.transform(graphs.index_select(0, batch), x)
    rows = read_mask(mask, None)
    if reduce is not None:
        graphs = readout(sent, reduce, mask=mask)
    else:
        graphs = _of_padded_graphs(conv, sent, rows)
    if rows is not None:
        # NaN in a masked row must not reach the gradients of the parameters.
        x = x.masked_fill(~rows.unsqueeze(-1), 0.0)
    out = conv.transform(graphs.unsqueeze(1).expand(-1, x.size(1), -1), x)
    return out if rows is None else out.masked_fill(~rows.unsqueeze(-1), 0.0)


def _of_padded_graphs(conv: SAGEConv, x: Tensor, mask: Tensor | None) -> Tensor:
    """Aggregate the rows of each graph of a dense level."""
    num_graphs, nodes, width = x.shape
    graph = torch.arange(num_graphs, device=x.device).repeat_interleave(nodes)
    rows = x.reshape(-1, width)
    if mask is None:
        around = MessageNeighbourhood(graph, num_graphs)
        return aggregate_messages(conv.aggr_module, rows, around)
    kept = mask.flatten()
    if not has_closed_form(conv.aggr_module):
        around = MessageNeighbourhood(graph[kept], num_graphs)
        return aggregate_messages(conv.aggr_module, rows[kept], around)
    # Masked rows go to one graph more: selecting the others would depend on data.
    around = MessageNeighbourhood(graph.masked_fill(~kept, num_graphs), num_graphs + 1)
    rows = rows.masked_fill(~kept.unsqueeze(-1), 0.0)
    return aggregate_messages(conv.aggr_module, rows, around)[:num_graphs]
