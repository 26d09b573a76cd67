"""The parts of ``python -m benchmarks gpu`` on the CPU, on tiny problems."""

import json
import math
import multiprocessing
import time
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from benchmarks.cli import app
from benchmarks.coarsen.batches import tree_like
from benchmarks.coarsen.contenders import Contender
from benchmarks.errors import UsageError
from benchmarks.gpu import bench as gpu_bench
from benchmarks.gpu import coarsen as gpu_coarsen
from benchmarks.gpu import correctness as gpu_correctness
from benchmarks.gpu import epoch as gpu_epoch
from benchmarks.gpu import process as gpu_process
from benchmarks.gpu import repeats as gpu_repeats
from benchmarks.gpu import table as gpu_table
from benchmarks.gpu import training as gpu_training
from benchmarks.gpu.bench import GpuRun, PartEntry, chosen_parts, failures
from benchmarks.gpu.cases import EDGE_INDEX, make_case
from benchmarks.gpu.ceilings import achieved, measure_batch
from benchmarks.gpu.data import data_there
from benchmarks.gpu.measure import OUT_OF_MEMORY, Timing, peak_memory, time_in_turns, timed
from benchmarks.gpu.part import FAILED, OK, Setting
from benchmarks.gpu.process import latest, run_part_alone
from benchmarks.gpu.rates import Counts, Rates, contract_counts, expand_counts
from benchmarks.gpu.training import train_set
from benchmarks.jsonl import ResultLines
from pyg_diffpool.ops.backends import BACKENDS, Padded

PARTS = "tests.benchmarks.gpu.parts"


def setting(folder: Path = Path("unused"), seconds: float = 60.0) -> Setting:
    return Setting("cpu", 0, True, time.time() + seconds, folder)


def tiny(seed=0):
    return [tree_like(torch.tensor([12, 1, 30]), seed, num_clusters=4, num_features=3)]


@pytest.fixture
def parts(monkeypatch):
    def use(*names):
        entries = {name: PartEntry(f"{PARTS}:{name}_part", 60, 60) for name in names}
        monkeypatch.setattr(gpu_bench, "PARTS", entries)
        return list(entries)

    return use


class Silent:
    def print(self, *texts, **options):
        pass


def stored(run):
    return [json.loads(line) for line in run.path.read_text().splitlines()]


def by_part(rows):
    return {row["part"]: row for row in rows}


