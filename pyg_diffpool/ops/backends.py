r"""Ways to multiply the runs of a ragged batch, and the rule that chooses between them.

All offer the same products over the graphs :math:`g` of a batch, and differ in speed alone:

* ``contract``: :math:`\mathbf{S}_g^{\top} \mathbf{X}_g`, :math:`\mathbf{S}_g^{\top} \mathbf{P}_g`
  and :math:`\mathbf{S}_g^{\top} \mathbf{S}_g`, one matrix a graph each, and what to keep for the
  products of the backward pass;
* ``expand``: :math:`\mathbf{S}_g \mathbf{D}^X_g` and :math:`\mathbf{X}_g {\mathbf{D}^X_g}^{\top}
  + \mathbf{P}_g \mathbf{D}^P_g + \mathbf{S}_g \mathbf{D}^S_g`, a row for each node;
* ``spread``: :math:`\mathbf{S}_g \mathbf{W}_g`, likewise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor
from torch_geometric.utils import to_dense_batch

from pyg_diffpool.ops import triton_kernels
from pyg_diffpool.ops.library import traced
from pyg_diffpool.ops.segments import UNKNOWN, Segments

# What a matrix product costs beside its arithmetic, in multiply-adds, and how many of them padding
# is worth (see choose_backend).
CALL_COST = 270_000
PADDED_CALLS = 6


class Contractions(NamedTuple):
    """Results of ``contract``: (B, K, F), (B, K, K), (B, K, K), and a vector for later."""

    pooled: Tensor
    product: Tensor
    gram: Tensor
    kept: Tensor


class Backend(ABC):
    """One way to multiply; its methods take rows of equal dtype, float32 or float64.

    Attributes:
        takes_half: Whether features may be in half precision instead.
    """

    takes_half = False

    def __init__(self, graphs: Segments):
        self.graphs = graphs

    @abstractmethod
    def contract(self, x: Tensor, p: Tensor, s: Tensor) -> Contractions:
        """Multiply the transposed assignment of each graph with its rows."""

    @abstractmethod
    def expand(
        self, kept: Tensor, x: Tensor, s: Tensor, onto_x: Tensor, onto_p: Tensor, onto_s: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Multiply each graph's rows with its matrices (B, K, F), (B, K, K) and (B, K, K)."""

    @abstractmethod
    def spread(self, kept: Tensor, x: Tensor, s: Tensor, matrix: Tensor) -> Tensor:
        """Multiply each graph's assignment with its matrix (B, K, K)."""


