r"""Assignments stored on their support, and how they are made without an :math:`N \times K` matrix.

The support of a row is found in its graph's own :math:`k_g` columns, a bounded number of rows at a
time and without a gradient. The values on the support are then a differentiable function of the
logits there alone, so that everything that is kept, and the backward pass, is linear in the entries
of the support.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from pyg_diffpool.ops.assignments.logits import Logits
from pyg_diffpool.ops.assignments.row_chunks import RowChunk, row_chunks
from pyg_diffpool.ops.assignments.threshold import shifted, threshold
from pyg_diffpool.ops.precision import without_autocast
from pyg_diffpool.ops.row_entropy import entropy_of_rows
from pyg_diffpool.ops.segments import Segments
from pyg_diffpool.ops.soft_assignment import soft_assignment_and_entropy
from pyg_diffpool.ops.sparse_matrix import (
    Pattern,
    make_pattern,
    matrix_product,
    transposed_product,
)
from pyg_diffpool.ops.transforms import refuse_batched, transformed


class SparseAssignment(NamedTuple):
    r"""An assignment :math:`\mathbf{S}` whose rows have few nonzero entries.

    The clusters of all graphs are numbered one graph after another, as nodes are in a PyG batch.

    Attributes:
        value: Value of each entry of the support.
        pattern: Node (row) and cluster (column) of each entry.
        nodes: The graphs of the nodes.
        clusters: The graphs of the clusters.

    Example:
        >>> from pyg_diffpool import DiffPool, SAGEConv
        >>> pool = DiffPool(
        ...     SAGEConv(3, 8),
        ...     SAGEConv(3, 4),
        ...     max_clusters=4,
        ...     ratio=0.5,
        ...     assignment="straight-through",
        ...     sparse_level=True,
        ... )
        >>> s = pool(torch.randn(6, 3), torch.tensor([[0, 1], [1, 2]])).assignment
        >>> s.value.detach(), s.to_dense().shape
        (tensor([1., 1., 1., 1., 1., 1.]), torch.Size([6, 3]))
    """

    value: Tensor
    pattern: Pattern
    nodes: Segments
    clusters: Segments

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of the values."""
        return self.value.dtype

    @property
    def device(self) -> torch.device:
        """Device of the values."""
        return self.value.device

    @property
    def shape(self) -> torch.Size:
        r"""Number of nodes and number of clusters of all graphs."""
        return torch.Size((self.pattern.num_rows, self.pattern.num_cols))

    @property
    def cluster(self) -> Tensor:
        """Cluster of each entry, numbered from zero in its graph."""
        node, cluster = self.pattern.row, self.pattern.col
        return cluster - self.clusters.ptr[self.nodes.batch[node]]

    def pool(self, rows: Tensor) -> Tensor:
        r"""Return :math:`\mathbf{S}^{\top} \mathbf{X}`, one row for each cluster."""
        return transposed_product(self.value, rows.to(self.dtype), self.pattern)

    def unpool(self, rows: Tensor) -> Tensor:
        r"""Return :math:`\mathbf{S} \mathbf{Y}`, one row for each node."""
        return matrix_product(self.value, rows.to(self.dtype), self.pattern)

    def to_dense(self, width: int | None = None) -> Tensor:
        """Return the assignment as :math:`(N, K)`, where each graph's clusters begin at column 0.

        Args:
            width: Number of columns :math:`K`. (default: the number of clusters of the graph that
                has most)
        """
        width = self.clusters.width if width is None else width
        dense = self.value.new_zeros(self.pattern.num_rows, width)
        return dense.index_put((self.pattern.row, self.cluster), self.value)


def _project_sparsemax(logits: Tensor, support: Pattern) -> Tensor:
    r"""Values :math:`\ell_k - \tau` on a support, with :math:`\tau` by its closed form."""
    tau = (support.sum_rows(logits) - 1) / support.counts
    return (logits - tau.index_select(0, support.row)).clamp(min=0.0)


def _project_entmax15(logits: Tensor, support: Pattern) -> Tensor:
    r"""Values :math:`(\ell_k / 2 - \tau)^2` on a support, with :math:`\tau` by its closed form."""
    z = logits / 2
    mean = support.sum_rows(z) / support.counts
    centred = z - mean.index_select(0, support.row)
    below = ((1 - support.sum_rows(centred.square())) / support.counts).sqrt()
    return (centred + below.index_select(0, support.row)).square()


class _Projection(NamedTuple):
    """A projection with exact zeros: the power of its threshold, and its values on a support."""

    power: int
    values: Callable[[Tensor, Pattern], Tensor]


_PROJECTIONS = {
    "sparsemax": _Projection(1, _project_sparsemax),
    "entmax15": _Projection(2, _project_entmax15),
}
SPARSE_ASSIGNMENTS = (*_PROJECTIONS, "straight-through")


