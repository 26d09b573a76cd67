"""Runs side by side: accuracy by the number of clusters, and what the link objective changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clusters.checkpoints import StoredRun, read_run
from benchmarks.records.store import stored_runs
from benchmarks.spec.objective_weights import recorded_link_weight
from benchmarks.tables.scores import numbers_text

Record = dict[str, Any]


def related_runs(results: Path, run_ids: Sequence[str]) -> list[StoredRun]:
    """Return the runs to compare: those named, or for one all of its data set and protocol.

    Runs whose networks pool nothing, and runs on other folds or data, are left out.
    """
    named = [read_run(results, run_id) for run_id in run_ids]
    if len(named) > 1:
        return named
    first = named[0].run
    found = []
    for store, run in stored_runs(results):
        if all(run[key] == first[key] for key in ("dataset", "protocol", "splits", "data")):
            stored = read_run(results, store.run_id)
            if any(stored.clusters):
                found.append(stored)
    return found


def sensitivity_rows(runs: Sequence[StoredRun]) -> list[Record]:
    """Return one row a run, by data set, protocol and number of clusters, with its figures.

    Figures are those of ``analysis.json``, None where the run has not been analysed.
    """
    rows = []
    for stored in runs:
        accuracy = 100 * np.array(list(stored.folds.accuracy.values()))
        if not len(accuracy):
            continue
        settings = stored.run["configurations"]
        rows.append(
            {
                "run": stored.run["run"],
                "dataset": stored.run["dataset"],
                "protocol": stored.run["protocol"],
                "method": stored.run["method"],
                "clusters": _largest(stored.clusters),
                "max_clusters": sorted({each.get("max_clusters") for each in settings}),
                "cluster_ratio": sorted({each.get("cluster_ratio") for each in settings}),
                "link_weight": sorted({each.get("link_weight") for each in settings}),
                "mean": round(float(accuracy.mean()), 2),
                "std": round(float(accuracy.std()), 2),
                "folds": numbers_text(list(stored.folds.accuracy)),
                "levels": (_analysis(stored) or {}).get("levels"),
            }
        )
    keys = ("dataset", "protocol", "clusters", "method", "run")
    return sorted(
        rows, key=lambda row: tuple(str(row[k]) if k != "clusters" else row[k] for k in keys)
    )


def link_effects(runs: Sequence[StoredRun]) -> list[Record]:
    """Return what the link objective changes, for each pair of runs with and without it.

    Runs are a pair if they have the same network, data, folds, protocol and numbers of clusters.
    Accuracy and figures are differences, with less without, over the folds and seeds that both
    have. The settings in which a pair differs otherwise are named.
    """
    return [
        _effect(with_link, without)
        for without in runs
        for with_link in runs
        if (_has_link(with_link), _has_link(without)) == (True, False)
        and _same_network_and_task(with_link, without)
    ]


def _effect(with_link: StoredRun, without: StoredRun) -> Record:
    ours, theirs = with_link.folds.accuracy, without.folds.accuracy
    shared = sorted(ours.keys() & theirs.keys())
    accuracy = [100 * (ours[fold] - theirs[fold]) for fold in shared]
    return {
        "dataset": with_link.run["dataset"],
        "protocol": with_link.run["protocol"],
        "clusters": _largest(with_link.clusters),
        "with": with_link.run["run"],
        "without": without.run["run"],
        "folds": numbers_text(shared),
        "accuracy": round(float(np.mean(accuracy)), 2) if accuracy else None,
        "levels": _level_differences(_analysis(with_link), _analysis(without)),
        "also_differ": _other_settings(with_link, without),
    }


def _level_differences(ours: Record | None, theirs: Record | None) -> list[Record] | None:
    """Return the mean difference of each figure over the cells that both analyses have."""
    if ours is None or theirs is None:
        return None
    cells = [
        {(f["fold"], f["seed"]): f["levels"] for f in each["folds"]} for each in (ours, theirs)
    ]
    shared = sorted(cells[0].keys() & cells[1].keys())
    if not shared:
        return None
    differences = []
    for number in range(min(len(ours["levels"]), len(theirs["levels"]))):
        level: Record = {}
        both = [key for key in shared if all(number < len(each[key]) for each in cells)]
        for name in ours["levels"][number]:
            pairs = [(cells[0][key][number][name], cells[1][key][number][name]) for key in both]
            known = [one - other for one, other in pairs if one is not None and other is not None]
            level[name] = round(float(np.mean(known)), 6) if known else None
        differences.append(level)
    return differences


def _analysis(stored: StoredRun) -> Record | None:
    path = stored.store.folder / "analysis.json"
    if not path.exists():
        return None
    record: Record = json.loads(path.read_bytes())
    return record


def _has_link(stored: StoredRun) -> bool | None:
    """Tell whether all of a run's configurations have the link objective; None if some have it."""
    has = {recorded_link_weight(settings) != 0 for settings in stored.run["configurations"]}
    return has.pop() if len(has) == 1 else None


def _same_network_and_task(one: StoredRun, other: StoredRun) -> bool:
    keys = ("dataset", "protocol", "splits", "data")
    same = all(one.run[key] == other.run[key] for key in keys)
    networks = {stored.run["method"].removesuffix("-nolp") for stored in (one, other)}
    return (
        same
        and len(networks) == 1
        and any(one.clusters)
        and _largest(one.clusters) == _largest(other.clusters)
    )


def _other_settings(one: StoredRun, other: StoredRun) -> list[str]:
    """Return the settings besides the weight that differ in any of the configurations."""
    first, second = one.run["configurations"], other.run["configurations"]
    if len(first) != len(second):
        return ["number of configurations"]
    names = {name for settings in (*first, *second) for name in settings} - {"link_weight"}
    return sorted(
        name for name in names if [s.get(name) for s in first] != [s.get(name) for s in second]
    )


def _largest(clusters: Sequence[list[int]]) -> list[int]:
    """Return the largest number of clusters of each pooling over the folds."""
    return max(clusters, default=[])
