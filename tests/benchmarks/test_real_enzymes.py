import os
from pathlib import Path

import pytest

from benchmarks.dataset import cached_dataset, folds_of
from benchmarks.plan import make_plan
from benchmarks.worker import run_cell

DATA = os.environ.get("PYG_DIFFPOOL_DATA", "")


@pytest.mark.real_data
@pytest.mark.skipif(
    not (DATA and ("://" in DATA or (Path(DATA) / "ENZYMES.zip").exists())),
    reason="ENZYMES.zip is not in PYG_DIFFPOOL_DATA",
)
@pytest.mark.parametrize("num_pools", [1])
def test_a_few_epochs_on_enzymes_beat_chance(num_pools):
    cached_dataset.cache_clear()
    folds_of.cache_clear()
    overrides = {"num_pools": num_pools, "epochs": 6}
    plan = make_plan("ENZYMES", "diffpool", "fair", overrides, [0], [0], None)
    record = run_cell(plan.cells()[0]).record
    assert record["graphs"] == {"train": 486, "validation": 54, "test": 60}
    assert record["features"] == 21
    # Chance is 1/6; six epochs of one seed reach about 40 %.
    assert record["test_accuracy"] > 0.27
