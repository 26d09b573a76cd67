import json
import math

import pytest

from benchmarks.clusters.checkpoints import read_run
from benchmarks.report.curves import configuration_texts, curves_record
from tests.benchmarks.tables.made_runs import reference_cell, write_cells


@pytest.mark.parametrize("name", ["diffpool", "reference", "nolp", "flat"])
def test_curves_are_those_of_the_cells(made, name):
    stored = read_run(made.results, made.runs[name])
    record = curves_record(stored)
    assert record["run"] == made.runs[name]
    assert [(cell["fold"], cell["best_epoch"]) for cell in record["cells"]] == [
        (cell["fold"], cell["best_epoch"]) for cell in stored.cells
    ]
    for shown, cell in zip(record["cells"], stored.cells, strict=True):
        assert set(shown["curves"]) == set(cell["curves"])
        for curve, values in cell["curves"].items():
            assert shown["curves"][curve] == pytest.approx(values, rel=1e-3)
    assert record["selected"] == {str(fold): 0 for fold in stored.folds.accuracy}
    assert record["best_epoch"] == stored.folds.best_epoch
    assert (record["best_epoch"] is None) == (name != "reference")


def test_a_kernel_has_no_curves(made):
    assert curves_record(read_run(made.results, made.runs["kernel"])) is None


def test_what_is_not_finite_is_left_open(tmp_path):
    cell = {**reference_cell(0, 0, [0.123456, math.nan]), "best_epoch": 1}
    write_cells(tmp_path, "r", [cell], protocol="reference")
    record = curves_record(read_run(tmp_path, "r"))
    assert record["cells"][0]["curves"] == {"validation_accuracy": [0.1235, None]}
    json.dumps(record, allow_nan=False)


def test_configurations_are_named_by_what_differs():
    tried = [{"lr": 1, "hidden": 8, "scale": None}, {"lr": 1, "hidden": 16, "scale": None}]
    assert configuration_texts(tried) == ["hidden=8", "hidden=16"]
    assert configuration_texts([{"lr": 1}, {"lr": 1, "late": 2}]) == ["late=None", "late=2"]
    assert configuration_texts([{"lr": 1}]) == [""]
