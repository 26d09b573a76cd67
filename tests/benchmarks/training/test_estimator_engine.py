from itertools import product

import numpy as np
import pytest
import torch
from rich.console import Console

from benchmarks.data.registry import find_source
from benchmarks.methods import load_estimator
from benchmarks.records.store import RunStore
from benchmarks.runs import runner
from benchmarks.runs.plan import make_plan
from benchmarks.runs.worker import run_cell
from benchmarks.spec.errors import UsageError
from benchmarks.spec.settings import Settings
from benchmarks.tables.scores import result_rows

METHODS = ("size", "statistics")


def plan_for(method, protocol="fair", overrides=None, folds=(0,), dataset="TINY"):
    return make_plan(dataset, method, protocol, overrides or {}, folds, [0], None)


@pytest.mark.parametrize(("method", "protocol"), [("statistics", "fair"), ("size", "reference")])
def test_a_run_from_the_command_to_the_table(tiny_data, tmp_path, method, protocol):
    plan = plan_for(method, protocol, folds=(0, 1))
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
        assert (cell["test_accuracy"] is None) == (protocol == "reference")
        assert cell["validation_accuracy"] == pytest.approx(max(cell["inner_accuracies"]), abs=1e-4)
        checkpoint = torch.load(store.checkpoint_path(0, cell["fold"], 0))
        assert checkpoint == {"method": method, "chosen": cell["chosen"]}


@pytest.mark.parametrize("method", METHODS)
def test_parameters_are_chosen_on_the_hold_out_and_fitted_with_it(tiny_data, method):
    module, source = load_estimator(method), find_source("TINY")
    fold = source.folds("fair")[0]
    described = module.describe_graphs(source.features(fold.train, Settings()), source.sizes)
    labels = source.targets.numpy()
    train, validation, test = (part.numpy() for part in fold)

    def accuracy(parameters, fitted, met):
        pipeline = module.estimator(described.shape[1], **parameters)
        return pipeline.fit(described[fitted], labels[fitted]).score(described[met], labels[met])

    grid = [
        dict(zip(module.PARAMETERS, p, strict=True)) for p in product(*module.PARAMETERS.values())
    ]
    inner = [accuracy(parameters, train, validation) for parameters in grid]
    chosen = grid[int(np.argmax(inner))]
    record = run_cell(plan_for(method).cells()[0]).record
    assert record["chosen"] == chosen
    assert record["inner_accuracies"] == pytest.approx(inner, abs=1e-4)
    both = np.sort(np.concatenate([train, validation]))
    assert record["test_accuracy"] == accuracy(chosen, both, test)


@pytest.mark.parametrize(("protocol", "part"), [("fair", "test"), ("reference", "validation")])
def test_labels_of_the_reported_graphs_change_no_choice(tiny_data, protocol, part):
    (cell,) = plan_for("statistics", protocol).cells()
    first = run_cell(cell).record
    labels = find_source("TINY").targets
    held = getattr(find_source("TINY").folds(protocol)[0], part)
    labels[held] = 1 - labels[held]
    second = run_cell(cell).record
    assert second["chosen"] == first["chosen"]
    assert second["inner_accuracies"] == first["inner_accuracies"]
    reported = [
        record["test_accuracy"]
        if protocol == "fair"
        else record["curves"]["validation_accuracy"][0]
        for record in (first, second)
    ]
    assert reported[0] == pytest.approx(1 - reported[1])


def test_settings_are_refused_and_parameters_are_in_the_run(tiny_data):
    with pytest.raises(UsageError, match="size is an estimator and has no settings; its param"):
        plan_for("size", overrides={"epochs": 3})
    identity = plan_for("size").identity
    assert identity["configurations"] == [{}]
    assert identity["estimator"]["C"][0] == 1e-3


def test_data_without_classes_are_refused():
    with pytest.raises(UsageError, match="--method size: it takes TU data, one class a graph"):
        plan_for("size", dataset="ogbg-molhiv")


def test_generated_data_are_described():
    record = run_cell(plan_for("statistics", dataset="CommunityChains").cells()[0]).record
    assert 0 <= record["test_accuracy"] <= 1
