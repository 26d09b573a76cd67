import pytest
import torch

from benchmarks.coarsen.batches import tree_like
from benchmarks.coarsen.limits import Rates, Work, limit, measure_rates, problem_work, work


def test_work_by_hand():
    # N = 10, E = 18, F = 4, K = 3, B = 2.
    found = work(nodes=10, edges=18, features=4, clusters=3, graphs=2)
    sparse = 18 * 3
    forward = 10 * 3 * 4 + 10 * 3 * 3 + 10 * 3 * 3
    onto_x, onto_s = 10 * 3 * 4, 10 * 4 * 3 + 10 * 3 * 3 + 10 * 3 * 3
    assert found.flops == 2 * (sparse + forward + onto_x + onto_s)
    read_twice = 4 * (10 * 4 + 10 * 3) + 8 * 10
    edges, pooled, losses = 8 * 2 * 18, 4 * 2 * (3 * 4 + 3 * 3), 2 * 4
    gradients = 4 * (10 * 4 + 10 * 3)
    assert found.traffic == 2 * (read_twice + pooled + losses) + edges + gradients


def test_directed_graphs_need_a_second_sparse_product():
    once = work(10, 18, 4, 3, 2)
    twice = work(10, 18, 4, 3, 2, sparse_products=2)
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
    assert problem_work(problem).flops == expected


def test_limit_is_the_larger_of_arithmetic_and_traffic():
    needed = Work(flops=4e9, traffic=1e9)
    assert needed.milliseconds(Rates(gemm=1e12, copy=1e9)) == pytest.approx(1000)
    assert needed.bound(Rates(gemm=1e12, copy=1e9)) == "memory"
    assert needed.milliseconds(Rates(gemm=1e9, copy=1e12)) == pytest.approx(4000)
    assert needed.bound(Rates(gemm=1e9, copy=1e12)) == "arithmetic"


def test_limit_of_a_set_is_the_mean_of_its_batches():
    problems = [
        tree_like(torch.tensor([size]), 0, num_clusters=4, num_features=3) for size in (9, 90)
    ]
    rates = Rates(gemm=1e6, copy=1e12)
    row = limit(problems, rates)
    flops = [problem_work(problem).flops for problem in problems]
    assert row["limit_ms"] == pytest.approx(1e3 * sum(flops) / 2 / 1e6)
    assert row["gflop"] == pytest.approx(sum(flops) / 2e9)
    assert (row["bound"], row["gemm_gflops"]) == ("arithmetic", 1e-3)


def test_rates_count_operations_and_bytes(monkeypatch):
    # A clock on which every call takes two seconds.
    ticks = iter(range(0, 1000, 2))
    monkeypatch.setattr("time.perf_counter", lambda: next(ticks))
    rates = measure_rates("cpu", side=8, copied=100, repeats=2)
    assert rates == Rates(gemm=2 * 8**3 / 2, copy=2 * 4 * 100 / 2)


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
    rates = measure_rates(device, side=256, copied=2**20)
    assert rates.gemm > 1e8
    assert rates.copy > 1e7
