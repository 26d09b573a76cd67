import json
import os

import pytest
import torch

from benchmarks import store as store_module
from benchmarks.store import RunStore, stored_runs, write_atomically


def record(fold, accuracy=0.5):
    return {
        "configuration": 0,
        "fold": fold,
        "seed": 1,
        "validation_accuracy": accuracy,
        "curves": {"validation_accuracy": [0.25, accuracy]},
    }


def test_a_cell_comes_back_as_it_was_written(tmp_path):
    store = RunStore(tmp_path, "run")
    assert not store.has(0, 3, 1)
    store.write_cell(record(3))
    store.write_cell(record(1))
    assert store.has(0, 3, 1)
    assert not store.has(1, 3, 1)
    assert store.cells() == [record(1), record(3)]


def test_a_write_that_is_cut_off_leaves_the_old_file_and_no_cell(tmp_path, monkeypatch):
    store = RunStore(tmp_path, "run")
    store.write_cell(record(0, 0.5))

    def killed(source, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(store_module.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        store.write_cell(record(0, 0.75))
    with pytest.raises(KeyboardInterrupt):
        store.write_cell(record(1))
    assert len(list((store.folder / "cells").iterdir())) == 3
    assert store.cells() == [record(0, 0.5)]
    assert not store.has(0, 1, 1)


def test_the_content_is_on_disk_before_the_name(tmp_path, monkeypatch):
    order = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(store_module.os, "fsync", lambda f: (order.append("fsync"), fsync(f)))
    monkeypatch.setattr(
        store_module.os, "replace", lambda a, b: (order.append("replace"), replace(a, b))
    )
    write_atomically(tmp_path / "file", b"content")
    assert order == ["fsync", "replace"]
    assert (tmp_path / "file").read_bytes() == b"content"


def test_runs_are_listed_with_their_description(tmp_path):
    for run_id in ("b", "a"):
        RunStore(tmp_path, run_id).write_run({"run": run_id})
    (tmp_path / "not-a-run").mkdir()
    assert [(store.run_id, run["run"]) for store, run in stored_runs(tmp_path)] == [
        ("a", "a"),
        ("b", "b"),
    ]


def test_checkpoints_stay_apart_from_the_cells(tmp_path):
    store = RunStore(tmp_path, "run")
    store.write_checkpoint(0, 2, 1, {"state_dict": {"weight": torch.ones(2)}})
    assert store.cells() == []
    loaded = torch.load(store.checkpoint_path(0, 2, 1))
    assert torch.equal(loaded["state_dict"]["weight"], torch.ones(2))


def test_a_curve_takes_one_line(tmp_path):
    store = RunStore(tmp_path, "run")
    store.write_cell(record(0))
    text = store.cell_path(0, 0, 1).read_text()
    assert '    "validation_accuracy": [0.25, 0.5]' in text.splitlines()
    assert json.loads(text) == record(0)
