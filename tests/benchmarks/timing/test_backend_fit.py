import itertools

import pytest

from benchmarks.timing.backend_fit import CALL_COSTS, Constants, fit, judge, wasted
from benchmarks.timing.backend_sweep import _sizes


def row(graphs, mean_nodes, stretch, clusters):
    sizes = _sizes(graphs, mean_nodes, stretch)
    return {
        "graphs": graphs,
        "nodes": int(sizes.sum()),
        "largest": int(sizes.max()),
        "clusters": clusters,
        "features": 64,
    }


def timed_rows(constants):
    """Time a grid by the model that the rule follows: 1e-6 ms a multiply-add."""
    grid = itertools.product((2, 4, 8, 16, 32, 64, 128), (10, 20, 50, 100), (1, 2, 3), (5, 20, 60))
    for graphs, mean_nodes, stretch, clusters in grid:
        if graphs < stretch:
            continue
        point = row(graphs, mean_nodes, stretch, clusters)
        own = point["nodes"] * clusters * (64 + 2 * clusters)
        ragged = 1e-6 * (own + graphs * constants.call_cost)
        padded = 1e-6 * (own + wasted(point) + constants.padded_calls * constants.call_cost)
        yield point | {"median_ms": {"padded": padded, "ragged": ragged}}


def test_waste_by_hand():
    # Sizes 9, 2, 1: padded to 27 rows, 15 of them in vain.
    point = {"graphs": 3, "largest": 9, "nodes": 12, "clusters": 5, "features": 7}
    assert wasted(point) == 15 * 5 * (7 + 2 * 5)


@pytest.mark.parametrize("known", [Constants(40_000, 5), Constants(160_000, 12)])
def test_fit_recovers_the_constants_behind_times(known):
    rows = list(timed_rows(known))
    assert {known.choose(point) for point in rows} == {"padded", "ragged"}
    found = fit(rows)
    assert found.mean == pytest.approx(1.0, abs=1e-6)
    assert found.worst == pytest.approx(1.0, abs=1e-6)
    assert found.constants.call_cost == pytest.approx(known.call_cost, rel=0.3)
    assert found.constants.padded_calls == pytest.approx(known.padded_calls, abs=2)


def test_fit_is_the_best_of_its_grid():
    rows = list(timed_rows(Constants(100_000, 9)))
    for point in rows[::3]:
        # Times that no constants explain.
        point["median_ms"]["padded"] *= 3
    best = fit(rows).mean
    others = [judge(rows, Constants(cost, calls)).mean for cost in CALL_COSTS for calls in (0, 9)]
    assert 1 < best <= min(others) + 1e-12


def test_regret_by_hand():
    rows = [
        row(32, 20, 1, 8) | {"median_ms": {"padded": 2.0, "ragged": 8.0}},
        row(32, 20, 3, 8) | {"median_ms": {"padded": 3.0, "ragged": 1.0}},
    ]
    always_padded = judge(rows, Constants(10**12, 0))
    assert (always_padded.mean, always_padded.worst) == (pytest.approx(3**0.5), 3.0)
    always_ragged = judge(rows, Constants(10**12, 64))
    assert (always_ragged.mean, always_ragged.worst) == (pytest.approx(2.0), 4.0)
