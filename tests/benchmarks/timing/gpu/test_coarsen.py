import torch

from benchmarks.timing.batches import tree_like
from benchmarks.timing.coarsen_table import measured
from benchmarks.timing.gpu import coarsen, epoch, table
from benchmarks.timing.gpu.data import data_there
from benchmarks.timing.limited_process import OUT_OF_MEMORY
from benchmarks.timing.rivals import OURS_GIVEN, PYG, PYG_GIVEN, Contender
from tests.benchmarks.timing.gpu.parts import setting


def tiny(seed=0):
    return [tree_like(torch.tensor([12, 1, 30]), seed, num_clusters=4, num_features=3)]


def test_coarsening_records_lack_of_memory(monkeypatch):
    def too_large(problem):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 54 GiB")

    failing = dict.fromkeys((PYG, PYG_GIVEN), Contender(too_large, "pyg"))
    those = coarsen.contenders("cpu") | failing
    monkeypatch.setattr(coarsen, "contenders", lambda device, compiled: those)
    rows = coarsen.measure_set("REDDIT-like", tiny, setting(seconds=0))
    notes = {row.get("contender"): row.get("note") for row in rows}
    assert notes[PYG] == OUT_OF_MEMORY
    ours = next(row for row in rows if row.get("contender") == OURS_GIVEN)
    assert 0 < ours["quartile_1_ms"] <= ours["median_ms"] <= ours["quartile_3_ms"]
    assert ours["peak_mib"] is None
    assert max(ours["relative_errors"].values()) < 1e-5
    targets = table.target_lines(rows)
    assert {(line["measured"], line["verdict"]) for line in targets} == {
        ("PyG runs out of memory", "")
    }
    assert len(measured([row for row in rows if "contender" in row], OURS_GIVEN)) == len(notes) - 1


def test_absent_data_are_told(monkeypatch, tmp_path):
    def absent(seed):
        raise FileNotFoundError("/some/folder/DD.zip")

    (row,) = coarsen.measure_set("another", absent, setting())
    assert row["note"] == "its data are not there"
    monkeypatch.setenv("PYG_DIFFPOOL_DATA", str(tmp_path))
    monkeypatch.setenv("PYG_DIFFPOOL_CACHE", str(tmp_path / "cache"))
    (row,) = epoch.measure_epochs("DD", setting())
    assert (row["set"], row["note"]) == ("DD", "its data are not there")
    (row,) = coarsen.measure_set("DD", tiny, setting())
    assert row["note"] == "its data are not there"
    (tmp_path / "DD.zip").touch()
    assert data_there("DD")
    monkeypatch.setenv("PYG_DIFFPOOL_DATA", "http://localhost:9/data")
    assert not data_there("DD")


def test_targets_compare_with_the_better_pyg():
    def row(contender, ms, mib):
        return {"contender": contender, "median_ms": ms, "peak_mib": mib}

    rows = [
        row(OURS_GIVEN, 2.0, 4.0),
        row(PYG, 30.0, 240.0),
        row(PYG_GIVEN, 19.0, 200.0),
    ]
    time_row, memory_row = coarsen.requirements("DD", rows)
    assert (time_row["measured"], time_row["verdict"]) == (9.5, "NOT MET")
    assert (memory_row["measured"], memory_row["verdict"]) == (50.0, "met")
    assert coarsen.requirements("ENZYMES", rows)[0]["verdict"] == ""
