import pytest

from benchmarks.tables.scores import (
    fair_accuracies,
    numbers_text,
    reference_accuracies,
    result_rows,
)
from tests.benchmarks.tables.made_runs import fair_cell, reference_cell, write_cells


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


def test_the_deviation_between_seeds_is_that_of_the_means_over_folds(tmp_path):
    cells = [
        fair_cell(fold, 0, 0.5, test, seed=seed)
        for fold, tests in ((0, (0.5, 0.6, 0.7)), (1, (0.4, 0.5, 0.3)))
        for seed, test in enumerate(tests)
    ]
    write_cells(tmp_path, "one", cells)
    (row,) = result_rows(tmp_path)
    # Over folds: 60 and 40 %. Over seeds: 45, 55 and 50 %.
    assert (row["mean"], row["std"], row["seeds"]) == (50.0, 10.0, "0-2")
    assert row["std_between_seeds"] == pytest.approx((50 / 3) ** 0.5, abs=0.005)
    assert row["fewer_seeds"] == ""
    write_cells(tmp_path, "one", [fair_cell(2, 0, 0.5, 0.5)])
    (row,) = result_rows(tmp_path)
    assert (row["mean"], row["std_between_seeds"], row["fewer_seeds"]) == (50.0, None, "2")


def test_reference_tells_which_folds_lack_seeds():
    cells = [reference_cell(0, 0, [0.5], seed=seed) for seed in (0, 1)]
    folds = reference_accuracies([*cells, reference_cell(1, 0, [0.5])], 1)
    assert (folds.seeds, folds.fewer_seeds) == ([0, 1], [1])
    assert folds.std_between_seeds() is None


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
    write_cells(tmp_path, "one", [fair_cell(0, 0, 0.5, 0.4), fair_cell(2, 0, 0.5, 0.6)])
    (row,) = result_rows(tmp_path)
    assert (row["mean"], row["std"], row["folds"], row["run"]) == (50.0, 10.0, "0,2", "one")
    assert (row["dataset"], row["method"], row["protocol"]) == ("ENZYMES", "diffpool", "fair")
    assert (row["paper"], row["published"]) == (62.53, 59.5)
    assert (row["best_published"], row["best_published_method"]) == (69.4, "spn")
    assert row["best_published_source"].startswith("Abboud et al. 2022")


def test_of_two_runs_the_fuller_counts_never_the_better(tmp_path):
    later = "2026-02-01T00:00:00+00:00"
    write_cells(tmp_path, "better", [fair_cell(0, 0, 1.0, 1.0)], started=later)
    write_cells(tmp_path, "fuller", [fair_cell(0, 0, 0.1, 0.1), fair_cell(1, 0, 0.1, 0.1)])
    assert [row["run"] for row in result_rows(tmp_path)] == ["fuller"]
    write_cells(tmp_path, "later", [fair_cell(f, 0, 0.05, 0.05) for f in (0, 1)], started=later)
    assert [row["run"] for row in result_rows(tmp_path)] == ["later"]
    assert len(result_rows(tmp_path, all_runs=True)) == 3
    assert result_rows(tmp_path, "reference") == []


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([], ""), ([3], "3"), (range(10), "0-9"), ([0, 1, 2, 5], "0-2,5"), ([0, 2], "0,2")],
)
def test_numbers_are_told_in_ranges(numbers, text):
    assert numbers_text(list(numbers)) == text