def test_without_a_gpu_there_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    done = CliRunner().invoke(app, ["gpu", "--quick", "--out", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: gpu: expected a CUDA device")
    assert not (tmp_path / "out").exists()
    assert CliRunner().invoke(app, ["gpu", "--help"]).exit_code == 0


def test_parts_are_stored_as_they_finish_and_a_failing_one_loses_nothing(tmp_path, parts):
    names = parts("good", "raising", "broken")
    run = GpuRun("cpu", True, 0.0, 0, tmp_path)
    seen = []

    class Watching(Silent):
        def print(self, text, **options):
            seen.append((text.partition(":")[0], len(stored(run))))

    run.parts(names, Watching())
    assert seen == [("good", 1), ("raising", 3), ("broken", 7)]
    rows = by_part(run.rows())
    assert rows["good: two"]["value"] == 2
    assert rows["raising: after"]["value"] == 2
    assert rows["raising: fails"]["note"] == "ValueError: no such luck"
    assert rows["raising: fails"]["detail"][-1].startswith("parts.py:")
    # Lack of memory is a result, not a failure.
    assert rows["raising: too large"]["note"] == OUT_OF_MEMORY
    assert failures(run.rows()) == ["broken: start", "raising: fails"]
    for row in stored(run):
        assert {"commit", "packages", "machine", "seed", "config"} <= set(row)
    assert str(Path(__file__).parent) not in run.path.read_text()


def test_resuming_repeats_only_what_failed_or_had_no_time(tmp_path, parts, monkeypatch):
    names = parts("raising", "good")
    run = GpuRun("cpu", True, 0.0, 0, tmp_path)
    run.parts(names[:1], Silent())
    monkeypatch.setattr(gpu_bench, "QUICK_TOTAL_SECONDS", -1.0)
    run.parts(names[1:], Silent())
    assert by_part(run.rows())["good: one"]["kind"] == "skipped"
    monkeypatch.undo()
    entries = {name: PartEntry(f"{PARTS}:good_part", 60, 60) for name in names}
    monkeypatch.setattr(gpu_bench, "PARTS", entries)
    before = len(stored(run))
    again = GpuRun("cpu", True, 0.0, 0, tmp_path, resume=run.path)
    assert again.redo == {"raising: fails", "raising: too large", "good: one", "good: two"}
    again.parts(["good"], Silent())
    assert len(stored(again)) == before + 2
    assert by_part(again.rows())["good: one"]["value"] == 1
    with pytest.raises(UsageError, match="other settings"):
        GpuRun("cpu", False, 0.0, 0, tmp_path, resume=run.path)


def test_a_process_that_dies_is_started_again_behind_what_killed_it(tmp_path):
    run = GpuRun("cpu", True, 0.0, 0, tmp_path)
    address = f"{PARTS}:dying_part"
    run_part_alone(
        "part", address, setting(seconds=300), run.path, run.config, (), time.time() + 300
    )
    rows = by_part(run.rows())
    assert rows["part: before"]["value"] == 1
    assert rows["part: dies"]["note"] == "its process ended with 7"
    assert rows["part: after"]["value"] == 2
    assert failures(run.rows()) == ["part: dies"]


def test_a_process_that_hangs_is_given_up():
    receiver, sender = multiprocessing.Pipe(duplex=False)
    sender.send(("begun", "part: sleeps"))
    labels = []
    cause = gpu_process._watch(None, receiver, time.time() - 1, labels)
    assert (cause, labels) == ("stopped: over the time limit", ["part: sleeps"])


def test_a_later_success_replaces_a_failure():
    crash = {"part": "a", "kind": "crash", "verdict": FAILED}
    figure = {"part": "a", "kind": "figure"}
    assert latest([crash, crash, {"part": "b", "kind": "figure"}, figure])[1:] == [figure]
    assert latest([crash, crash]) == [crash]


@pytest.fixture
def pretended_gpu(monkeypatch):
    """Let the command find a GPU, and run its parts here on the CPU."""

    def here(name, address, setting, path, config, redo, kill_at):
        lines = ResultLines(path.parent, config, setting.seed, path)
        gpu_process.run_part(name, address, setting._replace(device="cpu"), lines, redo)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "pretended")
    monkeypatch.setattr(gpu_bench, "run_part_alone", here)


@pytest.mark.parametrize(("name", "code"), [("good", 0), ("raising", 1)])
def test_the_command_prints_stores_and_tells_failures(name, code, pretended_gpu, parts, tmp_path):
    parts("good", "raising")
    command = ["gpu", "--quick", "--part", name, "--format", "json", "--out", str(tmp_path)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == code, done.stderr
    (path,) = tmp_path.iterdir()
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert json.loads(done.stdout) == rows
    assert {row["part"].partition(":")[0] for row in rows} == {"machine", name}
    assert rows[0]["machine"]["gpu"] == "pretended"
    assert str(path) in done.stderr
    assert ("FAILED: raising: fails" in done.stderr) == bool(code)
    assert CliRunner().invoke(app, [*command[:2], "--part", "god"]).exit_code == 2


def test_a_stopped_command_keeps_what_it_has(pretended_gpu, parts, tmp_path, monkeypatch):
    def stop(*arguments):
        raise KeyboardInterrupt

    parts("good")
    monkeypatch.setattr(gpu_bench, "run_part_alone", stop)
    done = CliRunner().invoke(app, ["gpu", "--out", str(tmp_path)])
    assert done.exit_code == 130
    (path,) = tmp_path.iterdir()
    assert f"--resume {path}" in done.stderr


def test_times_on_a_gpu_are_those_of_events(monkeypatch):
    calls = []

    class Event:
        def __init__(self, enable_timing):
            calls.append(enable_timing)

        def record(self):
            calls.append("record")

        def synchronize(self):
            calls.append("wait")

        def elapsed_time(self, end):
            return 12.0

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: calls.append("idle"))
    assert timed(lambda: calls.append("step"), "cuda") == pytest.approx(0.012)
    assert calls == [True, True, "idle", "record", "step", "record", "wait"]


def test_peak_memory_is_above_what_was_there(monkeypatch):
    for name in ("synchronize", "empty_cache", "reset_peak_memory_stats"):
        monkeypatch.setattr(torch.cuda, name, lambda: None)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: 3 * 2**20)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 10 * 2**20)
    assert peak_memory(lambda: None, "cuda") == (7.0, None)
    assert peak_memory(lambda: None, "cpu") == (None, None)


def test_unknown_parts_are_errors():
    assert chosen_parts(["epoch", "coarsen"]) == ["coarsen", "epoch"]
    assert chosen_parts(None)[0] == "correctness"
    with pytest.raises(UsageError, match="did you mean 'coarsen'"):
        chosen_parts(["coarse"])


CASE = make_case((0, 5, 1, 17), 3, 5, seed=0, weights=True, duplicates=True)


