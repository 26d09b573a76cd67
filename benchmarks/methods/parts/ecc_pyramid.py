r"""The pyramid of coarser graphs on which edge-conditioned convolutions run, once a graph.

After Simonovsky & Komodakis (CVPR 2017), which follows "A Multiscale Pyramid
Transform for Graph Signals" (Shuman, Faraji & Vandergheynst, 2016): from level to level

- the nodes where the Laplacian's largest eigenvector is positive stay, the others go;
- Kron reduction joins those that stay: the Schur complement of the Laplacian;
- edges that hardly conduct are dropped. The paper samples edges by their effective resistance
  (Spielman & Srivastava) and averages over five such draws; a pyramid here is a function of the
  graph, so that it is computed once, and every run is repeatable;
- each node that goes hands its features to the neighbour that stays and holds it most strongly,
  where the maximum is taken.

The largest eigenvector of a big graph is localised: a few dozen hops away its entries are noise.
Nodes with such entries are decided by the eigenvectors of the rest, one after the other.

Nodes keep their numbers on all levels. The products are dense in removed × kept nodes: 70 MB for
DD's largest graph (5,748 nodes), 1 GB for one of 22,000.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from scipy import linalg, sparse
from scipy.sparse.linalg import eigsh, splu
from torch import Tensor
from torch_geometric.data import Data

from benchmarks.spec.settings import Settings

PREPARED_BY = ("pyramid_levels",)

DENSE_NODES = 256
"""Up to here a dense eigensolver, above it Lanczos from a fixed start."""

NEGLIGIBLE = 1e-6
"""An eigenvector's entry of this share of the largest one has no reliable sign."""

WEAK = 0.01
"""Edges of a lower weight are dropped; the input's edges weigh 1."""

Matrix = sparse.csr_array
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class Level(NamedTuple):
    """A coarser graph.

    Attributes:
        laplacian: Laplacian of the nodes that stay.
        kept: Their numbers on the level before, increasing.
        parent: For each node of the level before, the one of these that receives its features.
    """

    laplacian: Matrix
    kept: Integers
    parent: Integers


def prepare(data: Data, settings: Settings) -> dict[str, Tensor]:
    """Return a graph's coarser levels, 1 to ``settings.pyramid_levels``.

    Returns:
        ``coarse_index`` ``[2, E]``, the edges of all coarser levels in the graph's own numbering,
        ``coarse_weight`` ``[E]``, ``coarse_level`` ``[E]``, and ``parent_index`` ``[levels, n]``:
        the node that stands for each node on a level. A node stands for itself as long as it stays.
    """
    laplacian = graph_laplacian(data.edge_index, int(data.num_nodes or 0))
    nodes = np.arange(laplacian.shape[0])
    stands_for = nodes
    edges, weights, levels, parents = [np.empty((2, 0), np.int64)], [np.empty(0)], [], []
    for number in range(1, settings.pyramid_levels + 1):
        level = coarsen(laplacian)
        # `nodes` are the numbers in the graph of the level before; each is found in its order.
        stands_for = nodes[level.parent][np.searchsorted(nodes, stands_for)]
        nodes, laplacian = nodes[level.kept], level.laplacian
        joined = sparse.coo_array(laplacian)
        off = joined.row != joined.col
        edges.append(np.stack([nodes[joined.row[off]], nodes[joined.col[off]]]))
        weights.append(-joined.data[off])
        levels.append(np.full(int(off.sum()), number))
        parents.append(stands_for)
    return {
        "coarse_index": torch.from_numpy(np.concatenate(edges, 1)),
        "coarse_weight": torch.from_numpy(np.concatenate(weights)).float(),
        "coarse_level": torch.from_numpy(np.concatenate([np.empty(0, np.int64), *levels])),
        "parent_index": torch.from_numpy(
            np.array(parents, np.int64).reshape(len(parents), stands_for.size)
        ),
    }


def graph_laplacian(edge_index: Tensor, num_nodes: int) -> Matrix:
    """Return the Laplacian of the undirected graph of unit weights, without self-loops."""
    row, col = edge_index.cpu().numpy()
    joined = sparse.csr_array((np.ones(row.size), (row, col)), shape=(num_nodes, num_nodes))
    joined = joined + joined.T
    joined.setdiag(0)
    joined.eliminate_zeros()
    joined.data[:] = 1
    return _laplacian(joined)


