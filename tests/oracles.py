"""What the paper's equations say about a :class:`tests.problem.Problem`.

Everything here works on one dense float64 matrix a graph, with plain loops over graphs, nodes and
edges, and shares no code with the library, so that it can serve as its oracle.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tests.problem import Problem


def coarsen_oracle(
    problem: Problem, x: Tensor, s: Tensor, weight: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """``S^T Z`` (Eq. 3), ``S^T A S`` (Eq. 4) and ``S^T S``, one graph after the other."""
    pooled = []
    for graph in range(problem.batch_size):
        rows = problem.rows(graph)
        assignment, adjacency = s[rows], problem.adjacency(graph, weight)
        transposed = assignment.t()
        pooled.append(
            (transposed @ x[rows], transposed @ adjacency @ assignment, transposed @ assignment)
        )
    features, adjacencies, grams = zip(*pooled, strict=True)
    return torch.stack(features), torch.stack(adjacencies), torch.stack(grams)


def frobenius(difference: Tensor) -> Tensor:
    """The Frobenius norm, with gradient 0 at 0 (there, the root's own is not defined)."""
    squares = (difference * difference).sum()
    return squares.sqrt() if squares > 0 else squares * 0


def link_oracle(
    problem: Problem,
    s: Tensor,
    weight: Tensor | None = None,
    convention: str = "paper",
    scale: str | None = None,
) -> Tensor:
    """The link prediction loss of each graph; for ``pyg`` the squared norm of each graph."""
    losses = []
    for graph, n in enumerate(problem.sizes):
        assignment, adjacency = s[problem.rows(graph)], problem.adjacency(graph, weight)
        similarity = assignment @ assignment.t()
        if convention == "paper":
            loss = frobenius(adjacency - similarity)
            losses.append(loss / n if scale == "nodes" and n > 0 else loss)
        elif convention == "pyg":
            losses.append(((adjacency - similarity) ** 2).sum())
        else:
            losses.append(cross_entropy_oracle(adjacency, similarity))
    return torch.stack(losses)


def cross_entropy_oracle(adjacency: Tensor, similarity: Tensor) -> Tensor:
    """The authors' link loss: cross-entropy over all ordered pairs, diagonal included."""
    target = torch.where(adjacency > 1, 1.0, adjacency)
    probability = similarity.clamp(max=1.0)
    total = (similarity * 0).sum()
    for u in range(len(adjacency)):
        for v in range(len(adjacency)):
            a, p = target[u, v], probability[u, v]
            total = total - a * torch.log(p + 1e-7) - (1 - a) * torch.log(1 - p + 1e-7)
    return total


def entropy_oracle(problem: Problem, s: Tensor) -> Tensor:
    """The sum of the row entropies of each graph, with ``0 log 0 = 0``."""
    sums = []
    for graph in range(problem.batch_size):
        rows = s[problem.rows(graph)]
        positive = rows > 0
        logarithm = torch.where(positive, rows, torch.ones_like(rows)).log()
        sums.append(-(rows * logarithm).sum())
    return torch.stack(sums)


def sage_oracle(
    problem: Problem,
    x: Tensor,
    weight: Tensor | None = None,
    aggr: str | tuple[str, ...] = "mean",
) -> Tensor:
    """What GraphSAGE gathers at each node ``v`` over its edges ``u -> v``, by loops."""
    if isinstance(aggr, tuple):
        return torch.cat([sage_oracle(problem, x, weight, name) for name in aggr], dim=-1)
    gathered = []
    for graph, n in enumerate(problem.sizes):
        rows, adjacency = x[problem.rows(graph)], problem.adjacency(graph, weight)
        for v in range(n):
            column = adjacency[:, v]
            total = (column.unsqueeze(-1) * rows).sum(dim=0)
            if aggr in ("mean", "var", "std"):
                total = total / column.sum() if column.sum() != 0 else rows[v] * 0
            if aggr in ("var", "std") and column.sum() != 0:
                squares = (column.unsqueeze(-1) * rows**2).sum(dim=0) / column.sum()
                total = squares - total**2
            if aggr == "std":
                # PyG's: what is at most 1e-5 has no deviation, and no gradient.
                spread = total > 1e-5
                total = torch.where(spread, torch.where(spread, total, 1.0).sqrt(), 0.0)
            elif aggr in ("max", "min"):
                neighbours = [rows[u] for u in range(n) if column[u] != 0]
                bound = torch.amax if aggr == "max" else torch.amin
                total = bound(torch.stack(neighbours), dim=0) if neighbours else rows[v] * 0
            gathered.append(total)
    return torch.stack(gathered) if gathered else x * 0


def number_of_clusters(num_nodes: int, ratio_percent: int, max_clusters: int) -> int:
    """``min(max_clusters, max(1, ceil(ratio * n)))`` in integers, hence exact."""
    return min(max_clusters, max(1, math.ceil(ratio_percent * num_nodes / 100)))


def masked_softmax_oracle(problem: Problem, logits: Tensor, clusters: list[int]) -> Tensor:
    """Row softmax over the first ``clusters[g]`` columns of graph ``g``; 0 in the others."""
    rows = [torch.empty(0, logits.size(1), dtype=logits.dtype)]
    for graph, k in enumerate(clusters):
        probability = logits[problem.rows(graph), :k].softmax(dim=-1)
        rows.append(torch.nn.functional.pad(probability, (0, logits.size(1) - k)))
    return torch.cat(rows)


def cut_oracle(problem: Problem, s: Tensor, weight: Tensor | None = None) -> Tensor:
    """MinCut: ``-tr(S^T A S) / tr(S^T D S)`` of each graph, 0 where that is 0 / 0."""
    losses = []
    for graph in range(problem.batch_size):
        rows, adjacency = s[problem.rows(graph)], problem.adjacency(graph, weight)
        degrees = torch.diag_embed(adjacency.sum(dim=1))
        inside, total = (torch.trace(rows.t() @ matrix @ rows) for matrix in (adjacency, degrees))
        losses.append(-inside / total if total != 0 else total * 0)
    return torch.stack(losses)


def modularity_oracle(problem: Problem, s: Tensor, weight: Tensor | None = None) -> Tensor:
    """DMoN: ``-tr(S^T B S) / 2m`` of each graph with the dense modularity matrix ``B``."""
    losses = []
    for graph in range(problem.batch_size):
        rows, adjacency = s[problem.rows(graph)], problem.adjacency(graph, weight)
        degrees, total = adjacency.sum(dim=1), adjacency.sum()
        if total == 0:
            losses.append((rows * 0).sum() + total * 0)
            continue
        modularity = adjacency - torch.outer(degrees, degrees) / total
        losses.append(-torch.trace(rows.t() @ modularity @ rows) / total)
    return torch.stack(losses)


def orthogonality_oracle(problem: Problem, s: Tensor) -> Tensor:
    """MinCut: ``|| S^T S / ||S^T S|| - I / sqrt(K) ||`` of each graph, 0 without nodes."""
    losses, k = [], s.size(1)
    for graph, n in enumerate(problem.sizes):
        gram = s[problem.rows(graph)].t() @ s[problem.rows(graph)]
        identity = torch.eye(k, dtype=s.dtype)
        scaled = gram / torch.linalg.norm(gram) if n > 0 else gram
        losses.append(frobenius(scaled - identity / k**0.5) if n > 0 else scaled.sum())
    return torch.stack(losses)


def collapse_oracle(problem: Problem, s: Tensor) -> Tensor:
    """DMoN: ``sqrt(K) / n || sum_i S_i || - 1`` of each graph, 0 without nodes."""
    losses, k = [], s.size(1)
    for graph, n in enumerate(problem.sizes):
        sizes = s[problem.rows(graph)].sum(dim=0)
        losses.append(k**0.5 / n * torch.linalg.norm(sizes) - 1 if n > 0 else sizes.sum())
    return torch.stack(losses)


def balance_oracle(problem: Problem, s: Tensor) -> Tensor:
    """Just Balance: ``-tr(sqrt(S^T S)) / sqrt(n K)`` of each graph, the root entry by entry."""
    losses, k = [], s.size(1)
    for graph, n in enumerate(problem.sizes):
        gram = s[problem.rows(graph)].t() @ s[problem.rows(graph)]
        total = -gram.diagonal().sqrt().sum() if n > 0 else gram.sum()
        losses.append(total / max(n * k, 1) ** 0.5)
    return torch.stack(losses)


def edge_features_oracle(
    problem: Problem,
    s: Tensor,
    edge_attr: Tensor,
    weight: Tensor | None = None,
    reduce: str = "mean",
) -> Tensor:
    """``S^T E_c S`` of each channel, or its mean per unit of ``S^T A S``, by loops over edges."""
    weight = problem.weight if weight is None else weight
    k = s.size(1)
    pooled = []
    for graph in range(problem.batch_size):
        rows = problem.rows(graph)
        total = torch.zeros(k, k, edge_attr.size(1), dtype=s.dtype)
        mass = torch.zeros(k, k, dtype=s.dtype)
        for edge, (u, v) in enumerate(problem.edge_index.t().tolist()):
            if rows.start <= u < rows.stop:
                share = torch.outer(s[u], s[v])
                factor = weight[edge] if reduce == "mean" else 1.0
                total = total + factor * share.unsqueeze(-1) * edge_attr[edge]
                mass = mass + weight[edge] * share
        if reduce == "mean":
            empty = mass.abs() < 1e-12
            total = total * torch.where(empty, 0.0, 1 / mass.masked_fill(empty, 1.0)).unsqueeze(-1)
        pooled.append(total)
    return torch.stack(pooled)
