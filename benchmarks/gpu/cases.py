"""Batches that the kernels are checked on, and what the equations say about them.

The oracle is one dense float64 matrix a graph, on the CPU, with plain loops over graphs; it shares
no code with the library.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch_geometric import EdgeIndex

from pyg_diffpool import Adjacency, prepare_adjacency

Outputs = tuple[Tensor, ...]

# How edges are handed over: as they were drawn, declared undirected, or prepared once.
RAW, EDGE_INDEX, PREPARED = "raw edge_index", "undirected EdgeIndex", "prepared adjacency"


class Case(NamedTuple):
    """A batch of graphs in float64 on the CPU.

    Attributes:
        sizes: Nodes of each graph.
        x: Features :math:`(N, F)`.
        logits: Assignment logits :math:`(N, K)`.
        edge_index: Edges; sorted by row where :attr:`form` says undirected.
        edge_weight: Weights, or None where all are one.
        form: One of the forms above.
    """

    sizes: tuple[int, ...]
    x: Tensor
    logits: Tensor
    edge_index: Tensor
    edge_weight: Tensor | None
    form: str

    @property
    def batch(self) -> Tensor:
        """Graph of each node."""
        return torch.arange(len(self.sizes)).repeat_interleave(torch.tensor(self.sizes))

    def rows(self, graph: int) -> slice:
        """Return the nodes of a graph."""
        first = sum(self.sizes[:graph])
        return slice(first, first + self.sizes[graph])

    def adjacency(self, graph: int, weight: Tensor | None) -> Tensor:
        """Return the dense matrix of a graph: ``A[u, v]`` sums the weights of ``u -> v``."""
        rows, n = self.rows(graph), self.sizes[graph]
        inside = (self.edge_index[0] >= rows.start) & (self.edge_index[0] < rows.stop)
        source, target = self.edge_index[:, inside] - rows.start
        values = source.new_ones(source.numel()).double() if weight is None else weight[inside]
        empty = torch.zeros(n, n, dtype=torch.float64)
        return empty.index_put((source, target), values, accumulate=True)

    def edges_on(self, device: str) -> Tensor | EdgeIndex | Adjacency:
        """Return the edges in the case's form."""
        edge_index = self.edge_index.to(device)
        if self.form == RAW:
            return edge_index
        size = (self.x.size(0), self.x.size(0))
        declared = EdgeIndex(edge_index, sparse_size=size, sort_order="row", is_undirected=True)
        return prepare_adjacency(declared) if self.form == PREPARED else declared


def make_case(
    sizes: tuple[int, ...],
    num_clusters: int,
    num_features: int,
    seed: int,
    *,
    edges_per_node: float = 2.5,
    weights: bool = False,
    duplicates: bool = False,
    form: str = RAW,
    edgeless: tuple[int, ...] = (),
) -> Case:
    """Draw a batch; raw edges are directed and shuffled, with self-loops.

    Args:
        sizes: Nodes of each graph.
        num_clusters: Columns of the assignment.
        num_features: Columns of the features.
        seed: Of everything drawn.
        edges_per_node: Edges drawn for each node.
        weights: Whether edges have signed weights (raw edges only).
        duplicates: Whether some edges are there twice (raw edges only).
        form: How the edges are handed over.
        edgeless: Graphs without edges.
    """
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    parts, first = [torch.empty(2, 0, dtype=torch.long)], 0
    for graph, n in enumerate(sizes):
        count = 0 if graph in edgeless or n == 0 else int(edges_per_node * n)
        parts.append(first + torch.randint(max(n, 1), (2, count), generator=generator))
        first += n
    edges = torch.cat(parts, 1)
    if form != RAW:
        # Both directions once each, sorted by row.
        edges = torch.cat([edges, edges.flip(0)], 1).unique(dim=1).contiguous()
    else:
        edges = edges.unique(dim=1)
        if duplicates:
            edges = torch.cat([edges, edges[:, ::3]], 1)
        edges = edges[:, torch.randperm(edges.size(1), generator=generator)]
    weight = normal(edges.size(1)) if weights else None
    return Case(
        sizes, normal(first, num_features), normal(first, num_clusters), edges, weight, form
    )


