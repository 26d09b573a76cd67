import torch

from benchmarks.timing.gpu import repeats
from benchmarks.timing.gpu.part import FAILED, OK
from pyg_diffpool.ops.backends import BACKENDS
from pyg_diffpool.ops.backends.padded import Padded
from tests.benchmarks.timing.gpu.parts import setting


def test_what_differs_when_repeated_is_caught(monkeypatch):
    class Unsteady(Padded):
        def contract(self, rows, x, s):
            pooled, product, gram = super().contract(rows, x, s)
            return pooled + 1e-6 * torch.rand(()), product, gram

    rows = repeats.check_repeating("padded", setting())
    assert {row["verdict"] for row in rows} == {OK}
    monkeypatch.setitem(BACKENDS, "padded", Unsteady)
    rows = repeats.check_repeating("padded", setting())
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
    (row,) = repeats.check_waiting("padded", setting())
    assert (row["verdict"], modes) == (OK, ["error", "default"])
    monkeypatch.setattr(repeats, "network_step", lambda batch, edges, setting: step)
    (row,) = repeats.check_waiting(repeats.NETWORK, setting())
    assert row["verdict"] == FAILED
    assert "synchronizing" in row["note"]
    assert modes[-1] == "default"


def test_the_loaders_batches_are_undirected_and_sized():
    batch = next(iter(repeats._loader(setting())))
    assert batch.edge_index.is_undirected
    assert batch.max_num_nodes == 120
