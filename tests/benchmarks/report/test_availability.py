from pathlib import Path

import pytest

from benchmarks.clusters.checkpoints import read_run
from benchmarks.report.availability import Absence, absence
from tests.benchmarks.stored import write_run


def stored_run(folder, accuracies, method="diffpool", clusters=(8, 2), checkpoints=(), **changes):
    """Store a run whose cells have some clusters, and files for the checkpoints of some folds."""
    dataset = changes.pop("dataset", "ENZYMES")
    write_run(folder, "a-run", dataset, method, accuracies, **changes)
    stored = read_run(folder, "a-run")
    for cell in stored.cells:
        cell["clusters"] = list(clusters)
    for fold in checkpoints:
        path = stored.store.checkpoint_path(0, fold, 0)
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return stored


def test_a_run_whose_networks_are_on_disk_can_be_shown(tmp_path):
    stored = stored_run(tmp_path, {0: 0.5, 1: 0.6}, checkpoints=[1])
    assert absence(stored, [1], None) is None
    assert absence(stored, [0, 1], None) is not None


@pytest.mark.parametrize(
    ("accuracies", "folds", "changes", "reason"),
    [
        ({0: 0.5}, [0], {"dataset": "ogbg-molhiv"}, "one class a graph, not OGB's"),
        ({}, [], {}, "no fold is finished yet"),
        ({0: 0.5}, [0], {"clusters": ()}, "its method pools nothing, and has no clusters"),
        ({0: 0.5, 2: 0.5}, [0, 1, 3], {}, "fold 1 is not finished"),
    ],
)
def test_why_a_run_cannot_be_shown(tmp_path, accuracies, folds, changes, reason):
    found = absence(stored_run(tmp_path, accuracies, checkpoints=[0], **changes), folds, None)
    assert found == Absence(found.reason, None)
    assert found.reason.endswith(reason)


def test_missing_networks_name_the_commands_that_make_them(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "benchmarks.report.availability.remake_command",
        lambda run, folds, seeds, splits: f"remake {run['run']} {folds} {seeds} {splits}",
    )
    stored = stored_run(tmp_path, {0: 0.5, 1: 0.6}, checkpoints=[0])
    found = absence(stored, [0, 1], Path("splits.json"))
    assert "git leaves checkpoints out" in found.reason
    assert found.command == (
        "remake a-run [0, 1] [0] splits.json && "
        "python -m benchmarks report a-run --results runs/remade"
    )


def test_the_chosen_configurations_network_is_looked_for(tmp_path):
    stored = stored_run(tmp_path, {0: 0.5}, checkpoints=[0])
    # As if configuration 1 had been chosen, whose checkpoint is not there.
    stored.folds.selected[0] = stored.cells[0]["configuration"] = 1
    assert "not on disk" in absence(stored, [0], None).reason