def make_cases(seed: int, quick: bool) -> dict[str, Case]:
    """Return the named cases, the most telling first, then batches drawn at random."""
    everything = {"weights": True, "duplicates": True}
    small = tuple(range(20)) * 15
    cases = {
        "ragged, directed, weighted, duplicates": make_case(
            (0, 5, 1, 0, 17, 3, 0), 3, 5, seed, edgeless=(5,), **everything
        ),
        "undirected EdgeIndex": make_case((9, 1, 30, 0, 14), 4, 7, seed, form=EDGE_INDEX),
        "odd sizes, prepared": make_case((70, 0, 50, 129), 33, 65, seed, form=PREPARED),
        "large between small": make_case((1500, 0, 129, 1, 40), 40, 64, seed, form=EDGE_INDEX),
        "directed, duplicates": make_case((6, 11, 1), 5, 1, seed, duplicates=True),
        "one node": make_case((1,), 2, 3, seed, edges_per_node=0.0),
        "no edges": make_case((4, 2, 0), 3, 2, seed, edges_per_node=0.0),
        "no nodes": make_case((0, 0), 3, 2, seed),
        "one cluster, one feature": make_case((9, 4), 1, 1, seed, weights=True),
        "sizes around a chunk": make_case(
            (127, 128, 129, 0, 255, 256, 257, 3), 8, 8, seed, **everything
        ),
        "many small graphs": make_case(small, 7, 9, seed, form=EDGE_INDEX),
        "many clusters": make_case((40, 20), 130, 24, seed, weights=True),
    }
    for number in range(3 if quick else 12):
        generator = torch.Generator().manual_seed(1000 * seed + number)

        def draw(low: int, high: int, generator: torch.Generator = generator) -> int:
            return int(torch.randint(low, high, (1,), generator=generator))

        sizes = tuple(draw(0, 80) * draw(0, 2) for _ in range(draw(1, 9)))
        form = (RAW, EDGE_INDEX, PREPARED)[draw(0, 3)]
        raw = everything if form == RAW and draw(0, 2) else {}
        cases[f"random {number}"] = make_case(
            sizes, draw(1, 70), draw(1, 70), seed + number, form=form, **raw
        )
    return cases


def coarsen_oracle(case: Case, x: Tensor, s: Tensor, weight: Tensor | None) -> Outputs:
    """Equations 3 and 4, and the Gram matrix."""
    pooled, adjs, grams = [], [], []
    for graph in range(len(case.sizes)):
        rows = case.rows(graph)
        own = s[rows]
        pooled.append(own.t() @ x[rows])
        adjs.append(own.t() @ case.adjacency(graph, weight) @ own)
        grams.append(own.t() @ own)
    return torch.stack(pooled), torch.stack(adjs), torch.stack(grams)


def link_oracle(case: Case, s: Tensor, weight: Tensor | None, convention: str) -> Tensor:
    """The norm of A - SSᵀ: mean over graphs, or PyG's over the padded batch."""
    squares = []
    for graph in range(len(case.sizes)):
        own = s[case.rows(graph)]
        squares.append((case.adjacency(graph, weight) - own @ own.t()).square().sum())
    if convention == "pyg":
        return _root(torch.stack(squares).sum()) / max(len(squares) * max(case.sizes) ** 2, 1)
    return torch.stack([_root(square) for square in squares]).mean()


def entropy_oracle(case: Case, s: Tensor, convention: str) -> Tensor:
    """The entropy of rows: mean over nodes, then graphs, or PyG's over the padded batch."""
    rows = -torch.xlogy(s, s).sum(-1)
    if convention == "pyg":
        return rows.sum() / max(len(case.sizes) * max(case.sizes), 1)
    means = [rows[case.rows(graph)].sum() / max(n, 1) for graph, n in enumerate(case.sizes)]
    return torch.stack(means).mean()


def diff_pool_oracle(
    case: Case, x: Tensor, logits: Tensor, weight: Tensor | None, convention: str
) -> Outputs:
    """The whole layer, under a convention of the losses."""
    s = logits.softmax(-1)
    pooled, adj, _ = coarsen_oracle(case, x, s, weight)
    link, entropy = link_oracle(case, s, weight, convention), entropy_oracle(case, s, convention)
    return pooled, adj, link, entropy


def _root(square: Tensor) -> Tensor:
    """The root, with slope 0 at 0."""
    return square.sqrt() if square > 0 else square * 0
