"""The graphs as a kernel sees them: discrete node labels and undirected edges, nothing else."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse
from torch import Tensor
from torch_geometric.data import InMemoryDataset

from benchmarks.data.features import graph_sizes

IntArray = npt.NDArray[np.int64]


class LabelledGraphs(NamedTuple):
    """A sequence of labelled graphs, as one graph of many components.

    Attributes:
        labels: Label of each node, from 0, ``[N]``.
        offsets: Number of the first node of each graph, and ``N``, ``[G + 1]``.
        adjacency: Symmetric, without loops, all entries 1, ``[N, N]``.
    """

    labels: IntArray
    offsets: IntArray
    adjacency: sparse.csr_array

    @property
    def num_graphs(self) -> int:
        """Number of graphs."""
        return len(self.offsets) - 1

    @property
    def num_labels(self) -> int:
        """Number of labels of the whole sequence."""
        return int(self.labels.max(initial=-1)) + 1

    @property
    def sizes(self) -> IntArray:
        """Number of nodes of each graph."""
        return np.diff(self.offsets)

    def part(self, first: int, stop: int) -> LabelledGraphs:
        """Return graphs ``first`` to ``stop - 1``, with the same labels."""
        low, high = self.offsets[first], self.offsets[stop]
        return LabelledGraphs(
            self.labels[low:high],
            self.offsets[first : stop + 1] - low,
            self.adjacency[low:high, low:high],
        )

    def graph(self, number: int) -> tuple[IntArray, sparse.csr_array]:
        """Return one graph's labels and adjacency."""
        low, high = self.offsets[number], self.offsets[number + 1]
        return self.labels[low:high], self.adjacency[low:high, low:high]

    def digest(self) -> str:
        """Return the SHA-256 of all that a kernel can depend on."""
        digest = hashlib.sha256()
        for array in (self.labels, self.offsets, self.adjacency.indptr, self.adjacency.indices):
            values = np.ascontiguousarray(array, dtype=np.int64)
            digest.update(str(len(values)).encode())
            digest.update(values.tobytes())
        return digest.hexdigest()


def labelled_graphs(dataset: InMemoryDataset) -> LabelledGraphs:
    """Return a TU data set's graphs with their node labels, or degrees where it has none.

    Degrees stand for missing labels as in GraKeL (``fetch_dataset(produce_labels_nodes=True)``);
    the C++ kernels of `"TUDataset" <https://arxiv.org/abs/2007.08663>`_ start from equal labels,
    which become the degrees after one Weisfeiler-Lehman iteration. Continuous attributes and edge
    labels are not used, as in the paper's kernels.

    Args:
        dataset: The data set, with its attributes before its labels in ``x``.
    """
    slices: dict[str, Tensor] = dataset.slices
    data = dataset._data
    offsets = np.concatenate([[0], np.cumsum(graph_sizes(dataset).numpy())]).astype(np.int64)
    edges_of_graph = slices["edge_index"].diff().numpy()
    first_node = offsets[:-1].repeat(edges_of_graph)
    source, target = data.edge_index.numpy() + first_node
    adjacency = _undirected(source, target, int(offsets[-1]))
    if "node_label" in data:  # kept as numbers where the one-hot form would be too large
        _, labels = np.unique(data.node_label.numpy(), axis=0, return_inverse=True)
    elif dataset.num_node_labels > 0:
        one_hot = data.x[:, dataset.num_node_attributes :].numpy() != 0
        keys = np.packbits(one_hot, axis=1)  # several columns of labels make one label
        _, labels = np.unique(keys, axis=0, return_inverse=True)
    else:
        _, labels = np.unique(np.diff(adjacency.indptr), return_inverse=True)
    return LabelledGraphs(labels.reshape(-1).astype(np.int64), offsets, adjacency)


def _undirected(source: IntArray, target: IntArray, num_nodes: int) -> sparse.csr_array:
    """Return the symmetric adjacency without loops; an edge in either direction counts once."""
    keep = source != target
    ones = np.ones(int(keep.sum()), dtype=np.int8)
    one_way = sparse.csr_array((ones, (source[keep], target[keep])), shape=(num_nodes, num_nodes))
    adjacency = sparse.csr_array(one_way.maximum(one_way.T))
    adjacency.data[:] = 1
    adjacency.sort_indices()
    return adjacency
