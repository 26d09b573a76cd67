"""The graphs of a fold that training has not seen, with what tells which one to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Batch

from benchmarks.clusters.checkpoints import Trained
from benchmarks.clusters.measures import undirected_edges
from benchmarks.records.table_format import Layout
from benchmarks.spec.errors import UsageError
from benchmarks.training.effective_clusters import assigned_rows
from benchmarks.training.level_figures import LARGEST_DRAWN


class Candidate(NamedTuple):
    """One graph and what the network makes of it.

    Attributes:
        graph: Its number in the data set.
        nodes: Number of nodes.
        edges: Number of undirected edges, loops left out.
        clusters: Clusters in use on each level: the likeliest one of some node, or of some cluster
            in use.
        target: Its class.
        predicted: The class that the network answers.
    """

    graph: int
    nodes: int
    edges: int
    clusters: list[int]
    target: int
    predicted: int

    @property
    def right(self) -> bool:
        """Whether the network's answer is the graph's class."""
        return self.target == self.predicted


def candidates(trained: Trained) -> list[Candidate]:
    """Return the graphs that the network has not seen, in the order of the data set."""
    found: list[Candidate] = []
    for batch in trained.loader:
        prediction = trained.predict(batch)
        if not prediction.levels:
            name = type(trained.network).__name__
            raise UsageError(f"expected a network that returns its levels, got {name}")
        nodes = torch.bincount(batch.batch, minlength=batch.num_graphs)
        edges = undirected_edges(batch.edge_index.as_subclass(Tensor))
        columns = (
            batch.graph_index.tolist(),
            nodes.tolist(),
            np.bincount(batch.batch.numpy()[edges[0]], minlength=batch.num_graphs).tolist(),
            clusters_in_use(prediction.levels, batch).t().tolist(),
            batch.y.view(-1).tolist(),
            prediction.logits.argmax(-1).tolist(),
        )
        found += [Candidate(*row) for row in zip(*columns, strict=True)]
    return sorted(found)


def clusters_in_use(levels: Sequence[Any], batch: Batch) -> Tensor:
    """Return how many clusters each level of each graph uses, ``[L, B]``.

    Args:
        levels: The network's levels for the batch.
        batch: The batch.
    """
    counts: list[Tensor] = []
    in_use: Tensor | None = None
    for level, (rows, graph) in zip(levels, assigned_rows(levels, batch.batch), strict=True):
        width = level.mask.size(1)
        keys = graph * width + rows.argmax(1)
        used = torch.unique(keys if in_use is None else keys[in_use])
        counts.append(torch.bincount(used // max(width, 1), minlength=batch.num_graphs))
        # The next level has one row for each cluster that may be used.
        owner, cluster = level.mask.nonzero().t()
        in_use = torch.isin(owner * width + cluster, used)
    return torch.stack(counts)


def typical(found: Sequence[Candidate]) -> Candidate:
    """Return the graph to look at where none is named: the same one each time, and no rarity.

    Of the graphs with the right answer, of at most
    :data:`~benchmarks.training.level_figures.LARGEST_DRAWN` nodes, it is the middle one by
    clusters in use, then by nodes. Where there are none such, of all graphs.
    """
    small = [one for one in found if one.nodes <= LARGEST_DRAWN]
    right = [one for one in small if one.right]
    order = sorted(right or small or found, key=lambda one: (one.clusters, one.nodes, one.graph))
    return order[len(order) // 2]


def rows(found: Sequence[Candidate]) -> list[dict[str, Any]]:
    """Return candidates as rows of a table."""
    return [{**one._asdict(), "right": one.right} for one in found]


LISTING = Layout(
    {
        "graph": lambda row: str(row["graph"]),
        "nodes": lambda row: str(row["nodes"]),
        "edges": lambda row: str(row["edges"]),
        "clusters in use": lambda row: " → ".join(map(str, row["clusters"])),
        "class": lambda row: str(row["target"]),
        "predicted": lambda row: str(row["predicted"]),
        "right": lambda row: "yes" if row["right"] else "no",
    },
    (
        "graph: number in the data set, for --graph",
        "clusters in use: the likeliest one of some node, then of some cluster in use, level by "
        "level",
    ),
)
