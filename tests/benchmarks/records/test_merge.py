import json

import pytest

from benchmarks.records.merge import Merged, merge
from benchmarks.records.store import RunStore, stored_runs
from benchmarks.spec.errors import UsageError
from tests.benchmarks.stored import record_of, write_run

RUN = "TINY-diffpool-fair-1"


def write(results, accuracies, **changes):
    folds = sorted(accuracies)
    values = {"folds": folds, "seeds": [0], "machine": {"cpu": "a"}, **changes}
    write_run(results, RUN, "TINY", "diffpool", accuracies, **values)
    return RunStore(results, RUN)


def accuracies(results):
    return {cell["fold"]: cell["test_accuracy"] for cell in RunStore(results, RUN).cells()}


def test_cells_of_all_folders_come_together_with_their_checkpoints(tmp_path):
    first = write(tmp_path / "a", {0: 0.1, 1: 0.2})
    second = write(tmp_path / "b", {2: 0.3}, seeds=[1], machine={"cpu": "b"})
    first.write_checkpoint(0, 1, 0, {"state_dict": {}})
    second.write_failure({"configuration": 0, "fold": 3, "seed": 0, "failed": "not finite"})
    before = {path: path.read_bytes() for path in tmp_path.glob("*/*/cells/*")}
    assert merge([tmp_path / "a", tmp_path / "b"], tmp_path / "out") == Merged(1, 3, 0)
    assert accuracies(tmp_path / "out") == {0: 0.1, 1: 0.2, 2: 0.3}
    store = RunStore(tmp_path / "out", RUN)
    assert (
        store.checkpoint_path(0, 1, 0).read_bytes() == first.checkpoint_path(0, 1, 0).read_bytes()
    )
    assert store.has_failed(0, 3, 0)
    assert {path: path.read_bytes() for path in before} == before
    for path in store.folder.glob("cells/*"):
        assert path.read_bytes() in before.values()


def test_the_description_tells_all_folds_and_by_what_else_cells_were_made(tmp_path):
    write(tmp_path / "a", {0: 0.1})
    write(tmp_path / "b", {2: 0.3}, seeds=[1], machine={"cpu": "b"})
    write(tmp_path / "c", {4: 0.3}, machine={"cpu": "a"})
    merge([tmp_path / name for name in "abc"], tmp_path / "out")
    ((_, run),) = stored_runs(tmp_path / "out")
    assert (run["folds"], run["seeds"], run["machine"]) == ([0, 2, 4], [0, 1], {"cpu": "a"})
    assert [entry["machine"] for entry in run["others"]] == [{"cpu": "b"}]
    merge([tmp_path / "out"], tmp_path / "again")
    ((_, again),) = stored_runs(tmp_path / "again")
    assert again == run


def test_a_folder_is_merged_into_what_is_there_and_a_second_time_adds_nothing(tmp_path):
    write(tmp_path / "out", {0: 0.1})
    write(tmp_path / "b", {0: 0.1, 1: 0.2}, seconds=9.0)
    assert merge([tmp_path / "b"], tmp_path / "out") == Merged(1, 1, 1)
    kept = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("out/*/*/*")}
    assert merge([tmp_path / "b"], tmp_path / "out") == Merged(0, 0, 2)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("out/*/*/*")} == kept
    # The cell that was there keeps its own time.
    assert RunStore(tmp_path / "out", RUN).cells()[0]["seconds"] == 1.0


def test_cells_that_differ_are_named_and_nothing_is_written(tmp_path):
    write(tmp_path / "out", {0: 0.1})
    write(tmp_path / "b", {0: 0.15, 1: 0.2})
    with pytest.raises(UsageError, match="1 conflicts between the folders") as error:
        merge([tmp_path / "b"], tmp_path / "out")
    (line,) = error.value.details.splitlines()
    assert "configuration-0_fold-00_seed-0: not the same validation_accuracy, test_acc" in line
    assert str(tmp_path / "b") in line
    assert line.endswith(str(RunStore(tmp_path / "out", RUN).folder))
    assert accuracies(tmp_path / "out") == {0: 0.1}


def test_a_run_that_is_another_is_refused(tmp_path):
    write(tmp_path / "a", {0: 0.1})
    write(tmp_path / "b", {1: 0.2}, data="other data")
    with pytest.raises(UsageError) as error:
        merge([tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    assert "not the same data as another folder has it" in error.value.details
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_read_is_left_out_and_a_failure_gives_way_to_a_cell(tmp_path):
    first = write(tmp_path / "a", {0: 0.1})
    first.cell_path(0, 1, 0).write_text("{")
    first.write_failure({"configuration": 0, "fold": 2, "seed": 0, "failed": "not finite"})
    second = write(tmp_path / "b", {})
    second.write_cell(record_of("TINY", "diffpool", "fair", 2, 0.4, 1.0))
    merge([tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    assert accuracies(tmp_path / "out") == {0: 0.1, 2: 0.4}
    assert not RunStore(tmp_path / "out", RUN).has_failed(0, 2, 0)
    for path in (tmp_path / "out").glob("*/cells/*"):
        json.loads(path.read_text())
