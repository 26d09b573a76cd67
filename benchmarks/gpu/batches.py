"""Large ragged batches: hundreds or thousands of trees with hubs, of very different sizes."""

from __future__ import annotations

from functools import lru_cache

import torch

from benchmarks.coarsen.batches import Problem, tree_like

MEAN_NODES, LARGEST, SPREAD = 500, 4000, 0.8


@lru_cache(maxsize=2)
def large_ragged(
    seed: int, num_nodes: int, num_clusters: int = 64, num_features: int = 64
) -> Problem:
    """Return a batch of so many nodes in graphs of 500 on average, with log-normal sizes.

    Kept, since drawing a million nodes takes seconds.
    """
    generator = torch.Generator().manual_seed(seed)
    count = max(num_nodes // MEAN_NODES, 1)
    sizes = (torch.randn(count, generator=generator) * SPREAD - SPREAD**2 / 2).exp()
    sizes = (sizes * MEAN_NODES).long().clamp(min=1, max=LARGEST)
    # To the node: the last graphs take what is missing, or give what is too much.
    missing = num_nodes - int(sizes.sum())
    position = count - 1
    while missing != 0 and position >= 0:
        before = int(sizes[position])
        sizes[position] = min(max(before + missing, 1), LARGEST)
        missing -= int(sizes[position]) - before
        position -= 1
    return tree_like(sizes, seed, num_clusters=num_clusters, num_features=num_features)


def narrowed(problem: Problem, num_clusters: int, num_features: int) -> Problem:
    """Return the same graphs with fewer clusters and features."""
    return problem._replace(
        x=problem.x[:, :num_features].contiguous(),
        logits=problem.logits[:, :num_clusters].contiguous(),
        grad_x=problem.grad_x[:, :num_clusters, :num_features].contiguous(),
        grad_adj=problem.grad_adj[:, :num_clusters, :num_clusters].contiguous(),
    )
