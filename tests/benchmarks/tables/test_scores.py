import json

import numpy as np
import pytest

from benchmarks.records import table_format
from benchmarks.records.store import RunStore
from benchmarks.spec import published
from benchmarks.spec.errors import UsageError
from benchmarks.tables.comparison import comparison_rows
from benchmarks.tables.scores import (
    fair_accuracies,
    numbers_text,
    reference_accuracies,
    result_rows,
)


def fair_cell(fold, configuration, validation, test, seed=0, loss=1.0):
    return {
        "configuration": configuration,
        "fold": fold,
        "seed": seed,
        "validation_accuracy": validation,
        "validation_loss": loss,
        "test_accuracy": test,
        "curves": {"validation_accuracy": [validation]},
    }


def reference_cell(fold, configuration, curve, seed=0):
    return {
        "configuration": configuration,
        "fold": fold,
        "seed": seed,
        "validation_accuracy": max(curve),
        "validation_loss": 1.0,
        "test_accuracy": None,
        "curves": {"validation_accuracy": curve},
    }


def write_run(results, run_id, cells, **changes):
    run = {
        "run": run_id,
        "dataset": "ENZYMES",
        "method": "diffpool",
        "protocol": "fair",
        "configurations": [{}],
        "splits": {"sha256": "s", "file": "splits.json"},
        "data": "d",
        "started": "2026-01-01T00:00:00+00:00",
        **changes,
    }
    store = RunStore(results, run_id)
    store.write_run(run)
    for cell in cells:
        store.write_cell(cell)


def test_each_fold_takes_the_test_accuracy_of_its_best_validated_configuration():
    cells = [
        fair_cell(0, 0, validation=0.9, test=0.1),
        fair_cell(0, 1, validation=0.8, test=1.0),
        fair_cell(1, 0, validation=0.2, test=1.0),
        fair_cell(1, 1, validation=0.3, test=0.4),
    ]
    folds = fair_accuracies(cells, 2)
    assert folds.accuracy == {0: 0.1, 1: 0.4}
    assert folds.selected == {0: 0, 1: 1}


def test_a_tie_goes_to_the_lower_validation_loss():
    cells = [
        fair_cell(0, 0, 0.5, test=0.1, loss=2.0),
        fair_cell(0, 1, 0.5, test=0.2, loss=1.0),
    ]
    assert fair_accuracies(cells, 2).accuracy == {0: 0.2}


def test_seeds_are_averaged_before_the_choice_and_only_shared_ones_count():
    cells = [
        fair_cell(0, 0, 1.0, 0.6, seed=0),
        fair_cell(0, 0, 0.0, 0.2, seed=1),
        fair_cell(0, 1, 0.4, 0.9, seed=0),
        fair_cell(0, 1, 0.4, 0.9, seed=1),
        fair_cell(0, 1, 1.0, 0.0, seed=2),
    ]
    folds = fair_accuracies(cells, 2)
    assert folds.accuracy == {0: pytest.approx(0.4)}
    assert folds.seeds == [0, 1]


def test_a_fold_without_all_configurations_does_not_count():
    cells = [fair_cell(0, 0, 0.5, 0.5), fair_cell(0, 1, 0.5, 0.5), fair_cell(1, 0, 0.5, 0.5)]
    assert list(fair_accuracies(cells, 2).accuracy) == [0]
    assert fair_accuracies(cells[2:], 2).accuracy == {}


def test_reference_takes_the_best_epoch_of_the_mean_curve():
    cells = [
        reference_cell(0, 0, [0.2, 1.0, 0.5]),
        reference_cell(1, 0, [0.2, 0.0, 0.6]),
        reference_cell(0, 1, [0.1, 0.3, 0.1]),
        reference_cell(1, 1, [0.1, 0.3, 0.1]),
    ]
    folds = reference_accuracies(cells, 2)
    assert folds.accuracy == {0: 0.5, 1: 0.6}
    assert folds.best_epoch == 3
    assert set(folds.selected.values()) == {0}


def test_reference_averages_curves_over_seeds():
    cells = [reference_cell(0, 0, [0.0, 0.5]), reference_cell(0, 0, [0.8, 0.1], seed=1)]
    folds = reference_accuracies(cells, 1)
    assert folds.accuracy == {0: pytest.approx(0.4)}
    assert folds.best_epoch == 1


