"""Stored runs made of cells by hand."""

from benchmarks.records.store import RunStore


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


def write_cells(results, run_id, cells, **changes):
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
