import torch

from benchmarks.timing.batches import tree_like
from benchmarks.timing.coarsen_table import measured_table
from benchmarks.timing.gpu import coarsen, table
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
    assert len(measured_table(rows, OURS_GIVEN).lines) == len(notes) == len(rows)