def test_right_backends_pass():
    for backend in gpu_correctness.available_backends("cpu"):
        rows = gpu_correctness.check_case("case", CASE, backend, "cpu", 0)
        assert [row["dtype"] for row in rows] == list(gpu_correctness.TOLERANCES)
        assert {row["verdict"] for row in rows} == {OK}
        assert "coarsen: gradient of weights" in rows[0]["errors"]
    assert "triton" not in gpu_correctness.available_backends("cpu")


class WrongForward(Padded):
    def contract(self, x, p, s):
        out = super().contract(x, p, s)
        return out._replace(gram=out.gram * 1.001)


class WrongBackward(Padded):
    def expand(self, kept, x, s, onto_x, onto_p, onto_s):
        grad_x, grad_s = super().expand(kept, x, s, onto_x, onto_p, onto_s)
        # One row of one graph, as a kernel with a wrong mask would have it.
        grad_s[3] = math.nan
        return grad_x, grad_s


@pytest.mark.parametrize(
    ("backend", "wrong"),
    [(WrongForward, "coarsen: gram"), (WrongBackward, "coarsen: gradient of s")],
)
def test_a_wrong_backend_is_caught(backend, wrong, monkeypatch):
    monkeypatch.setitem(BACKENDS, "padded", backend)
    rows = gpu_correctness.check_case("case", CASE, "padded", "cpu", 0)
    assert all(wrong in row["wrong"] for row in rows[:2])
    assert [row["verdict"] for row in rows[:2]] == [FAILED, FAILED]
    (line,) = gpu_table.correctness_lines(rows[1:2])
    assert (line["verdict"], line["of"]) == (FAILED, "padded")
    assert "case (" in line["where it fails"]


def test_what_differs_when_repeated_is_caught(monkeypatch):
    class Unsteady(Padded):
        def contract(self, x, p, s):
            out = super().contract(x, p, s)
            return out._replace(pooled=out.pooled + 1e-6 * torch.rand(()))

    rows = gpu_repeats.check_repeating("padded", setting())
    assert {row["verdict"] for row in rows} == {OK}
    monkeypatch.setitem(BACKENDS, "padded", Unsteady)
    rows = gpu_repeats.check_repeating("padded", setting())
    assert {row["verdict"] for row in rows} == {FAILED}
    assert all(0 in row["different"] for row in rows)


def test_what_waits_is_caught(monkeypatch):
    modes = []

    def set_mode(mode):
        modes.append(mode)

    def step():
        if modes and modes[-1] == "error":
            raise RuntimeError("called a synchronizing CUDA operation")
        return []

    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", set_mode)
    (row,) = gpu_repeats.check_waiting("padded", setting())
    assert (row["verdict"], modes) == (OK, ["error", "default"])
    monkeypatch.setattr(gpu_repeats, "network_step", lambda batch, edges, setting: step)
    (row,) = gpu_repeats.check_waiting(gpu_repeats.NETWORK, setting())
    assert row["verdict"] == FAILED
    assert "synchronizing" in row["note"]
    assert modes[-1] == "default"


def test_coarsening_records_lack_of_memory(monkeypatch):
    def too_large(problem):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 54 GiB")

    monkeypatch.setattr(gpu_coarsen, "_pyg", lambda width, problem: too_large(problem))
    monkeypatch.setitem(gpu_coarsen.CONTENDERS, gpu_coarsen.PYG, Contender(too_large, "pyg"))
    rows = gpu_coarsen.measure_set("REDDIT-like", tiny, setting(seconds=0))
    notes = {row.get("contender"): row.get("note") for row in rows}
    assert notes[gpu_coarsen.PYG] == OUT_OF_MEMORY
    ours = next(row for row in rows if row.get("contender") == gpu_coarsen.OURS_GIVEN)
    assert 0 < ours["quartile_1_ms"] <= ours["median_ms"] <= ours["quartile_3_ms"]
    assert ours["peak_mib"] is None
    assert max(ours["relative_errors"].values()) < 1e-5
    targets = gpu_table.target_lines(rows)
    assert {(line["measured"], line["verdict"]) for line in targets} == {
        ("PyG runs out of memory", "")
    }
    assert len(gpu_table.coarsen_lines(rows)) == len(notes) - 1


