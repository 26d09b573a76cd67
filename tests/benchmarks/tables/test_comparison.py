import numpy as np
import pytest

from benchmarks.spec.errors import UsageError
from benchmarks.tables.comparison import comparison_rows
from tests.benchmarks.tables.made_runs import fair_cell, write_cells


def test_comparison_pairs_folds_and_gives_students_interval(tmp_path):
    first = [fair_cell(fold, 0, 0.5, value) for fold, value in enumerate((0.5, 0.7, 0.6))]
    second = [fair_cell(fold, 0, 0.5, value) for fold, value in enumerate((0.4, 0.5, 0.3, 0.9))]
    write_cells(tmp_path, "one", first)
    write_cells(tmp_path, "two", second, method="graphsage")
    (row,) = comparison_rows(tmp_path, None, "diffpool", "graphsage")
    assert (row["difference"], row["folds"]) == (20.0, "0-2")
    # t(0.975, 2) = 4.3027; differences 10, 20, 30.
    half = 4.3027 * 10 / np.sqrt(3)
    assert row["low"] == pytest.approx(20 - half, abs=0.01)
    assert row["high"] == pytest.approx(20 + half, abs=0.01)


def test_folds_are_means_over_seeds_and_both_methods_seeds_are_told(tmp_path):
    trained = {0: (0.5, 0.7), 1: (0.6, 0.8)}
    first = [
        fair_cell(fold, 0, 0.5, value, seed)
        for fold, values in trained.items()
        for seed, value in enumerate(values)
    ]
    write_cells(tmp_path, "one", first)
    second = [fair_cell(fold, 0, 0.5, 0.5) for fold in (0, 1)]
    write_cells(tmp_path, "two", second, method="graphsage")
    (row,) = comparison_rows(tmp_path, None, "diffpool", "graphsage")
    assert row["difference"] == 15.0
    assert row["seeds"] == ["0-1", "0"]


def test_comparison_refuses_runs_on_other_splits_and_unknown_methods(tmp_path):
    write_cells(tmp_path, "one", [fair_cell(0, 0, 0.5, 0.5)])
    other = {"sha256": "other", "file": "other.json"}
    write_cells(tmp_path, "two", [fair_cell(0, 0, 0.5, 0.5)], method="graphsage", splits=other)
    with pytest.raises(UsageError, match="different splits or data"):
        comparison_rows(tmp_path, None, "diffpool", "graphsage")
    with pytest.raises(UsageError, match="did you mean 'graphsage'"):
        comparison_rows(tmp_path, None, "diffpool", "graphsagee")


def test_one_fold_has_a_difference_and_no_interval_and_none_has_neither(tmp_path):
    write_cells(tmp_path, "one", [fair_cell(0, 0, 0.5, 0.7), fair_cell(2, 0, 0.5, 0.7)])
    write_cells(tmp_path, "two", [fair_cell(0, 0, 0.5, 0.4)], method="graphsage")
    write_cells(tmp_path, "three", [fair_cell(1, 0, 0.5, 0.4)], method="set2set")
    (row,) = comparison_rows(tmp_path, "fair", "diffpool", "graphsage")
    assert (row["difference"], row["low"], row["high"]) == (30.0, None, None)
    assert (row["folds"], row["runs"]) == ("0", ["one", "two"])
    (row,) = comparison_rows(tmp_path, "fair", "diffpool", "set2set")
    assert (row["difference"], row["low"], row["folds"]) == (None, None, "")
