import json
import os

import pytest
import torch

from benchmarks.records import store as store_module
from benchmarks.records.store import RunStore, left_out, stored_runs, write_atomically


def record(fold, accuracy=0.5):
    return {
        "configuration": 0,
        "fold": fold,
        "seed": 1,
        "validation_accuracy": accuracy,
        "validation_loss": 1 - accuracy,
        "test_accuracy": 0.25,
        "curves": {"validation_accuracy": [0.25, accuracy]},
    }


def description(run_id):
    return {
        **dict.fromkeys(("dataset", "method", "protocol", "started"), "any"),
        "run": run_id,
        "configurations": [{}],
        "splits": {},
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
    assert len(list((store.folder / "cells").iterdir())) == 1
    # As a kill leaves it, which no `finally` outlives.
    half = store.cell_path(1, 0, 1)
    half.with_name(f".{half.name}.1.tmp").write_bytes(b"half")
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
        RunStore(tmp_path, run_id).write_run(description(run_id))
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


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "expected JSON, got"),
        ('{"configuration": 0, "fo', "expected JSON, got"),
        ("[1, 2]", "expected an object, got list"),
        ("[" * 100_000, "expected JSON, got"),
        (json.dumps({**record(1), "fold": 2}), "expected configuration, fold and seed of its name"),
        (json.dumps({**record(1), "validation_loss": None}), "a number for 'validation_loss'"),
        (json.dumps({k: v for k, v in record(1).items() if k != "curves"}), "'curves'"),
        (json.dumps({k: v for k, v in record(1).items() if k != "test_accuracy"}), "test_accuracy"),
    ],
    ids=["empty", "cut", "list", "deep", "other", "null", "no curves", "no test"],
)
def test_a_damaged_cell_is_left_out_by_name_and_made_again(tmp_path, content, message):
    store = RunStore(tmp_path, "run")
    store.write_run(description("run"))
    store.write_cell(record(0))
    store.write_cell(record(1))
    path = store.cell_path(0, 1, 1)
    path.write_text(content)
    assert store.cells() == [record(0)]
    assert not store.has(0, 1, 1)
    (line,) = left_out(tmp_path)
    assert line.startswith(f"left out: {path}: ")
    assert message in line
    store.write_cell(record(1))
    assert left_out(tmp_path) == []


@pytest.mark.parametrize("content", ["", "{}", '{"run": 3}', "null"])
def test_a_damaged_description_leaves_its_run_out(tmp_path, content):
    for run_id in ("a", "b"):
        RunStore(tmp_path, run_id).write_run(description(run_id))
    (tmp_path / "a" / "run.json").write_text(content)
    assert [store.run_id for store, _ in stored_runs(tmp_path)] == ["b"]
    assert RunStore(tmp_path, "a").read_run() is None
    (line,) = left_out(tmp_path)
    assert line.startswith(f"left out: {tmp_path / 'a' / 'run.json'}: expected ")


def test_a_failure_is_kept_until_the_cell_succeeds(tmp_path):
    store = RunStore(tmp_path, "run")
    store.write_run(description("run"))
    store.write_failure({**record(0), "failed": "the training loss is nan in epoch 1"})
    assert store.has_failed(0, 0, 1)
    assert not store.has(0, 0, 1)
    assert store.cells() == []
    assert left_out(tmp_path) == [
        "failed: run, configuration-0_fold-00_seed-1: the training loss is nan in epoch 1"
    ]
    store.write_cell(record(0))
    assert not store.has_failed(0, 0, 1)
    assert left_out(tmp_path) == []
