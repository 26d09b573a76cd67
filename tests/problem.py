"""Batches of graphs in float64, drawn from a seed, and corner cases by name.

Without hypothesis, so that ``python -m benchmarks`` can check its results by them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

# Multiples of 1/4, so that sums of weights are exact and "a zero sum" is not a matter of rounding.
SIGNED_WEIGHTS = torch.tensor([-1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0, 2.0], dtype=torch.float64)
POSITIVE_WEIGHTS = torch.tensor([0.25, 0.5, 0.75, 1.0], dtype=torch.float64)


@dataclass(frozen=True)
class Problem:
    """A batch of graphs with node features, assignment logits and (optional) edge weights."""

    sizes: tuple[int, ...]
    x: Tensor
    logits: Tensor
    edge_index: Tensor
    edge_weight: Tensor | None

    @property
    def batch_size(self) -> int:
        return len(self.sizes)

    @property
    def num_nodes(self) -> int:
        return sum(self.sizes)

    @property
    def batch(self) -> Tensor:
        return torch.arange(self.batch_size).repeat_interleave(torch.tensor(self.sizes))

    @property
    def s(self) -> Tensor:
        return self.logits.softmax(dim=-1)

    @property
    def weight(self) -> Tensor:
        """The edge weights, with ones in place of missing ones."""
        if self.edge_weight is None:
            return torch.ones(self.edge_index.size(1), dtype=torch.float64)
        return self.edge_weight

    def rows(self, graph: int) -> slice:
        start = sum(self.sizes[:graph])
        return slice(start, start + self.sizes[graph])

    def adjacency(self, graph: int, weight: Tensor | None = None) -> Tensor:
        """Dense ``A`` of one graph: ``A[u, v]`` sums the weights of the edges ``u -> v``."""
        weight = self.weight if weight is None else weight
        rows = self.rows(graph)
        n = self.sizes[graph]
        inside = (self.edge_index[0] >= rows.start) & (self.edge_index[0] < rows.stop)
        source, target = self.edge_index[:, inside] - rows.start
        empty = torch.zeros(n, n, dtype=weight.dtype)
        return empty.index_put((source, target), weight[inside], accumulate=True)

    def permute_nodes(self, generator_seed: int = 0) -> tuple[Problem, Tensor]:
        """The same graphs with the nodes of each one renumbered; ``new.x == self.x[order]``."""
        generator = torch.Generator().manual_seed(generator_seed)
        order = torch.cat(
            [torch.empty(0, dtype=torch.long)]
            + [
                torch.randperm(n, generator=generator) + self.rows(g).start
                for g, n in enumerate(self.sizes)
            ]
        )
        position = torch.empty_like(order)
        position[order] = torch.arange(order.numel())
        renumbered = position[self.edge_index]
        permuted = replace(self, x=self.x[order], logits=self.logits[order], edge_index=renumbered)
        return permuted, order

    def permute_edges(self, generator_seed: int = 0) -> Problem:
        generator = torch.Generator().manual_seed(generator_seed)
        order = torch.randperm(self.edge_index.size(1), generator=generator)
        weight = None if self.edge_weight is None else self.edge_weight[order]
        return replace(self, edge_index=self.edge_index[:, order], edge_weight=weight)

    def select(self, graph: int) -> Problem:
        """One graph of the batch as a batch of its own."""
        rows = self.rows(graph)
        inside = (self.edge_index[0] >= rows.start) & (self.edge_index[0] < rows.stop)
        return Problem(
            (self.sizes[graph],),
            self.x[rows],
            self.logits[rows],
            self.edge_index[:, inside] - rows.start,
            None if self.edge_weight is None else self.edge_weight[inside],
        )

    def to_dense(
        self, value: Tensor, max_num_nodes: int | None = None, fill: float = 0.0
    ) -> tuple[Tensor, Tensor]:
        """Rows of nodes ``[N, *]`` as ``[B, Nmax, *]`` and the mask, by a loop over graphs."""
        width = max(self.sizes) if max_num_nodes is None else max_num_nodes
        rows, masks = [], []
        for graph, n in enumerate(self.sizes):
            padding = torch.full((width - n, *value.shape[1:]), fill, dtype=value.dtype)
            rows.append(torch.cat([value[self.rows(graph)], padding]))
            masks.append(torch.arange(width) < n)
        return torch.stack(rows), torch.stack(masks)

    def to_dense_adjacency(
        self, weight: Tensor | None = None, max_num_nodes: int | None = None, fill: float = 0.0
    ) -> Tensor:
        width = max(self.sizes) if max_num_nodes is None else max_num_nodes
        padded = []
        for graph, n in enumerate(self.sizes):
            adjacency = self.adjacency(graph, weight)
            adjacency = torch.nn.functional.pad(adjacency, (0, width - n, 0, width - n), value=fill)
            padded.append(adjacency)
        return torch.stack(padded)


def make_problem(
    sizes: tuple[int, ...],
    *,
    num_clusters: int = 3,
    num_features: int = 2,
    edges_per_node: float = 2.0,
    directed: bool = True,
    self_loops: bool = True,
    duplicates: bool = True,
    weights: str = "signed",
    seed: int = 0,
) -> Problem:
    """A random problem with its edges in random order; ``weights`` is none, positive or signed."""
    generator = torch.Generator().manual_seed(seed)
    values = SIGNED_WEIGHTS if weights == "signed" else POSITIVE_WEIGHTS
    edges: list[tuple[int, int, float]] = []
    start = 0
    for n in sizes:
        seen: set[tuple[int, int]] = set()
        for _ in range(int(edges_per_node * n)):
            source, target = torch.randint(n, (2,), generator=generator).tolist()
            if (source, target) in seen or (source == target and not self_loops):
                continue
            seen |= {(source, target), (source, target) if directed else (target, source)}
            choice = int(torch.randint(len(values), (1,), generator=generator))
            weight = float(values[choice])
            copies = 2 if duplicates and len(seen) % 3 == 0 else 1
            edges += [(start + source, start + target, weight)] * copies
            if not directed and source != target:
                edges += [(start + target, start + source, weight)] * copies
        start += n
    order = torch.randperm(len(edges), generator=generator).tolist()
    edge_index = torch.tensor([edges[i][:2] for i in order], dtype=torch.long).reshape(-1, 2)
    edge_weight = torch.tensor([edges[i][2] for i in order], dtype=torch.float64)
    return Problem(
        sizes,
        torch.randn(start, num_features, generator=generator, dtype=torch.float64),
        torch.randn(start, num_clusters, generator=generator, dtype=torch.float64),
        edge_index.t().contiguous(),
        None if weights == "none" else edge_weight,
    )


CORNER_CASES = {
    "no nodes at all": make_problem((0, 0)),
    "leading, inner and trailing empty graphs": make_problem((0, 4, 0, 3, 0)),
    "one node": make_problem((1,), edges_per_node=0.0),
    "one node with a self-loop": make_problem((1, 2), edges_per_node=3.0),
    "edgeless": make_problem((3, 2), edges_per_node=0.0),
    "trailing edgeless": replace(
        make_problem((3, 2), weights="none"), edge_index=torch.tensor([[2, 0], [1, 2]])
    ),
    "undirected, unit weights": make_problem(
        (5, 3), directed=False, duplicates=False, self_loops=False, weights="none"
    ),
    "undirected, duplicates": make_problem((5, 3), directed=False, weights="positive"),
    "directed, signed weights": make_problem((6, 1, 4), num_clusters=4),
    "one cluster": make_problem((4, 2), num_clusters=1),
    "more clusters than nodes": make_problem((2, 1), num_clusters=5),
}
