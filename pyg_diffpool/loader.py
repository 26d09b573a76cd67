"""Mini-batches, gathered by index arithmetic from graphs that stay concatenated on one device."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.data import Batch, Data, InMemoryDataset

from pyg_diffpool.ops.edge_formats import read_weights
from pyg_diffpool.ops.validation import (
    check_finite,
    check_flag,
    check_tensor,
    kind,
    read_size,
    values_checked,
)
from pyg_diffpool.process_share import (
    Portion,
    Shard,
    check_shard,
    divide_batches,
    place,
    share,
    share_size,
)
from pyg_diffpool.resident_adjacency import ResidentAdjacency
from pyg_diffpool.resident_graphs import concatenate, sort_edges, starts

__all__ = ["ResidentLoader"]

# Batches of up to this many nodes and edges in total are gathered at once and then split.
BLOCK_ROWS = 2**18

# On a CPU, runs of more edges are copied one by one; shorter ones are gathered all at once.
LONG_RUN = 256


class ResidentLoader:
    r"""Loads batches like :class:`torch_geometric.loader.DataLoader`, without per-graph work.

    All graphs are concatenated once and stay on :obj:`device`; a batch takes a few gathers,
    independently of its number of graphs. For the same order of graphs, batches equal those of
    ``DataLoader``, except that

    - the edges of each graph are sorted by row, then column (equal edges keep their order);
    - ``edge_index`` is an :class:`~torch_geometric.EdgeIndex` with ``sort_order="row"``, its
      ``sparse_size``, and ``is_undirected`` set: true if every graph has each edge in both
      directions, with equal ``edge_weight`` and ``edge_attr`` (duplicate edges summed);
    - ``adjacency`` is the same graph as an :class:`~pyg_diffpool.ops.Adjacency` (including
      weights), the format that this library's operators use internally: passing it instead of
      ``edge_index`` avoids all checks and sorting;
    - ``graph_index`` holds the indices of the batch's graphs in the data set;
    - ``max_num_nodes``, the number of nodes of the largest graph in the batch, is a Python number,
      so that dense layers need no host-device synchronisation for it;
    - only ``x``, ``edge_index``, ``edge_weight``, ``edge_attr`` and ``y`` are batched, and
      ``to_data_list`` is not available.

    Args:
        dataset (InMemoryDataset or Sequence[Data]): The graphs.
        batch_size (int, optional): Number of graphs per batch. (default: :obj:`1`)
        shuffle (bool, optional): If :obj:`True`, draws a new order in each epoch.
            (default: :obj:`False`)
        index (Tensor, optional): Indices of the graphs to load, in this order. (default: all)
        x (Tensor, optional): Node features :math:`[N, F]` of all graphs of :obj:`dataset`, which
            replace their own. (default: :obj:`None`)
        device (torch.device or str, optional): Device on which graphs are stored and batches are
            created. (default: the device of the data)
        max_resident_bytes (int, optional): Data sets larger than this stay on the host; their
            batches are gathered into pinned memory and copied to :obj:`device` asynchronously.
            (default: no limit)
        drop_last (bool, optional): If :obj:`True`, drops the last batch if it is incomplete.
            (default: :obj:`False`)
        generator (torch.Generator, optional): CPU generator of the shuffled orders.
            (default: :obj:`None`)
        shard (bool or str, optional): Which graphs each process of :mod:`torch.distributed` loads.
            :obj:`"batch"`: its part of every batch of :obj:`batch_size` graphs. Parts differ by
            one graph at most, and no graph is left out or repeated. Batches have a
            :obj:`loss_weight`: with the mean loss of each part multiplied by it, the mean over
            processes, as taken by :class:`~torch.nn.parallel.DistributedDataParallel`, is the mean
            loss of the whole batch. It is 0 for the placeholder that a process gets if the last
            batch has too few graphs. The order is that of a single process whose
            :obj:`generator` has the same state.
            :obj:`True`: its share, as with :class:`torch.utils.data.DistributedSampler`: all
            processes use the same order (seeded by the epoch, or drawn by a :obj:`generator` with
            the same state in all processes) and get the same number of graphs, for which a few
            graphs are repeated, or dropped with :obj:`drop_last`. :obj:`False`: all graphs.
            :obj:`None`: iterating raises an error if there are several processes.
            (default: :obj:`None`)

    Raises:
        TypeError: If :obj:`edge_weight` of the graphs is not a floating point tensor.
        ValueError: If sizes or graph indices do not match, or a weight is not finite.
        RuntimeError: On iteration in one of several processes, if :obj:`shard` is not set.

    Example:
        >>> import torch
        >>> from torch_geometric.data import Data
        >>> from pyg_diffpool import ResidentLoader
        >>> path = torch.tensor([[0, 1], [1, 0]])
        >>> graphs = [Data(x=torch.ones(n, 4), edge_index=path, y=n) for n in (2, 3, 4)]
        >>> for batch in ResidentLoader(graphs, batch_size=2):
        ...     print(batch.num_graphs, tuple(batch.x.shape), batch.y.tolist())
        2 (5, 4) [2, 3]
        1 (4, 4) [4]
        >>> batch.edge_index.is_undirected, batch.edge_index.sort_order
        (True, 'row')
    """

    def __init__(
        self,
        dataset: InMemoryDataset | Sequence[Data],
        batch_size: int = 1,
        shuffle: bool = False,
        *,
        index: Tensor | None = None,
        x: Tensor | None = None,
        device: torch.device | str | None = None,
        max_resident_bytes: int | None = None,
        drop_last: bool = False,
        generator: torch.Generator | None = None,
        shard: Shard = None,
    ) -> None:
        check_shard(shard)
        check_flag("shuffle", shuffle)
        check_flag("drop_last", drop_last)
        if generator is not None and not isinstance(generator, torch.Generator):
            raise TypeError(f"generator: expected a torch.Generator or None, got {kind(generator)}")
        if max_resident_bytes is not None and max_resident_bytes < 0:
            raise ValueError(f"max_resident_bytes: expected at least 0, got {max_resident_bytes}")
        self.batch_size = read_size("batch_size", batch_size, least=1)
        self.shuffle = shuffle
        self.shard = shard
        self._epoch = 0
        self.drop_last = drop_last
        self.generator = generator
        graphs, self.is_undirected = sort_edges(concatenate(dataset))
        weight = read_weights(graphs.edge_weight, graphs.edge_index.size(1))
        if weight is not None and values_checked(weight, None):
            check_finite("edge_weight", weight)
        if x is not None:
            check_tensor("x", x)
            total = int(graphs.num_nodes.sum())
            if x.dim() != 2 or x.size(0) != total:
                raise ValueError(f"x: expected shape [{total}, F], got {list(x.shape)}")
            graphs = graphs._replace(x=x.to(graphs.edge_index.device))
        adjacency = ResidentAdjacency.of(graphs, self.is_undirected)
        # Sizes are kept twice: on the device, and on the host to be read without synchronisation.
        self._num_nodes, self._num_edges = graphs.num_nodes.cpu(), graphs.num_edges.cpu()
        self._copied_to: torch.device | str | None = None
        if max_resident_bytes is not None and _bytes((*graphs, *adjacency)) > max_resident_bytes:
            device, self._copied_to = "cpu", device
        self._graphs = graphs if device is None else graphs.to(device)
        self._edges_carry_values = not self.is_undirected or (
            graphs.edge_weight is not None or graphs.edge_attr is not None
        )
        self._adjacency = adjacency if device is None else adjacency.to(device)
        self._node_start = starts(self._graphs.num_nodes)
        self._edge_start = starts(self._graphs.num_edges)
        self._index = self._checked(index)
        # Creating a `Batch` inspects a signature each time; copying an empty one does not.
        self._empty_batch = Batch()

    def subset(self, index: Tensor, *, shuffle: bool = False) -> ResidentLoader:
        r"""Returns a loader of other graphs of the same data set, which shares its tensors.

        Args:
            index (Tensor): Indices of the graphs in the data set.
            shuffle (bool, optional): If :obj:`True`, draws a new order in each epoch.
                (default: :obj:`False`)

        Example:
            >>> import torch
            >>> from pyg_diffpool import ResidentLoader
            >>> from pyg_diffpool.datasets import CommunityChains
            >>> train = ResidentLoader(CommunityChains(num_graphs=9), batch_size=4)
            >>> held_out = train.subset(torch.tensor([6, 7, 8]))
            >>> [batch.graph_index.tolist() for batch in held_out]
            [[6, 7, 8]]
        """
        other = copy.copy(self)
        other.shuffle = shuffle
        other._index = self._checked(index)
        return other

    def set_epoch(self, epoch: int) -> None:
        """Sets the epoch, which seeds the shuffled order if the graphs are sharded over processes.

        Epochs are counted automatically, starting at 0; a resumed run has to set its own.

        Example:
            >>> from pyg_diffpool.datasets import CommunityChains
            >>> loader = ResidentLoader(CommunityChains(num_graphs=4), shuffle=True, shard=True)
            >>> loader.set_epoch(3)
        """
        self._epoch = read_size("epoch", epoch)

    def __len__(self) -> int:
        count, processes = self._index.numel(), place(self.shard)[1]
        if self.shard != "batch":
            count = share_size(count, processes, self.drop_last)
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        for graphs, size, weight in self._portions():
            for chosen in self._blocks(graphs, size):
                for batch in self._collate(chosen, size):
                    if weight is not None:
                        batch.loss_weight = weight
                    if self._copied_to is not None:
                        pinned = batch.pin_memory() if torch.cuda.is_available() else batch
                        batch = pinned.to(self._copied_to, non_blocking=True)
                    yield batch

    def _portions(self) -> list[Portion]:
        """Return the batches of the next epoch."""
        rank, processes = place(self.shard)
        order, generator = self._index, self.generator
        if processes > 1 and generator is None:
            generator = torch.Generator().manual_seed(self._epoch)
        self._epoch += 1
        if self.shuffle:
            order = order[torch.randperm(order.numel(), generator=generator)]
        limit = len(self) * self.batch_size
        if self.shard == "batch":
            return divide_batches(order[:limit], self.batch_size, rank, processes)
        order = share(order, rank, processes, self.drop_last)[:limit]
        return [Portion(order, self.batch_size)]

    def __repr__(self) -> str:
        return (
            f"{self.__class__.__name__}({self._index.numel()} graphs, "
            f"batch_size={self.batch_size}, shuffle={self.shuffle})"
        )

    def _checked(self, index: Tensor | None) -> Tensor:
        """Return the validated graph indices on the CPU."""
        count = self._num_nodes.numel()
        if index is None:
            return torch.arange(count)
        check_tensor("index", index)
        if index.dtype != torch.long or index.dim() != 1:
            raise ValueError(
                "index: expected a vector of graph numbers (int64), got "
                f"{index.dtype} of shape {list(index.shape)}"
            )
        if index.numel() and not 0 <= int(index.min()) <= int(index.max()) < count:
            raise ValueError(
                f"index: expected graph numbers from 0 to {count - 1}, "
                f"got {int(index.min())} to {int(index.max())}"
            )
        return index.cpu()

    def _blocks(self, order: Tensor, size: int) -> tuple[Tensor, ...]:
        """Split an order into runs of whole batches, which are gathered together."""
        graphs, rows = order.numel(), int(self._num_nodes.sum() + self._num_edges.sum())
        batch = size * rows / self._num_nodes.numel()
        batches = max(int(BLOCK_ROWS / max(batch, 1)), 1)
        return torch.split(order, batches * size) if graphs > 0 else ()

    def _collate(self, chosen: Tensor, size: int) -> Iterator[Batch]:
        """Gather the rows of several batches of a size at once and split them."""
        graphs, device = self._graphs, self._graphs.edge_index.device
        node_counts = self._num_nodes.index_select(0, chosen)
        edge_counts = self._num_edges.index_select(0, chosen)
        node_totals, edge_totals = (
            [sum(part) for part in _parts(counts.tolist(), size)]
            for counts in (node_counts, edge_counts)
        )
        widths = [max(part) for part in _parts(node_counts.tolist(), size)]
        if device.type != "cpu":
            node_counts, edge_counts, chosen = (
                counts.to(device, non_blocking=True)
                for counts in (node_counts, edge_counts, chosen)
            )
        total_nodes, total_edges = sum(node_totals), sum(edge_totals)

        place = torch.arange(chosen.numel(), device=device)
        ptr = torch.zeros(chosen.numel() + 1, dtype=torch.long, device=device)
        torch.cumsum(node_counts, 0, out=ptr[1:])
        within = ptr[:-1] - ptr.index_select(0, place - place % size)
        node = _positions(self._node_start.index_select(0, chosen), node_counts, total_nodes)
        edge_start = self._edge_start.index_select(0, chosen)
        by_runs = device.type == "cpu" and total_edges > LONG_RUN * chosen.numel()
        edge = torch.empty(0, dtype=torch.long)
        if not by_runs or self._edges_carry_values:
            edge = _positions(edge_start, edge_counts, total_edges)
        if by_runs:
            edge_index = _shifted_runs(graphs.edge_index, edge_start, edge_counts, within)
        else:
            edge_index = graphs.edge_index.index_select(1, edge)
            edge_index += torch.repeat_interleave(within, edge_counts, output_size=total_edges)

        parts: dict[str, tuple[Tensor, ...]] = {
            "edge_index": edge_index.split_with_sizes(edge_totals, 1),
            "graph_index": torch.split(chosen, size),
            "batch": torch.repeat_interleave(
                place % size, node_counts, output_size=total_nodes
            ).split_with_sizes(node_totals),
        }
        if graphs.x is not None:
            parts["x"] = graphs.x.index_select(0, node).split_with_sizes(node_totals)
        for name in ("edge_weight", "edge_attr"):
            value = getattr(graphs, name)
            if value is not None:
                parts[name] = value.index_select(0, edge).split_with_sizes(edge_totals)
        if graphs.y is not None and graphs.y_of_nodes:
            parts["y"] = graphs.y.index_select(0, node).split_with_sizes(node_totals)
        elif graphs.y is not None:
            parts["y"] = torch.split(graphs.y.index_select(0, chosen), size)
        adjacencies = self._adjacency.cut(
            edge_index, edge, node, parts.get("edge_weight"), node_totals, edge_totals
        )
        first_node = 0
        for number, num_nodes in enumerate(node_totals):
            first = number * size
            values: dict[str, Any] = {name: part[number] for name, part in parts.items()}
            values["edge_index"] = EdgeIndex(
                values["edge_index"].contiguous(),
                sparse_size=(num_nodes, num_nodes),
                sort_order="row",
                is_undirected=self.is_undirected,
            )
            if graphs.x is None:
                values["num_nodes"] = num_nodes
            values["ptr"] = ptr[first : first + size + 1] - first_node
            first_node += num_nodes
            values["adjacency"] = next(adjacencies)
            values["max_num_nodes"] = widths[number]
            batch = copy.copy(self._empty_batch)
            # Setting attributes one by one would take as long as gathering a small batch.
            batch._store._mapping.update(values)
            batch.__dict__["_num_graphs"] = values["ptr"].numel() - 1
            yield batch


def _parts(numbers: list[int], size: int) -> list[list[int]]:
    return [numbers[first : first + size] for first in range(0, len(numbers), size)]


def _bytes(values: tuple[object, ...]) -> int:
    return sum(value.nbytes for value in values if isinstance(value, Tensor))


def _shifted_runs(edge_index: Tensor, start: Tensor, sizes: Tensor, shift: Tensor) -> Tensor:
    """Concatenate runs of edges with shifted node indices: one call per run, no temporaries."""
    counts = sizes.tolist()
    out = edge_index.new_empty(2, sum(counts))
    targets = out.split_with_sizes(counts, 1)
    for first, count, nodes, target in zip(
        start.tolist(), counts, shift.tolist(), targets, strict=False
    ):
        torch.add(edge_index.narrow(1, first, count), nodes, out=target)
    return out


def _positions(start: Tensor, sizes: Tensor, total: int) -> Tensor:
    """Return the positions of all rows of runs with the given starts and sizes, run after run."""
    shift = start - (sizes.cumsum(0) - sizes)
    position = torch.repeat_interleave(shift, sizes, output_size=total)
    return position.add_(torch.arange(total, device=sizes.device))
