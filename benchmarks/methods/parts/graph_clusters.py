"""Hierarchical clusters of one graph by its edges alone, computed before any training."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.sparse import csr_matrix, diags
from torch import Tensor
from torch_geometric.data import Data

from benchmarks.spec.errors import UsageError
from benchmarks.spec.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

PREPARED_BY = ("num_pools", "cluster_ratio", "max_clusters")
SEED = 1
"""Seed of the partitioner: equal graphs, equal clusters."""


def prepare(data: Data, settings: Settings) -> dict[str, Tensor]:
    """Return ``cluster`` ``[n, L]``: the cluster of each node at each of ``num_pools`` levels."""
    return {
        "cluster": hierarchical_clusters(
            data.edge_index,
            int(data.num_nodes or 0),
            settings.num_pools,
            settings.cluster_ratio,
            settings.max_clusters,
        )
    }


def hierarchical_clusters(
    edge_index: Tensor, num_nodes: int, num_levels: int, ratio: float, max_clusters: int
) -> Tensor:
    r"""Cluster the nodes, then the graph of clusters, and so on.

    A level of :math:`n` nodes has at most
    :math:`\min(K, \max(1, \lceil \rho\, n \rceil))` clusters, numbered from 0, none of them empty.
    Each level partitions the weighted graph that the one before left, so that nodes of one cluster
    stay together.

    Multilevel minimisation of the weighted cut between clusters of like volume (sum of degrees),
    which is what `"Weighted Graph Cuts without Eigenvectors"
    <https://doi.org/10.1109/TPAMI.2007.1115>`_ (Graclus) minimises as the normalised cut; computed
    by METIS (k-way, fixed seed) instead, as Graclus itself is no longer maintained. Directions are
    ignored, self-loops have no part in a cut, and duplicate edges add up.

    Args:
        edge_index: Edges ``[2, E]``.
        num_nodes: Number of nodes.
        num_levels: Number of levels.
        ratio: Clusters a node, :math:`\rho`.
        max_clusters: Most clusters, :math:`K`.

    Returns:
        Cluster of each node at each level, ``[num_nodes, num_levels]``.
    """
    if num_nodes == 0:
        return torch.empty(0, num_levels, dtype=torch.long)
    source, target = edge_index.cpu().numpy()
    ones = np.ones(source.size, dtype=np.int64)
    adj = csr_matrix((ones, (source, target)), shape=(num_nodes, num_nodes))
    adj = adj + adj.T
    volume = np.asarray(adj.sum(1)).ravel()
    place = np.arange(num_nodes)
    levels = []
    for _ in range(num_levels):
        size = volume.size
        # As in DiffPoolNet.clusters: a hair above an integer is that integer.
        parts = min(max_clusters, max(1, math.ceil(ratio * size - 1e-9)))
        labels = _partition(_without_loops(adj), volume, parts)
        place = labels[place]
        levels.append(torch.from_numpy(place))
        member = csr_matrix((np.ones(size, dtype=np.int64), (np.arange(size), labels)))
        adj, volume = member.T @ adj @ member, member.T @ volume
    return torch.stack(levels, 1) if levels else torch.empty(num_nodes, 0, dtype=torch.long)


def _without_loops(adj: csr_matrix) -> csr_matrix:
    loops = diags(adj.diagonal(), dtype=adj.dtype, shape=adj.shape)
    adj = csr_matrix(adj - loops)
    adj.eliminate_zeros()
    adj.sort_indices()
    return adj


def _partition(adj: csr_matrix, volume: NDArray[np.int64], parts: int) -> NDArray[np.int64]:
    """Return the part of each node of a symmetric graph; at most ``parts``, none empty."""
    size = volume.size
    if parts >= size:
        return np.arange(size)
    if parts == 1:
        return np.zeros(size, dtype=np.int64)
    try:
        import pymetis
    except ModuleNotFoundError as error:
        raise UsageError(
            'diffpool-det clusters graphs with pymetis: pip install "pyg-diffpool[benchmark]"'
        ) from error
    _, labels = pymetis.part_graph(
        parts,
        pymetis.CSRAdjacency(adj.indptr, adj.indices),
        eweights=adj.data,
        # METIS balances weights; a node without edges has to have one.
        vweights=np.maximum(volume, 1),
        recursive=False,
        options=pymetis.Options(seed=SEED),
    )
    numbered: NDArray[np.int64] = np.unique(np.asarray(labels), return_inverse=True)[1]
    return numbered.astype(np.int64)