def coarsen(laplacian: Matrix) -> Level:
    """Return the next level of a graph."""
    values = polarity(laplacian)
    weights = sparse.csr_array(sparse.diags_array(laplacian.diagonal()) - laplacian)
    weights.eliminate_zeros()
    stays = values > 0
    # A node that goes needs a neighbour that stays.
    stays |= weights @ stays.astype(float) == 0
    kept = np.flatnonzero(stays)
    parent = np.arange(stays.size)
    for node in np.flatnonzero(~stays):
        run = slice(weights.indptr[node], weights.indptr[node + 1])
        near, strength = weights.indices[run], weights.data[run]
        strength, near = strength[stays[near]], near[stays[near]]
        # Of equally strong neighbours the one that is furthest on the other side.
        strongest = near[strength >= (1 - 1e-9) * strength.max()]
        parent[node] = strongest[np.argmax(values[strongest])]
    return Level(_without_weak(kron_reduction(laplacian, kept)), kept, parent)


def polarity(laplacian: Matrix) -> Floats:
    """Return the largest eigenvector, of each component by itself, with a sign that is fixed.

    Where its entries are negligible they come from the largest eigenvector of the rest of the
    matrix. An eigenvector that meets decided nodes takes the sign that opposes them, the first one
    that of its largest entry.
    """
    values = np.zeros(laplacian.shape[0])
    while (undecided := np.flatnonzero(values == 0)).size:
        rest = laplacian[undecided][:, undecided]
        met = laplacian[undecided] @ np.sign(values)
        count, component = sparse.csgraph.connected_components(rest, directed=False)
        order = np.argsort(component, kind="stable")
        for nodes in np.split(order, np.searchsorted(component[order], np.arange(1, count))):
            vector = _largest_eigenvector(rest[nodes][:, nodes])
            largest = np.argmax(np.round(np.abs(vector), 9))
            # Off the diagonal a Laplacian is negative: a positive product opposes.
            side = vector @ met[nodes]
            vector = vector * np.sign(side if abs(side) > 1e-9 else vector[largest])
            clear = np.abs(vector) > NEGLIGIBLE * abs(vector[largest])
            values[undecided[nodes[clear]]] = vector[clear]
    return values


def kron_reduction(laplacian: Matrix, kept: Integers) -> Floats:
    r"""Return :math:`\mathbf{L}_{++} - \mathbf{L}_{+-} \mathbf{L}_{--}^{-1} \mathbf{L}_{-+}`.

    The Laplacian, here dense, of the graph with the same effective resistances between the nodes
    kept.

    Args:
        laplacian: A graph's Laplacian, with a kept node in each component.
        kept: The nodes :math:`+`.
    """
    removed = np.setdiff1d(np.arange(laplacian.shape[0]), kept)
    own: Floats = laplacian[kept][:, kept].toarray()
    if removed.size == 0:
        return own
    across = laplacian[removed][:, kept]
    solved = splu(sparse.csc_array(laplacian[removed][:, removed])).solve(across.toarray())
    reduced: Floats = own - across.T @ solved
    return reduced


def _without_weak(laplacian: Floats) -> Matrix:
    """Drop edges that hardly conduct; what is left is a Laplacian again."""
    weights = -laplacian
    np.fill_diagonal(weights, 0.0)
    weights = (weights + weights.T) / 2
    weights[weights < WEAK] = 0.0
    return _laplacian(sparse.csr_array(weights))


def _laplacian(weights: Matrix) -> Matrix:
    degree = weights.sum(axis=1)
    return sparse.csr_array(sparse.diags_array(degree) - weights)


def _largest_eigenvector(matrix: Matrix) -> Floats:
    size = matrix.shape[0]
    if size <= DENSE_NODES:
        _, vectors = linalg.eigh(matrix.toarray(), subset_by_index=[size - 1, size - 1])
    else:
        start = np.random.default_rng(0).standard_normal(size)
        _, vectors = eigsh(matrix, k=1, which="LA", v0=start, ncv=64, tol=1e-9)
    vector: Floats = vectors[:, 0]
    return vector
