import pytest
import torch

from benchmarks.data.registry import find_source
from benchmarks.runs.plan import make_plan
from benchmarks.runs.worker import run_cell
from tests.benchmarks.real_data import skip_without


@pytest.mark.real_data
@pytest.mark.parametrize("num_pools", [1])
def test_a_few_epochs_on_enzymes_beat_chance(num_pools):
    skip_without("ENZYMES")
    find_source.cache_clear()
    overrides = {"num_pools": num_pools, "epochs": 15}
    plan = make_plan("ENZYMES", "diffpool", "fair", overrides, [0], [0], None)
    record = run_cell(plan.cells()[0]).record
    assert record["graphs"] == {"train": 486, "validation": 54, "test": 60}
    assert record["features"] == 21
    # Chance is 1/6; fifteen epochs of one seed reach about 43 %.
    assert record["test_accuracy"] > 0.3


@pytest.mark.real_data
@pytest.mark.parametrize("method", ["diffpool", "ecc"])
@pytest.mark.parametrize("precision", ["32-true", "64-true", "bf16-mixed", "16-mixed"])
def test_every_precision_trains_on_a_fold(precision, method):
    skip_without("ENZYMES")
    overrides = {"epochs": 1, "batch_size": 60, "precision": precision}
    plan = make_plan("ENZYMES", method, "fair", overrides, [0], [0], None)
    result = run_cell(plan.cells()[0])
    assert 0 <= result.record["test_accuracy"] <= 1
    weight = next(iter(result.checkpoint["state_dict"].values()))
    assert weight.dtype == (torch.float64 if precision == "64-true" else torch.float32)
