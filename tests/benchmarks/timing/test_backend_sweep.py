import itertools
from types import SimpleNamespace

import pytest
import torch

from benchmarks.timing import backend_sweep
from benchmarks.timing.backend_fit import Constants
from benchmarks.timing.backend_sweep import GRID, _sizes, point_rows, sweep
from benchmarks.timing.turns import Timing


@pytest.fixture
def asked(monkeypatch):
    """What is asked of the stopwatch, which answers 4 ms for padding and 1 ms for slices."""
    found = []

    def take_turns(steps, rounds, seconds):
        found.append((list(steps), rounds, seconds))
        return {name: Timing([0.004 if name == "padded" else 0.001] * 3) for name in steps}

    monkeypatch.setattr(backend_sweep, "take_turns", take_turns)
    return found


@pytest.mark.parametrize(
    ("graphs", "mean", "stretch", "sizes"),
    [(4, 20, 1, [20] * 4), (4, 20, 2, [40, 13, 13, 13]), (2, 5, 2, [10, 2]), (1, 7, 1, [7])],
)
def test_one_graph_is_the_largest_and_the_others_share_the_rest(graphs, mean, stretch, sizes):
    assert _sizes(graphs, mean, stretch).tolist() == sizes


def test_a_point_tells_its_sizes_its_times_and_what_the_rule_chooses(asked):
    sizes = torch.tensor([40, 13, 13, 13])
    (row,) = point_rows(sizes, clusters=8, features=16, seed=0, rounds=3)
    assert asked == [(["padded", "ragged"], 3, backend_sweep.SECONDS)]
    assert row["median_ms"] == {"padded": 4.0, "ragged": 1.0}
    assert (row["graphs"], row["nodes"], row["largest"]) == (4, 79, 40)
    assert (row["mean_nodes"], row["clusters"], row["features"]) == (19.8, 8, 16)
    # Trees with edges both ways have at least so many.
    assert row["edges"] >= 2 * (79 - 4)
    assert row["chosen"] == Constants.of_library().choose(row)


def test_points_that_are_out_of_proportion_are_left_out(asked, monkeypatch):
    seen = []
    monkeypatch.setattr(backend_sweep, "point_rows", lambda *given: seen.append(given) or [])
    *points, constants = sweep(5, False, SimpleNamespace(rows=[]))
    assert constants.name == "constants"
    for work in points:
        work.run()
    assert {given[3:] for given in seen} == {(5, backend_sweep.ROUNDS)}
    found = [(sizes.numel(), int(sizes.max()), clusters) for sizes, clusters, *_ in seen]
    assert found == [
        (graphs, mean * stretch, clusters)
        for graphs, mean, stretch, clusters, features in itertools.product(*GRID.values())
        # All nodes together are enough for the largest graph, and padding does not waste too much.
        if graphs * mean >= stretch * mean
        and graphs * stretch * mean * (features + 2 * clusters) <= 1e7
    ]
    assert len({work.name for work in points}) == len(found) < 288


def test_a_quick_sweep_ends_with_the_constants_of_the_rows_stored(asked):
    lines = SimpleNamespace(rows=[])
    works = list(sweep(0, True, lines))
    assert [work.name for work in works] == ["point 0", "point 2", "point 3", "constants"]
    for work in works[:-1]:
        lines.rows += work.run()
    assert [given[1] for given in asked] == [3, 3, 3]
    (row,) = works[-1].run()
    # Slices are four times as fast everywhere: constants that always choose them leave no regret.
    assert row["fitted_constants"]["mean_regret"] == pytest.approx(1.0)
    regrets = [4.0 if point["chosen"] == "padded" else 1.0 for point in lines.rows]
    assert row["library_constants"]["worst_regret"] == max(regrets)
    assert row["library_constants"]["call_cost"] == Constants.of_library().call_cost
