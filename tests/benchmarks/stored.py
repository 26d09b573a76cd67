"""Stored runs made by hand, and a training that takes no time."""

from benchmarks.records.store import RunStore
from benchmarks.runs import worker
from benchmarks.spec.cell import CellResult
from benchmarks.spec.settings import make_settings


def write_run(results, run_id, dataset, method, accuracies, **changes):
    """Store a run whose test accuracies are given by fold; ``seconds`` and ``epochs`` too."""
    seconds, epochs = changes.pop("seconds", 1.0), changes.pop("epochs", 100)
    protocol = changes.get("protocol", "fair")
    store = RunStore(results, run_id)
    store.write_run(
        {
            "run": run_id,
            "dataset": dataset,
            "method": method,
            "protocol": protocol,
            "configurations": [make_settings({"epochs": epochs}).as_dict()],
            "splits": {"seed": 0, "file": None},
            "data": "d",
            "started": "2026-01-01T00:00:00+00:00",
            **changes,
        }
    )
    for fold, accuracy in accuracies.items():
        store.write_cell(record_of(dataset, method, protocol, fold, accuracy, seconds))


def record_of(dataset, method, protocol, fold, accuracy, seconds, configuration=0, seed=0):
    return {
        "dataset": dataset,
        "method": method,
        "protocol": protocol,
        "configuration": configuration,
        "fold": fold,
        "seed": seed,
        "best_epoch": 1,
        "epochs": 1,
        "validation_accuracy": accuracy,
        "validation_loss": 1.0,
        "test_accuracy": accuracy if protocol == "fair" else None,
        "seconds": seconds,
        "curves": {"validation_accuracy": [accuracy]},
    }


def fake_training(monkeypatch, before=lambda cell: None, seconds=1.0):
    """Replace the training of a cell; return the cells that were begun, in order."""
    begun = []

    def run_cell(cell, log=None):
        begun.append(cell)
        before(cell)
        record = record_of(
            cell.dataset, cell.method, cell.protocol, cell.fold, 0.5, seconds,
            cell.configuration, cell.seed,
        )  # fmt: skip
        return CellResult(record, {"state_dict": {}})

    monkeypatch.setattr(worker, "run_cell", run_cell)
    return begun
