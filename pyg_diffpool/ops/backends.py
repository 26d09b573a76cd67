r"""Two ways to multiply the runs of a ragged batch, and the rule that chooses between them.

Both offer the same two products over the graphs :math:`g` of a batch, and differ in speed alone:

* ``contract``: :math:`\mathbf{S}_g^{\top} \mathbf{M}_g`, one matrix a graph;
* ``expand``: :math:`\mathbf{M}_g \mathbf{W}_g`, rows in the order of the nodes again.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.utils import to_dense_batch

from pyg_diffpool.ops.segments import Segments

# What a matrix product costs beside its arithmetic, in multiply-adds (see choose_backend).
CALL_COST = 60_000
PADDED_CALLS = 12


class Padded:
    """Pad all graphs to the largest, multiply in one batched product."""

    def __init__(self, graphs: Segments):
        self.graphs = graphs

    def arrange(self, rows: Tensor) -> Tensor:
        """Lay rows (N, J) out as (B, N_max, J), zeros where there is no node."""
        graphs = self.graphs
        dense: Tensor
        dense, _ = to_dense_batch(rows, graphs.batch, 0.0, graphs.max_num_nodes, graphs.batch_size)
        return dense

    def rows(self, arranged: Tensor) -> Tensor:
        """Undo :meth:`arrange`."""
        return arranged.flatten(0, 1).index_select(0, self.graphs.slots())

    def contract(self, left: Tensor, right: Tensor) -> Tensor:
        """Multiply each graph's transposed left rows with its right rows."""
        return left.transpose(1, 2) @ right

    def expand(self, arranged: Tensor, weight: Tensor) -> Tensor:
        """Multiply each graph's rows with its own matrix, and return the rows (N, J')."""
        return self.rows(arranged @ weight)


class Ragged:
    """Multiply each graph's own slice: no padding, and one call a graph."""

    def __init__(self, graphs: Segments):
        self.sizes: list[int] = graphs.sizes.tolist()

    def arrange(self, rows: Tensor) -> Tensor:
        """Leave rows (N, J) where they are."""
        return rows

    def rows(self, arranged: Tensor) -> Tensor:
        """Undo :meth:`arrange`."""
        return arranged

    def contract(self, left: Tensor, right: Tensor) -> Tensor:
        """Multiply each graph's transposed left rows with its right rows."""
        out = left.new_empty(len(self.sizes), left.size(1), right.size(1))
        runs = zip(
            torch.split(left.t(), self.sizes, 1), torch.split(right, self.sizes), out, strict=True
        )
        for s, m, product in runs:
            torch.mm(s, m, out=product)
        return out

    def expand(self, arranged: Tensor, weight: Tensor) -> Tensor:
        """Multiply each graph's rows with its own matrix, and return the rows (N, J')."""
        out = arranged.new_empty(arranged.size(0), weight.size(2))
        runs = zip(
            torch.split(arranged, self.sizes), weight, torch.split(out, self.sizes), strict=True
        )
        for m, w, product in runs:
            torch.mm(m, w, out=product)
        return out


BACKENDS: dict[str, type[Padded] | type[Ragged]] = {"padded": Padded, "ragged": Ragged}


def choose_backend(segments: Segments, num_clusters: int, num_columns: int) -> str:
    r"""Choose the backend that is expected to be faster.

    Padding multiplies :math:`B \cdot N_{\max}` rows where there are :math:`N`; slices cost one
    call a graph. A call costs about as much as :data:`CALL_COST` multiply-adds: set by
    hand on the batches of ``python -m benchmarks coarsen``.
    """
    padded_rows = segments.batch_size * segments.max_num_nodes
    excess = (padded_rows - segments.batch.numel()) * num_clusters * num_columns
    return "ragged" if (segments.batch_size - PADDED_CALLS) * CALL_COST < excess else "padded"
