"""The gain column: a method's mean difference to the baseline over the data sets that both have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from benchmarks.spec import published
from benchmarks.tables.scores import RunResult

_PRINTED_TO = 0.005
"""Half a unit of the last digit that the paper prints."""


class Gain(NamedTuple):
    """A mean difference in points of accuracy, and the data sets over which it was taken."""

    mean: float
    datasets: list[str]

    def as_dict(self) -> dict[str, Any]:
        """Return the gain as JSON-ready values."""
        return {"mean": round(self.mean, 2), "datasets": self.datasets}


def our_gain(
    results: Mapping[tuple[str, str], RunResult], method: str, datasets: Iterable[str]
) -> Gain | None:
    """Return a method's gain over our cells, on each data set over the folds that both have.

    Args:
        results: Runs by data set and method, all of one protocol and on the same folds.
        method: The method.
        datasets: The data sets that may take part.
    """
    differences: dict[str, float] = {}
    for dataset in datasets:
        pair = [results.get((dataset, name)) for name in (method, published.BASELINE)]
        if pair[0] is None or pair[1] is None:
            continue
        ours, base = (result.folds.accuracy for result in pair if result is not None)
        shared = ours.keys() & base.keys()
        if shared:
            total = sum(ours[fold] - base[fold] for fold in shared)
            differences[dataset] = 100 * total / len(shared)
    return _gain(method, differences)


def paper_gain(method: str, datasets: Iterable[str]) -> Gain | None:
    """Return what follows from the paper's own cells, over those of the data sets that it has."""
    differences = {
        dataset: figure.mean - base.mean
        for dataset in datasets
        if (figure := published.paper(dataset, method)) is not None
        and (base := published.paper(dataset, published.BASELINE)) is not None
    }
    return _gain(method, differences)


def misprinted(method: str) -> float | None:
    """Return the gain that the paper prints, if it does not follow from its cells."""
    printed = published.PRINTED_GAINS.get(method)
    follows = paper_gain(method, published.TABLE_1_DATASETS)
    if printed is None or follows is None:
        return None
    return printed if abs(printed - follows.mean) > _PRINTED_TO + 1e-9 else None


def _gain(method: str, differences: Mapping[str, float]) -> Gain | None:
    if method == published.BASELINE or not differences:
        return None
    return Gain(sum(differences.values()) / len(differences), list(differences))
