import os

import pytest
import torch

from benchmarks.runs.worker import run_cell
from benchmarks.spec.errors import DivergedError, UsageError
from benchmarks.spec.settings import from_record
from benchmarks.training import ranks
from tests.benchmarks.runs.plans import plan_for

# 36 graphs, 7 a batch: parts of 4 and 3, and a last batch of one graph, of which one process has
# none. Of the 4 graphs of the validation it has one.
SETTINGS = {
    "epochs": 3,
    "batch_size": 7,
    "eval_batch_size": 3,
    "num_layers": 1,
    "num_pools": 1,
    "hidden_channels": 4,
    "max_clusters": 3,
    "batch_norm": False,
    "dropout": 0.0,
    "link_weight": 1.0,
    "precision": "64-true",
    "learning_rate": 0.01,
    "ema_decay": 0.5,
}


def cell_of(**changes):
    return plan_for("diffpool", folds=[0], overrides={**SETTINGS, **changes}).cells()[0]


def test_two_processes_train_as_one_does(tiny_data):
    one, two = run_cell(cell_of()), run_cell(cell_of(devices=2))
    assert one.record["curves"].keys() == two.record["curves"].keys()
    for name, expected in one.record["curves"].items():
        # Curves are stored with six digits.
        assert two.record["curves"][name] == pytest.approx(expected, rel=3e-6), name
    for name in set(one.record) - {"curves", "seconds", "validation_loss"}:
        assert two.record[name] == one.record[name], name
    # The checkpoint is a single process's, and loads as one.
    assert two.checkpoint["epoch"] == one.checkpoint["epoch"]
    weights = two.checkpoint["state_dict"]
    assert weights.keys() == one.checkpoint["state_dict"].keys()
    for name, expected in one.checkpoint["state_dict"].items():
        torch.testing.assert_close(weights[name], expected, rtol=1e-9, atol=1e-9)
    assert from_record(two.checkpoint["settings"]).devices == 2


def test_a_training_that_diverges_is_told_as_such(tiny_data, monkeypatch):
    def start(run, arguments, nprocs, start_method):
        cell, _, folder, parent = arguments
        assert (cell, nprocs, parent) == (cell_of(devices=2), 2, os.getpid())
        torch.save("the training loss is nan in epoch 2", folder / "answer.pt")

    monkeypatch.setattr(ranks.multiprocessing, "start_processes", start)
    with pytest.raises(DivergedError, match="the training loss is nan in epoch 2"):
        run_cell(cell_of(devices=2))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"devices": 8}, "at most one a graph of a batch, got 8 with batches of 7 graphs"),
        ({"devices": 4}, "in evaluation of 3"),
        ({"devices": 0}, "setting devices: expected at least 1, got 0"),
        (
            {"devices": 3, "accelerator": "gpu"},
            "setting devices: expected at most 2, the number of CUDA devices, got 3",
        ),
    ],
)
def test_devices_that_cannot_be_are_refused(tiny_data, monkeypatch, changes, message):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(UsageError, match=message):
        cell_of(**changes)
