import pytest
import torch

from benchmarks.timing.batches import tree_like
from benchmarks.timing.machine import (
    KINDS,
    Counts,
    Rates,
    contract_counts,
    expand_counts,
    least_counts,
    least_of,
    limit,
    measure_rates,
)


def rates(flops, copy):
    return Rates(copy, {"float32": flops}, {})


def test_work_by_hand():
    # N = 10, E = 18, F = 4, K = 3, B = 2.
    found = least_counts(nodes=10, edges=18, features=4, clusters=3, graphs=2)
    sparse = 18 * 3
    forward = 10 * 3 * 4 + 10 * 3 * 3 + 10 * 3 * 3
    onto_x, onto_s = 10 * 3 * 4, 10 * 4 * 3 + 10 * 3 * 3 + 10 * 3 * 3
    assert found.flops == 2 * (sparse + forward + onto_x + onto_s)
    read_twice = 4 * (10 * 4 + 10 * 3) + 8 * 10
    edges, pooled, losses = 8 * 2 * 18, 4 * 2 * (3 * 4 + 3 * 3), 2 * 4
    gradients = 4 * (10 * 4 + 10 * 3)
    assert found.bytes == 2 * (read_twice + pooled + losses) + edges + gradients


def test_directed_graphs_need_a_second_sparse_product():
    once = least_counts(10, 18, 4, 3, 2)
    twice = least_counts(10, 18, 4, 3, 2, sparse_products=2)
    assert twice.flops - once.flops == 2 * 18 * 3


def test_work_counts_the_products_that_are_done():
    problem = tree_like(torch.tensor([12, 5, 30]), 0, num_clusters=4, num_features=3)
    x, s = problem.x, problem.logits.softmax(-1)
    dense = torch.zeros(47, 47)
    dense[problem.edge_index[0], problem.edge_index[1]] = 1.0
    with torch.utils.flop_counter.FlopCounterMode(display=False) as counter:
        columns = torch.cat([x, dense @ s, s], 1)
        s.t() @ columns
        s @ torch.zeros(4, 3)
        columns @ torch.zeros(11, 4)
    edges = problem.edge_index.size(1)
    expected = counter.get_total_flops() + 2 * 4 * (edges - 47**2)
    assert least_of(problem).flops == expected


def test_limit_is_the_larger_of_arithmetic_and_traffic():
    needed = Counts(bytes=1e9, flops=4e9)
    assert needed.ceiling_seconds(rates(1e12, 1e9)) == (pytest.approx(1.0), "memory")
    assert needed.ceiling_seconds(rates(1e9, 1e12)) == (pytest.approx(4.0), "arithmetic")
    halves = Rates(1e12, {"float32": 1e9, "bfloat16": 1e10}, {})
    assert needed.ceiling_seconds(halves, "bfloat16") == (pytest.approx(0.4), "arithmetic")


def test_counts_of_the_contraction():
    # Sᵀ[X | P | S] of 10 nodes, 2 clusters and 3 features is 10 · 2 · 7 multiply-adds.
    assert contract_counts(10, 1, 2, 3, 4) == (10 * 7 * 4 + 2 * 7 * 4, 280)
    # S G is 10 · 2 · 3, and [X | P | S] G 10 · 7 · 2.
    assert expand_counts(10, 1, 2, 3, 4) == (10 * (7 + 5) * 4 + 2 * 7 * 4, 400)


def test_limit_of_a_set_is_the_mean_of_its_batches():
    problems = [
        tree_like(torch.tensor([size]), 0, num_clusters=4, num_features=3) for size in (9, 90)
    ]
    row = limit(problems, rates(1e6, 1e12))
    flops = [least_of(problem).flops for problem in problems]
    assert row["limit_ms"] == pytest.approx(1e3 * sum(flops) / 2 / 1e6)
    assert row["gflop"] == pytest.approx(sum(flops) / 2e9)
    assert (row["bound"], row["gemm_gflops"]) == ("arithmetic", 1e-3)


def test_rates_count_operations_and_bytes(monkeypatch):
    # A clock on which every call takes two seconds.
    ticks = iter(range(0, 1000, 2))
    monkeypatch.setattr("time.perf_counter", lambda: next(ticks))
    found = measure_rates("cpu", side=8, copied=100, repeats=2)
    assert found == rates(2 * 8**3 / 2, 2 * 4 * 100 / 2)


@pytest.mark.parametrize(
    "device",
    [
        "cpu",
        pytest.param(
            "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA")
        ),
    ],
)
def test_rates_are_plausible(device):
    found = measure_rates(device, tuple(KINDS), side=256, copied=2**20)
    assert found.flops_per_s.keys() | found.notes.keys() == set(KINDS)
    assert found.flops_per_s["float32"] > 1e8
    assert found.bytes_per_s > 1e7
