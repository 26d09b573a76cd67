import pytest
import torch

from benchmarks.timing.batches import tree_like
from benchmarks.timing.gpu import ceilings, table
from benchmarks.timing.gpu.ceilings import achieved, measure_batch
from benchmarks.timing.machine import Counts, Rates
from benchmarks.timing.turns import Timing
from tests.benchmarks.timing.gpu.parts import setting


def test_share_is_of_the_larger_time():
    rates = Rates(1e9, {"float32": 1e10, "bfloat16": 1e12}, {})
    counts = Counts(bytes=1e6, flops=3e7)
    found = achieved(Timing([0.004, 0.005, 0.006]), counts, rates, "float32", 200_000)
    assert (found["bound"], found["ceiling_ms"]) == ("arithmetic", pytest.approx(3.0))
    assert found["share"] == pytest.approx(0.6)
    assert found["verdict"] == "met"
    found = achieved(Timing([0.004]), counts, rates, "bfloat16", 100_000)
    assert (found["bound"], found["share"]) == ("memory", pytest.approx(0.25))
    assert (found["required"], found["verdict"]) == (None, "")
    assert found["bytes_per_s"] == pytest.approx(2.5e8)


def test_ceilings_of_a_batch(monkeypatch):
    rates = Rates(1e9, {"float32": 1e9}, {})
    monkeypatch.setattr(ceilings, "measured_rates", lambda device: rates)
    problem = tree_like(torch.tensor([12, 1, 30]), 0, num_clusters=4, num_features=3)
    rows = measure_batch(problem, "float32", setting(seconds=0))
    assert [row["what"] for row in rows] == ["contraction", "diff_pool, forward and backward"]
    assert "note" in rows[0]
    assert 0 < rows[1]["least_ms"] < rows[1]["ceiling_ms"] < rows[1]["median_ms"]
    assert len(table.ceiling_lines(rows)) == 2
