import torch

from benchmarks.timing.batches import tree_like
from benchmarks.timing.coarsen import peak_alone, set_rows
from benchmarks.timing.rivals import CONTENDERS, OURS, PYG, Contender


def tiny(seed=0):
    return tree_like(torch.tensor([12, 1, 30]), seed, num_clusters=4, num_features=3)


def test_peak_memory_sees_a_dense_adjacency():
    large = tree_like(torch.tensor([3000, 5]), 0, num_clusters=8, num_features=8)
    # 2 · 3000² · 4 bytes = 69 MiB; ours needs none.
    assert peak_alone(PYG, large) > 69
    assert 0 < peak_alone(OURS, large) < 30


def test_a_contender_that_fails_costs_no_other_its_row():
    def too_large(problem):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    contenders = {PYG: Contender(too_large, "pyg"), OURS: CONTENDERS[OURS]}
    failed, ours = set_rows("tiny", [tiny(0), tiny(1)], contenders, 3, 0.0, memory=False)
    assert (failed["note"], "median_ms" in failed) == ("out of memory", False)
    assert 0 < ours["quartile_1_ms"] <= ours["median_ms"] <= ours["quartile_3_ms"]
    assert max(ours["relative_errors"].values()) < 1e-5
    assert (ours["batches"], ours["rounds"], ours["peak_mib"]) == (2, 3, None)
