"""What the explorer shows: the clusters that stored networks give to some graphs of their folds."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor
from torch_geometric.data import Batch

from benchmarks.clusters.checkpoints import StoredRun, Trained, splits_of, trained_network
from benchmarks.report.availability import Absence, absence
from benchmarks.report.graph_choice import Classified, chosen_graphs
from benchmarks.report.levels_record import graph_levels
from benchmarks.spec.errors import UsageError
from benchmarks.training.forward import Prediction

Record = dict[str, Any]
Answers = list[tuple[Batch, Prediction]]


@dataclass
class Shared:
    """What runs on the same data have in common, so that they can be compared.

    Attributes:
        graphs: The graphs shown of each fold.
        position: Places of the nodes of each graph.
    """

    graphs: dict[str, list[int]] = field(default_factory=dict)
    position: dict[tuple[str, int], Tensor] = field(default_factory=dict)


class Wanted(NamedTuple):
    """What the explorer is asked for.

    Attributes:
        splits: Folder of the published folds on which runs were trained, if any.
        folds: Folds to take graphs from; None for the first that a run has.
        graphs: Number of graphs a fold.
        max_nodes: Number of nodes of the largest graph.
    """

    splits: Path | None
    folds: Sequence[int] | None
    graphs: int
    max_nodes: int


def explorer_record(
    stored: Sequence[StoredRun], wanted: Wanted, tell: Callable[[str], None]
) -> Record:
    """Return the explorer's runs, and why others are absent, as JSON-ready values.

    Runs on the same folds show the same graphs, half of them wrongly classified by the first of
    these runs, and with nodes at the same places.

    Args:
        stored: The runs.
        wanted: Which graphs to show.
        tell: Called with what is being done.
    """
    runs, absent = [], []
    shared = Shared()
    for run in stored:
        tell(f"clusters of {run.run['run']}")
        found = _run_record(run, wanted, shared)
        if isinstance(found, Absence):
            absent.append({"run": run.run["run"], **found._asdict()})
        else:
            runs.append(found)
    return {"runs": runs, "absent": absent}


def _run_record(stored: StoredRun, wanted: Wanted, shared: Shared) -> Any:
    """Return a run's graphs, or why there are none.

    Args:
        stored: The run.
        wanted: Which graphs to show.
        shared: What the runs before have; this run's is added.
    """
    run = stored.run
    folds = sorted(set(wanted.folds or sorted(stored.folds.accuracy)[:1]))
    try:
        splits = splits_of(run, wanted.splits)
        found = absence(stored, folds, splits)
        if found is not None:
            return found
        graphs = [
            graph
            for fold in folds
            for graph in _graphs_of(
                trained_network(stored, splits, fold, stored.folds.seeds[0]), stored, wanted, shared
            )
        ]
    except (UsageError, FileNotFoundError) as error:
        return Absence(str(error))
    if not graphs:
        return Absence(f"all of its graphs have more than {wanted.max_nodes} nodes (--max-nodes)")
    return {
        **{name: run[name] for name in ("run", "dataset", "method", "protocol")},
        "part": stored.part,
        "graphs": sorted(graphs, key=lambda graph: (graph["fold"], graph["graph"])),
    }


def _graphs_of(trained: Trained, stored: StoredRun, wanted: Wanted, shared: Shared) -> list[Record]:
    """Return the graphs of one fold, as one network sees them."""
    run, fold = stored.run, trained.cell["fold"]
    answers, classified = _answers(trained)
    same = json.dumps([run["dataset"], run["data"], run["splits"], run["protocol"], fold])
    if same not in shared.graphs:
        shared.graphs[same] = chosen_graphs(classified, wanted.graphs, wanted.max_nodes)
    records = []
    for graph in classified:
        if graph.graph not in shared.graphs[same]:
            continue
        batch, prediction = answers[graph.batch]
        known = (run["data"], graph.graph)
        try:
            levels, position = graph_levels(
                batch, prediction.levels, graph.place, shared.position.get(known)
            )
        except (TypeError, ValueError) as error:
            raise UsageError(f"graph {graph.graph} of fold {fold}: {error}") from error
        shared.position.setdefault(known, position)
        records.append(
            {
                **{name: getattr(graph, name) for name in ("graph", "nodes", "label", "predicted")},
                "probability": round(graph.probability, 4),
                "fold": fold,
                "seed": trained.cell["seed"],
                "levels": levels,
            }
        )
    return records


def _answers(trained: Trained) -> tuple[Answers, list[Classified]]:
    """Return a network's predictions for its fold's batches, and how it classifies their graphs."""
    answers: Answers = []
    classified: list[Classified] = []
    for number, batch in enumerate(trained.loader):
        prediction = trained.predict(batch)
        if not prediction.levels:
            raise UsageError("its network returns no levels")
        answers.append((batch, prediction))
        if not bool(prediction.logits.isfinite().all()):
            raise UsageError("its network's logits are not finite")
        probability, predicted = prediction.logits.softmax(-1).max(-1)
        facts = zip(
            batch.graph_index.tolist(),
            batch.ptr.diff().tolist(),
            batch.y.view(-1).tolist(),
            predicted.tolist(),
            probability.tolist(),
            strict=True,
        )
        for place, (graph, nodes, label, guess, sure) in enumerate(facts):
            classified.append(Classified(graph, nodes, label, guess, sure, number, place))
    return answers, classified
