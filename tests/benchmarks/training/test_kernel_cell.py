import numpy as np
import pytest
import torch
from rich.console import Console

from benchmarks.data.registry import find_source
from benchmarks.records.store import RunStore
from benchmarks.runs import runner
from benchmarks.runs.worker import run_cell
from benchmarks.tables.scores import result_rows
from benchmarks.training import kernel_cell
from benchmarks.training.gram_cache import are_cached
from tests.benchmarks.runs.plans import fair_plan


@pytest.mark.parametrize(("method", "protocol"), [("wl-oa", "fair"), ("graphlet", "reference")])
def test_a_run_from_the_command_to_the_table(tiny_data, tmp_path, method, protocol):
    plan = fair_plan(method, protocol=protocol, folds=(0, 1))
    assert runner.run(plan, tmp_path / "results", 1, Console(quiet=True)) == 0
    store = RunStore(tmp_path / "results", plan.run_id)
    cells = store.cells()
    held = [
        cell["test_accuracy"] if protocol == "fair" else cell["curves"]["validation_accuracy"][0]
        for cell in cells
    ]
    (row,) = result_rows(tmp_path / "results")
    assert row["mean"] == pytest.approx(100 * np.mean(held), abs=0.01)
    assert row["folds"] == "0-1"
    for cell in cells:
        assert cell["chosen"]["C"] in (1e-3, 1e-2, 1e-1, 1, 10, 100, 1000)
        assert cell["chosen"]["iterations"] in (range(6) if method.startswith("wl") else (None,))
        assert cell["validation_accuracy"] == pytest.approx(
            np.max(cell["inner_accuracies"]), abs=1e-4
        )
        assert (cell["test_accuracy"] is None) == (protocol == "reference")
        checkpoint = torch.load(store.checkpoint_path(0, cell["fold"], 0))
        assert checkpoint["chosen"] == cell["chosen"]


def test_labels_that_tell_the_classes_are_learnt(tiny_data):
    # The label of most nodes is the graph's class: one Weisfeiler-Lehman histogram shows it.
    record = run_cell(fair_plan("wl").cells()[0]).record
    assert record["test_accuracy"] == 1
    assert record["chosen"]["iterations"] == 0


def test_labels_of_the_test_graphs_change_no_choice(tiny_data):
    (cell,) = fair_plan("shortest-path").cells()
    first = run_cell(cell)
    labels = find_source("TINY").targets
    test = find_source("TINY").folds("fair")[0].test
    labels[test] = 1 - labels[test]
    second = run_cell(cell)
    assert second.record["test_accuracy"] == pytest.approx(1 - first.record["test_accuracy"])
    for key in ("chosen", "inner_accuracies", "validation_accuracy"):
        assert second.record[key] == first.record[key]
    for key in ("support", "dual_coefficients", "intercept"):
        assert torch.equal(second.checkpoint[key], first.checkpoint[key])


def test_validation_graphs_train_under_fair(tiny_data):
    (cell,) = fair_plan("graphlet").cells()
    fold = find_source("TINY").folds("fair")[0]
    first = run_cell(cell).record
    labels = find_source("TINY").targets
    labels[fold.validation] = 1 - labels[fold.validation]
    assert run_cell(cell).record["inner_accuracies"] != first["inner_accuracies"]


def test_the_gram_matrices_are_computed_before_the_cells(tiny_data, tmp_path, monkeypatch):
    plan = fair_plan("graphlet")
    graphs = kernel_cell.graphs_of(find_source("TINY"))
    assert not are_cached("graphlet", graphs)
    kernel_cell.prepare_grams(find_source("TINY"), "graphlet", 1, Console(quiet=True))
    assert are_cached("graphlet", graphs)
    monkeypatch.setattr("benchmarks.methods.graphlet.grams", None)
    assert runner.run(plan, tmp_path / "results", 1, Console(quiet=True)) == 0
