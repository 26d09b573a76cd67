"""Accuracies, or another metric, recomputed from the stored cells by each protocol's rules."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from benchmarks.data.task import metric_of, score_key
from benchmarks.records.store import stored_runs
from benchmarks.spec import published

Cells = Sequence[dict[str, Any]]


class FoldAccuracies(NamedTuple):
    """One score a fold (seeds averaged), from which every figure of a row follows.

    ``by_seed`` has one score a seed (folds averaged) under ``fair``: what varies where there is
    one official split. ``trainings`` is the number of seeds that a fold's score is the mean of. The
    scores are accuracies unless the cells name another metric.
    """

    accuracy: dict[int, float]
    seeds: list[int]
    selected: dict[int, int]
    best_epoch: int | None
    by_seed: dict[int, float]
    metric: str
    trainings: dict[int, int]

    @property
    def fewer_seeds(self) -> list[int]:
        """The folds that lack some of the seeds, which others have."""
        return [fold for fold, number in self.trainings.items() if number < len(self.seeds)]

    def std_between_seeds(self) -> float | None:
        """Population deviation of the mean over folds between seeds, in per cent.

        None where there is one seed, or a fold lacks one: then other folds are averaged.
        """
        if self.fewer_seeds or len(self.by_seed) < 2:
            return None
        return mean_and_std(self.by_seed.values())["std"]


class RunResult(NamedTuple):
    """A stored run with its accuracies over folds."""

    run: dict[str, Any]
    folds: FoldAccuracies


def fair_accuracies(cells: Cells, num_configurations: int) -> FoldAccuracies:
    """Choose each fold's configuration on its validation graphs and take that one's test accuracy.

    A fold counts when every configuration has been trained on it, with the seeds that all of them
    have. Accuracies are averaged over seeds before the choice; a tie goes to the lower validation
    loss, then to the earlier configuration. Nothing here reads a test accuracy before the choice.
    """
    accuracy: dict[int, float] = {}
    selected: dict[int, int] = {}
    by_seed: dict[int, list[float]] = defaultdict(list)
    trainings: dict[int, int] = {}
    for fold, by_configuration in sorted(_by_fold(cells).items()):
        seeds = _shared_seeds(by_configuration, num_configurations)
        if not seeds:
            continue

        def validation(
            configuration: int,
            tried: dict[int, dict[int, dict[str, Any]]] = by_configuration,
            seeds: set[int] = seeds,
        ) -> tuple[float, float, int]:
            chosen = [tried[configuration][seed] for seed in sorted(seeds)]
            return (
                _mean([cell[score_key(cell, "validation")] for cell in chosen]),
                -_mean([cell["validation_loss"] for cell in chosen]),
                -configuration,
            )

        winner = max(by_configuration, key=validation)
        selected[fold] = winner
        tested = {seed: by_configuration[winner][seed] for seed in sorted(seeds)}
        scores = {seed: cell[score_key(cell, "test")] for seed, cell in tested.items()}
        accuracy[fold] = _mean(list(scores.values()))
        trainings[fold] = len(scores)
        for seed, value in scores.items():
            by_seed[seed].append(value)
    return FoldAccuracies(
        accuracy,
        sorted(by_seed),
        selected,
        None,
        {seed: _mean(by_seed[seed]) for seed in sorted(by_seed)},
        _metric(cells),
        trainings,
    )


def reference_accuracies(cells: Cells, num_configurations: int) -> FoldAccuracies:
    """Take the epoch and configuration with the highest validation accuracy averaged over folds.

    The curves run over the folds that every configuration has; this is the paper's own protocol,
    optimistic by construction.
    """
    curves: dict[int, dict[int, np.ndarray]] = defaultdict(dict)
    used_seeds: set[int] = set()
    trainings: dict[int, int] = {}
    for fold, by_configuration in sorted(_by_fold(cells).items()):
        seeds = _shared_seeds(by_configuration, num_configurations)
        for configuration, by_seed in by_configuration.items() if seeds else ():
            values = [
                by_seed[seed]["curves"][score_key(by_seed[seed], "validation")]
                for seed in sorted(seeds)
            ]
            curves[configuration][fold] = np.mean(values, axis=0)
        used_seeds |= seeds
        if seeds:
            trainings[fold] = len(seeds)
    if not curves:
        return FoldAccuracies({}, [], {}, None, {}, _metric(cells), {})
    mean_curves = {
        number: np.mean(list(by_fold.values()), axis=0) for number, by_fold in curves.items()
    }
    winner = max(sorted(mean_curves), key=lambda number: float(mean_curves[number].max()))
    epoch = int(mean_curves[winner].argmax())
    accuracy = {fold: float(curve[epoch]) for fold, curve in curves[winner].items()}
    return FoldAccuracies(
        accuracy,
        sorted(used_seeds),
        dict.fromkeys(accuracy, winner),
        epoch + 1,
        {},
        _metric(cells),
        trainings,
    )


def run_accuracies(run: dict[str, Any], cells: Cells) -> FoldAccuracies:
    """Return a stored run's accuracies by the rule of its protocol."""
    compute = fair_accuracies if run["protocol"] == "fair" else reference_accuracies
    return compute(cells, len(run["configurations"]))


