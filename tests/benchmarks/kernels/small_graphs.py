"""Labelled graphs small enough to count by hand, and random ones."""

import numpy as np
from scipy import sparse

from benchmarks.kernels.graphs import LabelledGraphs


def labelled(*graphs):
    """Return graphs given as (labels, edges)."""
    labels = np.array([label for own, _ in graphs for label in own], dtype=np.int64)
    offsets = np.cumsum([0, *(len(own) for own, _ in graphs)]).astype(np.int64)
    pairs = [
        (offset + u, offset + v)
        for offset, (_, edges) in zip(offsets, graphs, strict=False)
        for u, v in edges
    ]
    source, target = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    ones = np.ones(2 * len(pairs), dtype=np.int8)
    ends = np.concatenate([source, target]), np.concatenate([target, source])
    adjacency = sparse.csr_array((ones, ends), shape=(len(labels), len(labels)))
    adjacency.sort_indices()
    return LabelledGraphs(labels, offsets, adjacency)


def random_graphs(number=12, num_labels=3, seed=0, smallest=1):
    """Return random graphs of up to 11 nodes, among them lone nodes and edgeless graphs."""
    generator = np.random.default_rng(seed)
    graphs = []
    for _ in range(number):
        size = int(generator.integers(smallest, 12))
        probability = generator.choice([0.0, 0.25, 0.6])
        edges = [(u, v) for u in range(size) for v in range(u) if generator.random() < probability]
        graphs.append((generator.integers(0, num_labels, size).tolist(), edges))
    return labelled(*graphs)


def permuted(graphs, seed=0):
    """Return the same graphs with each one's nodes in another order."""
    generator = np.random.default_rng(seed)
    order = np.concatenate(
        [
            first + generator.permutation(stop - first)
            for first, stop in zip(graphs.offsets[:-1], graphs.offsets[1:], strict=True)
        ]
    )
    adjacency = sparse.csr_array(graphs.adjacency[order][:, order])
    adjacency.sort_indices()
    return LabelledGraphs(graphs.labels[order], graphs.offsets, adjacency)


TRIANGLE = [(0, 1), (1, 2), (0, 2)]
# A triangle labelled 0, 0, 1; a path 0 - 1 - 0; a path 0 - 0 - 1 with a lone node labelled 1.
HAND = labelled(
    ([0, 0, 1], TRIANGLE),
    ([0, 1, 0], [(0, 1), (1, 2)]),
    ([0, 0, 1, 1], [(0, 1), (1, 2)]),
)


def grams_of(kernel, graphs, jobs=1):
    """Return a kernel's Gram matrices."""
    from benchmarks.kernels.gram import silent

    return [gram.copy() for gram in kernel.grams(graphs, jobs, silent)]