def sparse_assignment(
    name: str,
    logits: Logits,
    nodes: Segments,
    counts: Tensor,
    temperature: float | Tensor = 1.0,
) -> tuple[SparseAssignment, Tensor]:
    r"""Return an assignment on its support, and the entropy of each row.

    Time is :math:`O(\sum_g n_g k_g)`, for the logits; memory is linear in the entries of the
    support, apart from :data:`~pyg_diffpool.ops.assignments.row_chunks.LARGEST_CHUNK` logits at a
    time.

    Args:
        name: A name of :data:`SPARSE_ASSIGNMENTS`.
        logits: The logits :math:`(N, K)`.
        nodes: The graphs of the nodes.
        counts: Number of clusters :math:`k_g` that each graph uses, :math:`(B)`, from 1 to
            :math:`K`.
        temperature: The logits are divided by it.
    """
    refuse_batched("x", logits[0])
    with without_autocast(logits[0]):
        logits = logits.scaled(temperature)
        chunks = list(row_chunks(nodes.listed_sizes(), counts.tolist()))
        support = torch.cat(
            [logits[0].new_zeros(0, 2, dtype=torch.long)]
            + [_support(name, logits, nodes, counts, chunk) for chunk in chunks]
        )
        row, column = support.t().contiguous()
        if name in _PROJECTIONS:
            local = make_pattern(row, column, nodes.batch.numel(), logits.columns)
            value = _PROJECTIONS[name].values(logits.entries(local), local)
            entropy = local.sum_rows(entropy_of_rows(value.unsqueeze(1)))
        else:
            value, entropy = _straight_through(logits, nodes, counts, column, chunks)
    ptr = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    clusters = _segments(ptr, counts)
    pattern = make_pattern(
        row,
        column + ptr[nodes.batch[row]],
        nodes.batch.numel(),
        clusters.batch.numel(),
    )
    return SparseAssignment(value, pattern.sorted_by_column(), nodes, clusters), entropy


def _segments(ptr: Tensor, counts: Tensor) -> Segments:
    batch = torch.arange(counts.numel(), device=counts.device).repeat_interleave(counts)
    width = int(counts.max()) if counts.numel() > 0 else 0
    return Segments(batch, ptr, counts.numel(), width)


def _columns(nodes: Segments, counts: Tensor, chunk: RowChunk) -> Tensor | None:
    """Return a mask of the columns that each row of a chunk uses, or None if it uses all."""
    if chunk.uniform:
        return None
    used = counts[nodes.batch[chunk.start : chunk.stop]].unsqueeze(1)
    return torch.arange(chunk.columns, device=counts.device) < used


@torch.no_grad()
def _support(name: str, logits: Logits, nodes: Segments, counts: Tensor, chunk: RowChunk) -> Tensor:
    """Return the rows and columns of the support in a chunk, (P, 2), sorted by row."""
    block = logits.rows(chunk.start, chunk.stop, chunk.columns).matrix()
    columns = _columns(nodes, counts, chunk)
    if columns is not None:
        block = block.masked_fill(~columns, -torch.inf)
    if name in _PROJECTIONS:
        power = _PROJECTIONS[name].power
        z = shifted(block / power)
        # Rows that are not a number stay so, all of them.
        found = (~(z <= threshold(z, power))).nonzero()
        found[:, 0] += chunk.start
        return found
    rows = torch.arange(chunk.start, chunk.stop, device=block.device)
    return torch.stack([rows, block.argmax(1)], 1)


def _straight_through(
    logits: Logits, nodes: Segments, counts: Tensor, column: Tensor, chunks: list[RowChunk]
) -> tuple[Tensor, Tensor]:
    """Return ones with the gradient of the chosen clusters' probabilities, and the entropies.

    The probabilities of a chunk are computed again in the backward pass, and never kept.
    """
    # Without nodes, the result still depends on the logits, as autograd sees it.
    nothing = logits.rows(0, 0, 1).matrix().view(-1)
    parts = [(nothing, nothing)]
    for chunk in chunks:
        chosen = column[chunk.start : chunk.stop].unsqueeze(1)

        def probabilities(
            chunk: RowChunk = chunk, chosen: Tensor = chosen
        ) -> tuple[Tensor, Tensor]:
            block = logits.rows(chunk.start, chunk.stop, chunk.columns).matrix()
            soft, entropy = soft_assignment_and_entropy(block, _columns(nodes, counts, chunk))
            return soft.gather(1, chosen).squeeze(1), entropy

        if transformed() or not torch.is_grad_enabled():
            parts.append(probabilities())
        else:
            parts.append(checkpoint(probabilities, use_reentrant=False, preserve_rng_state=False))
    probability, entropy = (torch.cat(part) for part in zip(*parts, strict=True))
    return 1 + (probability - probability.detach()), entropy
