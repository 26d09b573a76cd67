"""``coarsen --sparse-levels``: whole networks with sparse pooled levels against padded ones.

Both networks have equal settings and weights: two poolings to 25 % of each graph's own nodes,
without a cap, so that the assignment networks have as many columns as the largest graph of the data
set needs. Each contender works in a process of its own on the same batches.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch_geometric.data import Batch

from benchmarks.timing.epoch_data import NUM_POOLS, RATIO, EpochData
from benchmarks.timing.limited_process import run_limited
from benchmarks.timing.memory import Peak
from benchmarks.timing.turns import quartiles, timed
from pyg_diffpool import DiffPoolNet, SparsePooledGraph

Row = dict[str, Any]

SPARSE, PADDED = "sparse levels", "padded levels"
ASSIGNMENTS = ("sparsemax", "entmax15", "straight-through")
BATCHES, BATCH_SIZE, HIDDEN_CHANNELS = 4, 20, 64
# A padded batch takes minutes on a slow core, and is trained on twice.
SECONDS = 3600.0
CONTENDERS = tuple(f"{kind}, {name}" for name in ASSIGNMENTS for kind in (SPARSE, PADDED))


def sparse_level_rows(
    name: str,
    make_data: Callable[[], EpochData],
    contenders: tuple[str, ...],
    batches: int,
    seed: int,
    memory_gib: float,
    seconds: float,
    tell: Callable[[str], None] = lambda text: None,
) -> list[Row]:
    """Return a row for each contender.

    Args:
        name: Name of the data set.
        make_data: Loads it; callable in another process.
        contenders: Some of :data:`CONTENDERS`.
        batches: Number of batches, one of which has the largest graph.
        seed: Seed of the batches and of the weights.
        memory_gib: Memory at which a process is killed.
        seconds: Time at which it is.
        tell: Called with what is in progress.
    """
    rows = []
    for contender in contenders:
        tell(f"{name}: {contender}")
        arguments = (make_data, contender, batches, seed, torch.get_num_threads())
        outcome = run_limited(measure_levels, arguments, memory_gib, seconds)
        found = outcome.value or {"note": outcome.died}
        rows.append({"set": name, "contender": contender, **found})
    return rows


def measure_levels(
    tell: Callable[[], None],
    make_data: Callable[[], EpochData],
    contender: str,
    batches: int,
    seed: int,
    threads: int,
) -> Row:
    """Time forward and backward of a contender on each batch, for :func:`run_limited`."""
    torch.set_num_threads(threads)
    data = make_data()
    network = make_network(data, contender, seed)
    chosen = choose_batches(data, batches, seed)
    _train(network, Batch.from_data_list(data.graphs[:2]))
    tell()
    peak = Peak("cpu")
    times = [timed(partial(_train, network, batch)) for batch in chosen]
    row: Row = {"peak_mib": peak.mib()}
    # The first pass took the peak, and its page faults with it.
    times = [timed(partial(_train, network, batch)) for batch in chosen]
    low, median, high = (1e3 * value for value in quartiles(times))
    row |= {"median_ms": median, "quartile_1_ms": low, "quartile_3_ms": high}
    row |= {
        "batches": len(chosen),
        "graphs": BATCH_SIZE,
        "nodes": statistics.mean(batch.num_nodes for batch in chosen),
        "largest": data.largest,
        "clusters": uncapped(data),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
    }
    return row | _shape_of_levels(network, chosen)


def uncapped(data: EpochData) -> list[int]:
    """Return the number of clusters of each pooling that the largest graph needs."""
    return DiffPoolNet.clusters(data.largest, RATIO, NUM_POOLS)


def make_network(data: EpochData, contender: str, seed: int) -> DiffPoolNet:
    """Return a contender's network; all have the same weights."""
    torch.manual_seed(seed)
    kind, assignment = contender.split(", ")
    return DiffPoolNet(
        data.num_features,
        HIDDEN_CHANNELS,
        data.num_classes,
        max_clusters=uncapped(data),
        ratio=RATIO,
        assignment=assignment,
        sparse_level=kind == SPARSE,
    )


def choose_batches(data: EpochData, batches: int, seed: int) -> list[Batch]:
    """Return batches of a shuffled epoch: the one with the largest graph, and the first others."""
    order = torch.randperm(len(data.graphs), generator=torch.Generator().manual_seed(seed))
    parts = order.split(BATCH_SIZE)
    sizes = torch.tensor([graph.num_nodes for graph in data.graphs])
    largest = max(range(len(parts)), key=lambda part: int(sizes[parts[part]].max()))
    others = [part for part in range(len(parts)) if part != largest]
    return [
        Batch.from_data_list([data.graphs[int(graph)] for graph in parts[part]])
        for part in [largest, *others][:batches]
    ]


def _train(network: DiffPoolNet, batch: Batch) -> None:
    network.zero_grad()
    given = batch.batch, batch.num_graphs
    out = network(batch.x, batch.edge_index, None, *given)
    loss = torch.nn.functional.cross_entropy(out.logits, batch.y) + out.loss
    loss.backward()  # type: ignore[no-untyped-call]


@torch.no_grad()
def _shape_of_levels(network: DiffPoolNet, batches: list[Batch]) -> Row:
    """Return clusters of a node and edges of each pooled level, where levels are sparse."""
    support, edges = [], []
    for batch in batches:
        levels = network(batch.x, batch.edge_index, None, batch.batch, batch.num_graphs).levels
        if not isinstance(levels[0], SparsePooledGraph):
            return {}
        first = levels[0].assignment
        support.append(first.value.numel() / first.shape[0])
        edges.append([level.edge_weight.numel() for level in levels])
    means = [statistics.mean(level) for level in zip(*edges, strict=True)]
    return {"clusters_of_a_node": statistics.mean(support), "edges": means}
