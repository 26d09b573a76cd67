"""The segments of nodes of each graph in a sparse batch, and reductions over them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch_geometric.index import index2ptr

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.operator import register, traced
from pyg_diffpool.ops.precision import exact
from pyg_diffpool.ops.transforms import refuse_batched, refuse_tracing, transformed
from pyg_diffpool.ops.validation import check_tensor, read_size, values_checked

UNKNOWN = -1

# Larger numbers of graphs are only accepted if there are enough nodes, since an invalid batch
# vector would allocate too much memory.
GRAPHS_ON_TRUST = 2**20
GRAPHS_PER_NODE = 64


class Segments(NamedTuple):
    """The graphs of a batch as consecutive segments of nodes.

    Attributes:
        batch: Graph of each node, :math:`(N)`.
        ptr: First node of each graph, :math:`(B + 1)`.
        batch_size: Number of graphs.
        given_width: Number of nodes of the largest graph, or an upper bound, or :data:`UNKNOWN`,
            since computing it on a GPU requires a host-device synchronisation.
    """

    batch: Tensor
    ptr: Tensor
    batch_size: int
    given_width: int

    @property
    def sizes(self) -> Tensor:
        """Number of nodes of each graph."""
        return self.ptr.diff()

    def listed_sizes(self) -> list[int]:
        """Return :attr:`sizes` as Python numbers, which synchronises a GPU."""
        if transformed():
            # torch.func does not support tolist() up to torch 2.8.
            return [int(size) for size in self.sizes]
        numbers: list[int] = self.sizes.tolist()
        return numbers

    @property
    def width(self) -> int:
        """Number of rows of each graph in a padded batch; computed if it is not given."""
        if self.given_width != UNKNOWN:
            # The total number of nodes may be a tighter bound than the given one.
            return min(self.given_width, self.batch.numel())
        return int(self.sizes.max()) if self.batch_size > 0 else 0

    def padded_width(self) -> int | Tensor:
        """Return the width as given, or as a scalar tensor to avoid a synchronisation."""
        if self.given_width != UNKNOWN:
            return self.given_width
        if self.batch_size == 0:
            return 0
        return self.sizes.max()

    @property
    def mask(self) -> None:
        """None, since all rows are nodes."""
        return None

    def mask_rows(self, rows: Tensor) -> Tensor:
        """Return the rows unchanged, since all of them are nodes."""
        return rows

    def sum_rows(self, values: Tensor) -> Tensor:
        """Sum values (N) or (N, ·) over the nodes of each graph, in float64."""
        values = exact(values)
        zeros = values.new_zeros(self.batch_size, *values.shape[1:])
        return zeros.index_add(0, self.batch, values)

    def padded_mean(self, values: Tensor) -> Tensor:
        """Return the mean of values (N) over the rows of a padded batch, where padding is 0."""
        return values.sum() / at_least_one(self.batch_size * self.padded_width())

    def to_rows(self, values: Tensor) -> Tensor:
        """Expand values per graph (B, K) to values per node (N, K)."""
        return values[self.batch]

    def slots(self) -> Tensor:
        """Position of each node in a padded batch whose two leading dimensions are flattened."""
        offset = torch.arange(self.batch_size, device=self.ptr.device) * self.width
        shift = offset - self.ptr[:-1]
        positions = torch.arange(self.batch.numel(), device=self.ptr.device)
        return positions + shift.index_select(0, self.batch)


def at_least_one(count: int | Tensor) -> int | Tensor:
    """Return the divisor of a mean, at least one, so that the mean of no values is 0."""
    return count.clamp(min=1) if isinstance(count, Tensor) else max(count, 1)


def segments(
    num_nodes: int,
    batch: Tensor | Segments | None,
    batch_size: int | None,
    max_num_nodes: int | None,
    device: torch.device,
    validate: bool | None,
    adjacency: Adjacency | None = None,
) -> Segments:
    """Validate a batch vector, and return its segments.

    Args:
        num_nodes: Number of nodes.
        batch: Graph of each node; segments are returned as they are.
        batch_size: Number of graphs.
        max_num_nodes: Number of nodes of the largest graph, or an upper bound.
        device: Device of the nodes.
        validate: Whether to check values.
        adjacency: Edges, which are checked not to connect different graphs.

    Raises:
        ValueError: If :obj:`batch` is not sorted, has the wrong size, or does not match
            :obj:`batch_size` or :obj:`max_num_nodes`, or an edge connects two graphs.
    """
    if isinstance(batch, Segments):
        return batch
    refuse_tracing()
    if batch_size is not None:
        batch_size = read_size("batch_size", batch_size)
    if max_num_nodes is not None:
        max_num_nodes = read_size("max_num_nodes", max_num_nodes)
    if batch is None:
        if batch_size not in (None, 1):
            raise ValueError(
                f"batch: expected a graph for each node of {batch_size} graphs, got None"
            )
        if max_num_nodes is None:
            max_num_nodes = num_nodes
        elif max_num_nodes < num_nodes:
            raise _too_narrow(num_nodes, max_num_nodes)
        batch = torch.zeros(num_nodes, dtype=torch.long, device=device)
        return Segments(batch, torch.arange(2, device=device) * num_nodes, 1, max_num_nodes)
    check_tensor("batch", batch, "a tensor or None")
    if batch.dim() != 1 or batch.numel() != num_nodes:
        raise ValueError(
            f"batch: expected one graph for each of the {num_nodes} nodes, "
            f"got shape {tuple(batch.shape)}"
        )
    if batch.is_floating_point() or batch.is_complex() or batch.dtype == torch.bool:
        raise TypeError(f"batch: expected an integer dtype, got {batch.dtype}")
    refuse_batched("batch", batch)
    # index2ptr and the kernels read it entry by entry, whatever its stride.
    batch = batch.long().contiguous()
    col, target = (None, None) if adjacency is None else (adjacency.col, adjacency.target)
    size = UNKNOWN if batch_size is None else batch_size
    width = UNKNOWN if max_num_nodes is None else max_num_nodes
    pointers = _checked_pointers if traced() else _pointers
    ptr = pointers(batch, col, target, size, width, values_checked(batch, validate))
    graphs = Segments(batch, ptr, ptr.size(0) - 1 if batch_size is None else batch_size, width)
    if width == UNKNOWN and ptr.device.type == "cpu" and not traced():
        # Computed once here, where it needs no synchronisation.
        graphs = graphs._replace(given_width=graphs.width)
    return graphs


def _pointers(
    batch: Tensor,
    col: Tensor | None,
    target: Tensor | None,
    batch_size: int,
    max_num_nodes: int,
    validate: bool,
) -> Tensor:
    """Return the first node of each graph."""
    if batch_size == UNKNOWN:
        batch_size = int(batch[-1]) + 1 if batch.numel() > 0 else 0
    if validate and batch.numel() > 0:
        _check_batch(batch, batch_size)
    if batch_size > max(GRAPHS_ON_TRUST, GRAPHS_PER_NODE * batch.numel()):
        raise ValueError(
            "batch: expected graphs numbered one after another, got "
            f"{batch_size} graphs for {batch.numel()} nodes"
        )
    ptr: Tensor = index2ptr(batch, batch_size)
    if validate and max_num_nodes != UNKNOWN and batch_size > 0:
        largest = int(ptr.diff().max())
        if largest > max_num_nodes:
            raise _too_narrow(largest, max_num_nodes)
    if validate and col is not None and target is not None:
        _check_edges_within_graphs(col, target, batch)
    return ptr


def _pointers_fake(
    batch: Tensor,
    col: Tensor | None,
    target: Tensor | None,
    batch_size: int,
    max_num_nodes: int,
    validate: bool,
) -> Tensor:
    if batch_size == UNKNOWN:
        return batch.new_empty(torch.library.get_ctx().new_dynamic_size(min=1))
    return batch.new_empty(batch_size + 1)


_checked_pointers = register(
    "segment_pointers",
    "(Tensor batch, Tensor? col, Tensor? target, SymInt batch_size, SymInt max_num_nodes, "
    "bool validate) -> Tensor",
    _pointers,
    _pointers_fake,
)


def _too_narrow(largest: int, max_num_nodes: int) -> ValueError:
    return ValueError(
        f"max_num_nodes: expected at least {largest}, the nodes of the largest graph, "
        f"got {max_num_nodes}"
    )


def _check_batch(batch: Tensor, batch_size: int) -> None:
    if bool((batch[1:] < batch[:-1]).any()):
        raise ValueError("batch: expected a sorted vector, got one that decreases")
    first, last = int(batch[0]), int(batch[-1])
    if first < 0 or last >= batch_size:
        raise ValueError(
            f"batch: expected graphs from 0 to {batch_size - 1} (batch_size={batch_size}), "
            f"got {first} to {last}"
        )


def _check_edges_within_graphs(col: Tensor, target: Tensor, batch: Tensor) -> None:
    source_graph, target_graph = batch.index_select(0, col), batch.index_select(0, target)
    if not torch.equal(source_graph, target_graph):
        edge = int((source_graph != target_graph).nonzero()[0])
        raise ValueError(
            "edge_index: expected edges within one graph, got an edge from node "
            f"{int(col[edge])} of graph {int(source_graph[edge])} to node {int(target[edge])} of "
            f"graph {int(target_graph[edge])}"
        )