def run_results(results: Path, protocol: str | None, *, all_runs: bool = False) -> list[RunResult]:
    """Return one run for each data set, method and protocol, or all of them.

    Of several runs of one row the one with most folds is taken, then the one started last; never
    the one with the best accuracy, which would be a choice on the test folds.
    """
    rows: dict[tuple[str, str, str], list[RunResult]] = defaultdict(list)
    for store, run in stored_runs(results):
        if protocol is not None and run["protocol"] != protocol:
            continue
        result = RunResult(run, run_accuracies(run, store.cells()))
        if result.folds.accuracy:
            rows[run["dataset"], run["method"], run["protocol"]].append(result)
    chosen: list[RunResult] = []
    for key in sorted(rows):
        ordered = sorted(
            rows[key],
            key=lambda result: (len(result.folds.accuracy), result.run["started"]),
            reverse=True,
        )
        chosen += ordered if all_runs else ordered[:1]
    return chosen


def result_rows(
    results: Path, protocol: str | None = None, *, all_runs: bool = False
) -> list[dict[str, Any]]:
    """Return the table's rows: accuracies in per cent, with published figures beside them."""
    return [_row(result) for result in run_results(results, protocol, all_runs=all_runs)]


def numbers_text(numbers: Sequence[int]) -> str:
    """Return ascending numbers as text such as ``0-9`` or ``0-2,5``."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)


def mean_and_std(scores: Iterable[float]) -> dict[str, float | None]:
    """Return the mean of scores and their population standard deviation, in per cent.

    One score has no deviation.
    """
    values = 100 * np.array(list(scores))
    std = round(float(values.std()), 2) if len(values) > 1 else None
    return {"mean": round(float(values.mean()), 2), "std": std}


def interval(scores: Iterable[float]) -> tuple[float | None, float | None]:
    """Return the ends of Student's 95 % interval of the mean of scores, in per cent.

    It is approximate for scores of folds, which share training graphs. One score has none.
    """
    values = 100 * np.array(list(scores))
    if len(values) < 2:
        return None, None
    spread = values.std(ddof=1) / np.sqrt(len(values))
    half = float(stats.t.ppf(0.975, len(values) - 1) * spread)
    mean = float(values.mean())
    return round(mean - half, 2), round(mean + half, 2)


def _row(result: RunResult) -> dict[str, Any]:
    run, folds = result
    dataset, method, protocol = run["dataset"], run["method"], run["protocol"]
    # One official split has no spread over folds; OGB's tables give the spread over seeds.
    official = "official" in run["splits"]
    scores = folds.by_seed if official else folds.accuracy
    low, high = interval(scores.values())
    paper = published.paper(dataset, method)
    same = published.published(dataset, method, protocol)
    best = published.best_published(dataset, protocol)
    return {
        "dataset": dataset,
        "method": method,
        "protocol": protocol,
        "metric": folds.metric,
        **mean_and_std(scores.values()),
        "official": official,
        "low": low,
        "high": high,
        "folds": numbers_text(list(folds.accuracy)),
        "seeds": numbers_text(folds.seeds),
        "fewer_seeds": numbers_text(folds.fewer_seeds),
        "std_between_seeds": None if official else folds.std_between_seeds(),
        "epoch": folds.best_epoch,
        "selected": numbers_text(sorted(set(folds.selected.values()))),
        "paper": paper.mean if paper else None,
        "published": same.mean if same else None,
        "best_published": best[1].mean if best else None,
        "best_published_method": best[0] if best else None,
        "best_published_source": best[1].source if best else None,
        "run": run["run"],
    }


def _metric(cells: Cells) -> str:
    return metric_of(cells[0] if cells else {})


def _by_fold(cells: Cells) -> dict[int, dict[int, dict[int, dict[str, Any]]]]:
    """Return the cells by fold, configuration and seed."""
    folds: dict[int, dict[int, dict[int, dict[str, Any]]]] = defaultdict(lambda: defaultdict(dict))
    for cell in cells:
        folds[cell["fold"]][cell["configuration"]][cell["seed"]] = cell
    return folds


def _shared_seeds(
    by_configuration: dict[int, dict[int, dict[str, Any]]], num_configurations: int
) -> set[int]:
    """Return the seeds that every configuration has been trained with."""
    if len(by_configuration) < num_configurations:
        return set()
    return set.intersection(*(set(by_seed) for by_seed in by_configuration.values()))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
