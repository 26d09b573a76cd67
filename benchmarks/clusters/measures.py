"""What an assignment of nodes to clusters looks like, measured on whole batches at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor
from torch_geometric.utils import to_dense_batch

from benchmarks.training.effective_clusters import effective_clusters, entropy

Array = np.ndarray


class Use(NamedTuple):
    r"""How many clusters the graphs use, and how decided their nodes are; one value a graph.

    A graph without nodes has none of these values (NaN).

    Attributes:
        nodes: Number of nodes :math:`n`.
        available: Number of clusters :math:`K` that the graph may use.
        used: Number of clusters that are the likeliest one of some node.
        effective: :func:`~benchmarks.training.effective_clusters.effective_clusters`.
        entropy: Mean over the nodes of :math:`H(s_i) = -\sum_k s_{ik} \log s_{ik}`, in nats.
        relative_entropy: The same by :math:`\log K`, the largest there can be; NaN for
            :math:`K = 1`.
    """

    nodes: Array
    available: Array
    used: Array
    effective: Array
    entropy: Array
    relative_entropy: Array


class Structure(NamedTuple):
    r"""How clusters lie in their graphs; one value a graph, edges undirected and without weight.

    Attributes:
        within_density: Share of the pairs of nodes of one cluster that are joined by an edge; NaN
            where no cluster has two nodes.
        density: Share of all pairs of nodes that are. This is also what the first share is
            expected to be if the same labels are dealt to the nodes at random: each of the
            pairs is then equally likely to lie within a cluster.
        ratio: The first by the second; above 1 where dense subgraphs are put together. NaN
            where there is no edge or no cluster of two nodes.
        clusters: Number of clusters of two nodes or more.
        disconnected: Number of these whose nodes do not hang together.
    """

    within_density: Array
    density: Array
    ratio: Array
    clusters: Array
    disconnected: Array


def cluster_use(s: Tensor, graph: Tensor, available: Tensor) -> Use:
    """Measure a soft assignment.

    Args:
        s: One row a node, ``[N, K]``, nonnegative; each sums to one.
        graph: Graph of each node ``[N]``.
        available: Number of clusters that each graph may use ``[B]``.
    """
    s = s.double()
    num_graphs, num_clusters = available.numel(), s.size(1)
    nodes = torch.bincount(graph, minlength=num_graphs).double()
    decided = s.new_zeros(num_graphs).index_add_(0, graph, entropy(s)) / nodes
    label = s.argmax(1) if num_clusters else graph
    pairs = torch.unique(graph * max(num_clusters, 1) + label)
    used = torch.bincount(pairs // max(num_clusters, 1), minlength=num_graphs).double()
    used[nodes == 0] = torch.nan
    largest = available.double().log()
    relative = torch.where(largest > 0, decided / largest, torch.nan)
    effective = effective_clusters(s, graph, num_graphs)
    values = (nodes, available.double(), used, effective, decided, relative)
    return Use(*(value.numpy() for value in values))


def cluster_structure(label: Array, graph: Array, edges: Array, num_graphs: int) -> Structure:
    """Measure a hard assignment.

    Args:
        label: Cluster of each node, from 0, ``[N]``; clusters of different graphs are different.
        graph: Graph of each node ``[N]``.
        edges: Each undirected edge once, without self-loops, ``[2, E]``.
        num_graphs: Number of graphs.
    """
    width = int(label.max(initial=0)) + 1
    key = graph * width + label
    clusters, cluster, size = np.unique(key, return_inverse=True, return_counts=True)
    graph_of_cluster = clusters // width

    def per_graph(where: Array, weight: Array | None = None) -> Array:
        return np.bincount(where, weight, minlength=num_graphs).astype(float)

    first, second = edges
    within = edges[:, key[first] == key[second]]
    nodes = per_graph(graph)
    pairs_within = per_graph(graph_of_cluster, size * (size - 1) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        density = per_graph(graph[first]) / (nodes * (nodes - 1) / 2)
        within_density = per_graph(graph[within[0]]) / pairs_within
        ratio = np.where(density > 0, within_density / density, np.nan)
    parts = _parts_of_clusters(cluster, within, len(clusters))
    two = size >= 2
    return Structure(
        within_density,
        density,
        ratio,
        per_graph(graph_of_cluster[two]),
        per_graph(graph_of_cluster[two & (parts > 1)]),
    )


def _parts_of_clusters(cluster: Array, within: Array, num_clusters: int) -> Array:
    """Return the number of connected parts of each cluster's induced subgraph."""
    num_nodes = len(cluster)
    ones = np.ones(within.shape[1], dtype=np.int8)
    joined = coo_array((ones, (within[0], within[1])), shape=(num_nodes, num_nodes))
    _, part = connected_components(joined.tocsr(), directed=False)
    # A part lies within one cluster: any of its nodes tells which.
    _, some_node = np.unique(part, return_index=True)
    return np.bincount(cluster[some_node], minlength=num_clusters)


def shuffled_labels(label: Array, graph: Array, seed: int) -> Array:
    """Deal the labels of each graph to its nodes at random; nodes of a graph are in a row."""
    order = np.lexsort((np.random.default_rng(seed).random(len(label)), graph))
    return label[order]


def undirected_edges(edge_index: Tensor) -> Array:
    """Return each edge once, whichever ways it was given, and no self-loops: ``[2, E]``."""
    ends = np.sort(edge_index.numpy(), axis=0)
    return np.unique(ends[:, ends[0] != ends[1]], axis=1)


def composed(assignments: list[Tensor], graph: Tensor) -> Tensor:
    r"""Return the assignment of the input's nodes to the last level's clusters.

    .. math::
        \mathbf{S}^{(0)} \mathbf{S}^{(1)} \cdots

    Args:
        assignments: ``[N, K₁]``, then ``[B, K₁, K₂]``, and so on.
        graph: Graph of each node ``[N]``, ascending.
    """
    first, *others = assignments
    if not others:
        return first
    rows, mask = to_dense_batch(first, graph, batch_size=others[0].size(0))
    for s in others:
        rows = rows @ s
    of_nodes: Tensor = rows[mask]
    return of_nodes
