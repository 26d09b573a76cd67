"""A convolution over all pairs of nodes of each graph, without forming them."""

from __future__ import annotations

from torch import Tensor

from pyg_diffpool.nn.readout import readout
from pyg_diffpool.nn.sage_conv import SAGEConv
from pyg_diffpool.ops.level import is_dense_level, read_mask


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

    and likewise with the sum or the maximum over :math:`u`. All nodes of a graph aggregate the same
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
    if not is_dense_level(x):
        if batch is None:
            raise ValueError(
                "batch: expected the graph of each row for a fully adjacent layer on a sparse "
                "level, got None"
            )
        graphs = readout(x, conv.aggr, batch=batch, batch_size=batch_size)
        return conv.transform(graphs.index_select(0, batch), x)
    graphs = readout(x, conv.aggr, mask=mask)
    rows = read_mask(mask, None)
    if rows is not None:
        # NaN in a masked row must not reach the gradients of the parameters.
        x = x.masked_fill(~rows.unsqueeze(-1), 0.0)
    out = conv.transform(graphs.unsqueeze(1).expand(-1, x.size(1), -1), x)
    return out if rows is None else out.masked_fill(~rows.unsqueeze(-1), 0.0)