class _SideBySide(Backend):
    """Keeps the rows side by side, [X | P | S], so that one product serves for all three."""

    def contract(self, x: Tensor, p: Tensor, s: Tensor) -> Contractions:
        """Multiply all columns at once."""
        columns = [x.size(1), s.size(1), s.size(1)]
        rows = self._arrange(torch.cat([x, p, s], 1))
        out = self._contract(rows[..., -s.size(1) :], rows)
        parts = [part.contiguous() for part in torch.split(out, columns, -1)]
        return Contractions(parts[0], parts[1], parts[2], rows.view(-1))

    def expand(
        self, kept: Tensor, x: Tensor, s: Tensor, onto_x: Tensor, onto_p: Tensor, onto_s: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Multiply all columns at once, and the last ones once more."""
        rows = self._rows(kept, x, s)
        factors = torch.cat([onto_x.transpose(1, 2), onto_p, onto_s], 1)
        return self._expand(rows[..., -s.size(1) :], onto_x), self._expand(rows, factors)

    def spread(self, kept: Tensor, x: Tensor, s: Tensor, matrix: Tensor) -> Tensor:
        """Multiply the last columns."""
        return self._expand(self._rows(kept, x, s)[..., -s.size(1) :], matrix)

    @abstractmethod
    def _arrange(self, rows: Tensor) -> Tensor: ...

    @abstractmethod
    def _rows(self, kept: Tensor, x: Tensor, s: Tensor) -> Tensor: ...

    @abstractmethod
    def _contract(self, left: Tensor, right: Tensor) -> Tensor: ...

    @abstractmethod
    def _expand(self, rows: Tensor, matrix: Tensor) -> Tensor: ...


class Padded(_SideBySide):
    """Pad all graphs to the largest, multiply in one batched product."""

    @cached_property
    def _slots(self) -> Tensor:
        return self.graphs.slots()

    def _arrange(self, rows: Tensor) -> Tensor:
        graphs = self.graphs
        dense: Tensor
        if rows.device.type == "cpu":
            # The same in three calls, which count on small graphs.
            dense = rows.new_zeros(graphs.batch_size * graphs.width, rows.size(1))
            return dense.index_copy_(0, self._slots, rows).view(graphs.batch_size, graphs.width, -1)
        dense, _ = to_dense_batch(rows, graphs.batch, 0.0, graphs.width, graphs.batch_size)
        return dense

    def _rows(self, kept: Tensor, x: Tensor, s: Tensor) -> Tensor:
        return kept.view(self.graphs.batch_size, -1, x.size(1) + 2 * s.size(1))

    def _contract(self, left: Tensor, right: Tensor) -> Tensor:
        return torch.bmm(left.transpose(1, 2), right)

    def _expand(self, rows: Tensor, matrix: Tensor) -> Tensor:
        return torch.bmm(rows, matrix).flatten(0, 1).index_select(0, self._slots)


class Ragged(_SideBySide):
    """Multiply each graph's own slice: no padding, and one call a graph."""

    @cached_property
    def _sizes(self) -> list[int]:
        return self.graphs.listed_sizes()

    def _arrange(self, rows: Tensor) -> Tensor:
        return rows

    def _rows(self, kept: Tensor, x: Tensor, s: Tensor) -> Tensor:
        return kept.view(x.size(0), -1)

    def _contract(self, left: Tensor, right: Tensor) -> Tensor:
        sizes = self._sizes
        out = left.new_empty(len(sizes), left.size(1), right.size(1))
        runs = zip(torch.split(left.t(), sizes, 1), torch.split(right, sizes), out, strict=True)
        for s, rows, product in runs:
            torch.mm(s, rows, out=product)
        return out

    def _expand(self, rows: Tensor, matrix: Tensor) -> Tensor:
        sizes = self._sizes
        out = rows.new_empty(rows.size(0), matrix.size(2))
        runs = zip(torch.split(rows, sizes), matrix, torch.split(out, sizes), strict=True)
        for run, factor, product in runs:
            torch.mm(run, factor, out=product)
        return out


class Triton(Backend):
    """Fused kernels on a GPU: no padding, each operand read once, nothing waited for."""

    takes_half = True

    def contract(self, x: Tensor, p: Tensor, s: Tensor) -> Contractions:
        """Multiply all columns of all graphs in one launch."""
        graphs = self.graphs
        out = triton_kernels.contract(x, p, s, graphs.ptr, graphs.batch_size)
        return Contractions(*out, p.reshape(-1))

    def expand(
        self, kept: Tensor, x: Tensor, s: Tensor, onto_x: Tensor, onto_p: Tensor, onto_s: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Multiply all rows of all graphs in one launch."""
        p = kept.view(s.shape)
        return triton_kernels.expand(x, p, s, self.graphs.ptr, onto_x, onto_p, onto_s)

    def spread(self, kept: Tensor, x: Tensor, s: Tensor, matrix: Tensor) -> Tensor:
        """Leave the other operands out of the same kernel."""
        nothing = torch.zeros_like(matrix)
        _, rows = triton_kernels.expand(
            s[:, :0], s, s, self.graphs.ptr, matrix[:, :, :0], matrix, nothing
        )
        return rows


BACKENDS: dict[str, type[Backend]] = {"padded": Padded, "ragged": Ragged, "triton": Triton}


def backend_for(name: str, graphs: Segments, x: Tensor, s: Tensor) -> Backend:
    """Return the backend of a name, or for ``"auto"`` the one expected to be fastest."""
    if name == "auto" and s.is_cuda:
        # Padding asks for the largest graph, slices for the size of each; the kernels for nothing.
        fused = s.dtype == torch.float32 and triton_kernels.triton_available()
        name = "triton" if fused else "padded"
    elif name == "auto":
        name = choose_backend(graphs, s.size(1), x.size(1) + 2 * s.size(1))
    return BACKENDS[name](graphs)


def plain_contract(
    graphs: Segments, x: Tensor, p: Tensor, s: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return what ``contract`` does, in operations that can be differentiated at will."""
    columns = [x.size(1), s.size(1), s.size(1)]
    out = _plain_products(graphs, s, torch.cat([x, p, s], 1))
    pooled, product, gram = torch.split(out, columns, -1)
    return pooled, product, gram


def _plain_products(graphs: Segments, s: Tensor, rows: Tensor) -> Tensor:
    batch_size, clusters, columns = graphs.batch_size, s.size(1), rows.size(1)
    if graphs.given_width == UNKNOWN and traced():
        # Nobody can be asked for sizes: add up the outer products of the rows.
        outer = s.unsqueeze(2) * rows.unsqueeze(1)
        zeros = rows.new_zeros(batch_size, clusters, columns)
        return zeros.index_add(0, graphs.batch, outer)
    if choose_backend(graphs, clusters, columns) == "ragged":
        sizes = graphs.listed_sizes()
        runs = zip(torch.split(s, sizes), torch.split(rows, sizes), strict=True)
        return torch.stack([run.t() @ values for run, values in runs])
    slots = graphs.slots()

    def padded(values: Tensor) -> Tensor:
        zeros = values.new_zeros(batch_size * graphs.width, values.size(1))
        return zeros.index_add(0, slots, values).view(batch_size, graphs.width, values.size(1))

    return torch.bmm(padded(s).transpose(1, 2), padded(rows))


def choose_backend(segments: Segments, num_clusters: int, num_columns: int) -> str:
    r"""Choose the backend that is expected to be faster.

    Padding multiplies :math:`B \cdot N_{\max}` rows where there are :math:`N`; slices cost one
    call a graph. Both constants are fitted to the times of ``python -m benchmarks coarsen
    --backends`` on two cores, committed with the other results.
    """
    padded_rows = segments.batch_size * segments.width
    excess = (padded_rows - segments.batch.numel()) * num_clusters * num_columns
    return "ragged" if (segments.batch_size - PADDED_CALLS) * CALL_COST < excess else "padded"