def test_absent_data_are_told(monkeypatch, tmp_path):
    def absent(seed):
        raise FileNotFoundError("/some/folder/DD.zip")

    (row,) = gpu_coarsen.measure_set("another", absent, setting())
    assert row["note"] == "its data are not there"
    monkeypatch.setenv("PYG_DIFFPOOL_DATA", str(tmp_path))
    monkeypatch.setenv("PYG_DIFFPOOL_CACHE", str(tmp_path / "cache"))
    (row,) = gpu_epoch.measure_epochs("DD", setting())
    assert (row["set"], row["note"]) == ("DD", "its data are not there")
    (row,) = gpu_coarsen.measure_set("DD", tiny, setting())
    assert row["note"] == "its data are not there"
    (tmp_path / "DD.zip").touch()
    assert data_there("DD")
    monkeypatch.setenv("PYG_DIFFPOOL_DATA", "http://localhost:9/data")
    assert not data_there("DD")


def test_targets_compare_with_the_better_pyg():
    def row(contender, ms, mib):
        return {"contender": contender, "median_ms": ms, "peak_mib": mib}

    rows = [
        row(gpu_coarsen.OURS_GIVEN, 2.0, 4.0),
        row(gpu_coarsen.PYG, 30.0, 240.0),
        row(gpu_coarsen.PYG_GIVEN, 19.0, 200.0),
    ]
    time_row, memory_row = gpu_coarsen.requirements("DD", rows)
    assert (time_row["measured"], time_row["verdict"]) == (9.5, "NOT MET")
    assert (memory_row["measured"], memory_row["verdict"]) == (50.0, "met")
    assert gpu_coarsen.requirements("ENZYMES", rows)[0]["verdict"] == ""


def test_share_is_of_the_larger_time():
    rates = Rates(1e9, {"float32": 1e10, "bfloat16": 1e12}, {})
    counts = Counts(bytes=1e6, flops=3e7)
    found = achieved(Timing([0.004, 0.005, 0.006]), counts, rates, "float32", 200_000)
    assert (found["bound"], found["ceiling_ms"]) == ("arithmetic", pytest.approx(3.0))
    assert found["share"] == pytest.approx(0.6)
    assert found["verdict"] == "met"
    found = achieved(Timing([0.004]), counts, rates, "bfloat16", 100_000)
    assert (found["bound"], found["share"]) == ("bandwidth", pytest.approx(0.25))
    assert (found["required"], found["verdict"]) == (None, "")
    assert found["bytes_per_s"] == pytest.approx(2.5e8)


def test_counts_of_the_contraction():
    # Sᵀ[X | P | S] of 10 nodes, 2 clusters and 3 features is 10 · 2 · 7 multiply-adds.
    assert contract_counts(10, 1, 2, 3, 4) == (10 * 7 * 4 + 2 * 7 * 4, 280)
    # S G is 10 · 2 · 3, and [X | P | S] G 10 · 7 · 2.
    assert expand_counts(10, 1, 2, 3, 4) == (10 * (7 + 5) * 4 + 2 * 7 * 4, 400)


def test_ceilings_of_a_batch():
    rows = measure_batch(tiny()[0], "float32", setting(seconds=0))
    assert [row["what"] for row in rows] == ["contraction", "diff_pool, forward and backward"]
    assert "note" in rows[0]
    assert 0 < rows[1]["least_ms"] < rows[1]["ceiling_ms"] < rows[1]["median_ms"]
    assert len(gpu_table.ceiling_lines(rows)) == 2


def test_turns_leave_out_what_fails():
    calls = []

    def sometimes():
        calls.append(1)
        if len(calls) == 4:
            raise RuntimeError("CUDA error: out of memory")

    times = time_in_turns({"a": lambda: None, "b": sometimes}, "cpu", 5, 60.0)
    assert (len(times["a"].seconds), times["a"].note) == (5, None)
    assert times["b"] == ([], OUT_OF_MEMORY)
    assert len(calls) == 4


def test_the_loaders_batches_are_undirected_and_sized():
    batch = next(iter(gpu_repeats._loader(setting())))
    assert batch.edge_index.is_undirected
    assert batch.max_num_nodes == 120
    case = make_case((4, 3), 2, 2, seed=0, form=EDGE_INDEX)
    assert torch.equal(case.adjacency(0, None), case.adjacency(0, None).t())


def test_training_is_labelled_as_a_timing(tiny_data, tmp_path, monkeypatch):
    # One job runs in this process.
    monkeypatch.setattr(gpu_training.os, "cpu_count", lambda: 1)
    (row,) = train_set("TINY", setting(tmp_path / "runs"), method=tiny_data)
    assert row["label"] == "a timing of few epochs, no accuracy result"
    assert (row["cells"], row["failed"], row["epochs"]) == (2, 0, [5, 5])
    assert "test_accuracy" not in row
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name == row["run"]
    assert gpu_table.training_lines([row])[0]["cells"] == "2 of 2"
