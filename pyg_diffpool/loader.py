"""Mini-batches by index arithmetic from graphs that stay concatenated on one device."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.data import Batch, Data, InMemoryDataset

from pyg_diffpool.resident_graphs import concatenate, sort_edges, starts


class ResidentLoader:
    r"""Loads batches as :class:`torch_geometric.loader.DataLoader` does, without per-graph work.

    All graphs are concatenated once and stay on :obj:`device`; a batch is a handful of gathers,
    whatever its number of graphs. For the same order of graphs it holds what ``DataLoader``
    gives, except that

    - the edges of each graph are sorted by row, then column (equal edges keep their order);
    - ``edge_index`` is an :class:`~torch_geometric.EdgeIndex` with ``sort_order="row"``, its
      ``sparse_size``, and ``is_undirected`` set: true if every graph has each edge both ways,
      with equal ``edge_weight`` and ``edge_attr`` (duplicate edges summed);
    - ``max_num_nodes``, the number of nodes of the largest graph in the batch, is a Python number,
      so that dense layers need not ask the device for it;
    - only ``x``, ``edge_index``, ``edge_weight``, ``edge_attr`` and ``y`` are carried along, and
      ``to_data_list`` is not available.

    Args:
        dataset (InMemoryDataset or Sequence[Data]): The graphs.
        batch_size (int, optional): Graphs in a batch. (default: :obj:`1`)
        shuffle (bool, optional): If :obj:`True`, draws a new order for each pass.
            (default: :obj:`False`)
        index (Tensor, optional): Numbers of the graphs to load, in this order. (default: all)
        x (Tensor, optional): Node features :math:`[N, F]` of all graphs of :obj:`dataset`, in
            place of their own. (default: :obj:`None`)
        device (torch.device or str, optional): Where the graphs stay and batches are made.
            (default: where the data are)
        drop_last (bool, optional): If :obj:`True`, leaves out a last batch that is not full.
            (default: :obj:`False`)
        generator (torch.Generator, optional): Source of the shuffled orders, on the CPU.
            (default: :obj:`None`)

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
        drop_last: bool = False,
        generator: torch.Generator | None = None,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size: expected at least 1, got {batch_size}")
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.generator = generator
        graphs, self.is_undirected = sort_edges(concatenate(dataset))
        if x is not None:
            total = int(graphs.num_nodes.sum())
            if x.dim() != 2 or x.size(0) != total:
                raise ValueError(f"x: expected shape [{total}, F], got {list(x.shape)}")
            graphs = graphs._replace(x=x.to(graphs.edge_index.device))
        # Sizes are needed twice: beside the data, and where Python reads them without a wait.
        self._num_nodes, self._num_edges = graphs.num_nodes.cpu(), graphs.num_edges.cpu()
        self._graphs = graphs if device is None else graphs.to(device)
        self._node_start = starts(self._graphs.num_nodes)
        self._edge_start = starts(self._graphs.num_edges)
        self._index = self._checked(index)
        # Making a `Batch` inspects a signature each time; copying an empty one does not.
        self._empty_batch = Batch()

    def subset(self, index: Tensor, *, shuffle: bool = False) -> ResidentLoader:
        r"""A loader of other graphs of the same data set, which shares its tensors.

        Args:
            index (Tensor): Numbers of the graphs in the data set.
            shuffle (bool, optional): If :obj:`True`, draws a new order for each pass.
                (default: :obj:`False`)
        """
        other = copy.copy(self)
        other.shuffle = shuffle
        other._index = self._checked(index)
        return other

    def __len__(self) -> int:
        count = self._index.numel()
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        order = self._index
        if self.shuffle:
            order = order[torch.randperm(order.numel(), generator=self.generator)]
        for first in range(0, len(self) * self.batch_size, self.batch_size):
            yield self._collate(order[first : first + self.batch_size])

    def __repr__(self) -> str:
        return (
            f"{self.__class__.__name__}({self._index.numel()} graphs, "
            f"batch_size={self.batch_size}, shuffle={self.shuffle})"
        )

    def _checked(self, index: Tensor | None) -> Tensor:
        """The graph numbers on the CPU."""
        count = self._num_nodes.numel()
        if index is None:
            return torch.arange(count)
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

    def _collate(self, chunk: Tensor) -> Batch:
        graphs = self._graphs
        sizes = self._num_nodes[chunk]
        total_nodes, total_edges = int(sizes.sum()), int(self._num_edges[chunk].sum())
        chunk = chunk.to(graphs.edge_index.device, non_blocking=True)
        node, owner, ptr = _gather_index(self._node_start, graphs.num_nodes, chunk, total_nodes)
        edge, edge_owner, _ = _gather_index(self._edge_start, graphs.num_edges, chunk, total_edges)
        row, col = (end.index_select(0, edge) for end in graphs.edge_index)

        batch = copy.copy(self._empty_batch)
        batch.edge_index = EdgeIndex(
            torch.stack((row, col)) + ptr.index_select(0, edge_owner),
            sparse_size=(total_nodes, total_nodes),
            sort_order="row",
            is_undirected=self.is_undirected,
        )
        if graphs.x is not None:
            batch.x = graphs.x.index_select(0, node)
        else:
            batch.num_nodes = total_nodes
        if graphs.edge_weight is not None:
            batch.edge_weight = graphs.edge_weight.index_select(0, edge)
        if graphs.edge_attr is not None:
            batch.edge_attr = graphs.edge_attr.index_select(0, edge)
        if graphs.y is not None:
            batch.y = graphs.y.index_select(0, node if graphs.y_of_nodes else chunk)
        batch.batch, batch.ptr = owner, ptr
        batch.max_num_nodes = int(sizes.max())
        batch._num_graphs = chunk.numel()
        return batch


def _gather_index(
    start: Tensor, sizes: Tensor, graphs: Tensor, total: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Positions of all rows of the chosen graphs, the graph each row goes to, and row pointers."""
    chosen = sizes.index_select(0, graphs)
    ptr = torch.zeros(graphs.numel() + 1, dtype=torch.long, device=graphs.device)
    torch.cumsum(chosen, 0, out=ptr[1:])
    owner = torch.repeat_interleave(chosen, output_size=total)
    shift = start.index_select(0, graphs) - ptr[:-1]
    position = torch.arange(total, device=graphs.device) + shift.index_select(0, owner)
    return position, owner, ptr
