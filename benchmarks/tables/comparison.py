"""Two methods compared by their paired difference over folds."""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.spec.errors import UsageError, unknown_name
from benchmarks.tables.scores import RunResult, interval, numbers_text, run_results


def comparison_rows(
    results: Path, protocol: str | None, first: str, second: str
) -> list[dict[str, Any]]:
    """Return the paired mean difference, first minus second, for each data set and protocol.

    A fold's accuracy is the mean over its seeds, whose number may differ between the methods. The
    95 % interval is Student's t over the folds that both methods have. Folds share training
    graphs, so the interval is approximate. Runs on different folds of the data are no pair.
    """
    runs = run_results(results, protocol)
    by_method: dict[str, dict[tuple[str, str], RunResult]] = {}
    for result in runs:
        key = (result.run["dataset"], result.run["protocol"])
        by_method.setdefault(result.run["method"], {})[key] = result
    for method in (first, second):
        if method not in by_method:
            raise unknown_name("method with results", method, by_method)
    rows = []
    for key in sorted(by_method[first].keys() & by_method[second].keys()):
        one, other = by_method[first][key], by_method[second][key]
        if _folds_source(one) != _folds_source(other):
            raise UsageError(
                f"--compare: {key[0]} under {key[1]}: runs {one.run['run']} and "
                f"{other.run['run']} were trained on different splits or data"
            )
        rows.append(_row(one, other))
    return rows


def _folds_source(result: RunResult) -> tuple[Any, Any, Any]:
    splits = result.run["splits"]
    return splits.get("sha256"), splits.get("seed"), result.run["data"]


def _row(one: RunResult, other: RunResult) -> dict[str, Any]:
    shared = sorted(one.folds.accuracy.keys() & other.folds.accuracy.keys())
    differences = [one.folds.accuracy[fold] - other.folds.accuracy[fold] for fold in shared]
    low, high = interval(differences)
    return {
        "dataset": one.run["dataset"],
        "protocol": one.run["protocol"],
        "first": one.run["method"],
        "second": other.run["method"],
        "difference": round(100 * float(np.mean(differences)), 2) if shared else None,
        "low": low,
        "high": high,
        "folds": numbers_text(shared),
        "seeds": [numbers_text(each.folds.seeds) for each in (one, other)],
        "runs": [one.run["run"], other.run["run"]],
    }