def test_rows_are_in_per_cent_with_the_population_deviation_and_published_figures(tmp_path):
    write_run(tmp_path, "one", [fair_cell(0, 0, 0.5, 0.4), fair_cell(2, 0, 0.5, 0.6)])
    (row,) = result_rows(tmp_path)
    assert (row["mean"], row["std"], row["folds"], row["run"]) == (50.0, 10.0, "0,2", "one")
    assert (row["dataset"], row["method"], row["protocol"]) == ("ENZYMES", "diffpool", "fair")
    assert (row["paper"], row["published"]) == (62.53, 59.5)
    assert (row["best_published"], row["best_published_method"]) == (65.2, "baseline")


def test_of_two_runs_the_fuller_counts_never_the_better(tmp_path):
    later = "2026-02-01T00:00:00+00:00"
    write_run(tmp_path, "better", [fair_cell(0, 0, 1.0, 1.0)], started=later)
    write_run(tmp_path, "fuller", [fair_cell(0, 0, 0.1, 0.1), fair_cell(1, 0, 0.1, 0.1)])
    assert [row["run"] for row in result_rows(tmp_path)] == ["fuller"]
    write_run(tmp_path, "later", [fair_cell(f, 0, 0.05, 0.05) for f in (0, 1)], started=later)
    assert [row["run"] for row in result_rows(tmp_path)] == ["later"]
    assert len(result_rows(tmp_path, all_runs=True)) == 3
    assert result_rows(tmp_path, "reference") == []


def test_comparison_pairs_folds_and_gives_students_interval(tmp_path):
    first = [fair_cell(fold, 0, 0.5, value) for fold, value in enumerate((0.5, 0.7, 0.6))]
    second = [fair_cell(fold, 0, 0.5, value) for fold, value in enumerate((0.4, 0.5, 0.3, 0.9))]
    write_run(tmp_path, "one", first)
    write_run(tmp_path, "two", second, method="graphsage")
    (row,) = comparison_rows(tmp_path, None, "diffpool", "graphsage")
    assert (row["difference"], row["folds"]) == (20.0, "0-2")
    # t(0.975, 2) = 4.3027; differences 10, 20, 30.
    half = 4.3027 * 10 / np.sqrt(3)
    assert row["low"] == pytest.approx(20 - half, abs=0.01)
    assert row["high"] == pytest.approx(20 + half, abs=0.01)


def test_comparison_refuses_runs_on_other_splits_and_unknown_methods(tmp_path):
    write_run(tmp_path, "one", [fair_cell(0, 0, 0.5, 0.5)])
    other = {"sha256": "other", "file": "other.json"}
    write_run(tmp_path, "two", [fair_cell(0, 0, 0.5, 0.5)], method="graphsage", splits=other)
    with pytest.raises(UsageError, match="different splits or data"):
        comparison_rows(tmp_path, None, "diffpool", "graphsage")
    with pytest.raises(UsageError, match="did you mean 'graphsage'"):
        comparison_rows(tmp_path, None, "diffpool", "graphsagee")


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([], ""), ([3], "3"), (range(10), "0-9"), ([0, 1, 2, 5], "0-2,5"), ([0, 2], "0,2")],
)
def test_numbers_are_told_in_ranges(numbers, text):
    assert numbers_text(list(numbers)) == text


def test_markdown_labels_the_reference_protocol_as_optimistic(tmp_path, capsys):
    cells = [reference_cell(fold, 0, [0.5, 0.625]) for fold in range(10)]
    write_run(tmp_path, "one", cells, protocol="reference")
    table_format.show(result_rows(tmp_path), table_format.RESULTS, "markdown")
    line = capsys.readouterr().out.splitlines()[2]
    assert "| reference (optimistic) | 62.50 ± 0.00 | 0-9 | 0 | 62.53 |" in line


def test_one_fold_has_no_spread(tmp_path, capsys):
    write_run(tmp_path, "one", [fair_cell(0, 0, 0.5, 0.625)])
    (row,) = result_rows(tmp_path)
    assert row["std"] is None
    table_format.show([row], table_format.RESULTS, "markdown")
    assert "| fair | 62.50 | 0 | 0 |" in capsys.readouterr().out


def test_json_is_a_list_of_rows(tmp_path, capsys):
    table_format.show(result_rows(tmp_path), table_format.RESULTS, "json")
    assert json.loads(capsys.readouterr().out) == []


def test_published_figures_are_those_of_the_sources():
    assert published.paper("PROTEINS", "diffpool").mean == 76.25
    assert published.paper("COLLAB", "diffpool-nolp").mean == 75.58
    assert published.paper("REDDIT-MULTI-5K", "diffpool") is None
    assert published.published("DD", "diffpool", "fair") == (75.0, 3.5)
    assert published.best_published("COLLAB", "reference")[0] == "diffpool-det"
    assert published.best_published("REDDIT-MULTI-12K", "fair") is None
