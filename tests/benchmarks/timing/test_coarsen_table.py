import pytest

from benchmarks.timing import coarsen_table
from benchmarks.timing.coarsen import LARGE
from benchmarks.timing.coarsen_table import profiled
from benchmarks.timing.rivals import OURS, PYG, SHUFFLED, TGP


def requirements(rows):
    return [list(line.values()) for line in coarsen_table.requirements(rows)]


def timed(name, times, nodes=1000, **more):
    return [
        {"set": name, "contender": contender, "median_ms": ms, "nodes": nodes, **more}
        for contender, ms in times.items()
    ]


def test_ratios_of_both_ways_to_give_edges():
    times = {OURS: 10.0, SHUFFLED: 12.0, PYG: 29.0, TGP[0]: 60.0, TGP[1]: 40.0}
    assert requirements(timed("ENZYMES", times)) == [
        ["ENZYMES", OURS, "faster than PyG", "3×", "2.9×", "NOT MET"],
        ["ENZYMES", OURS, "faster than the faster tgp", "4×", "4×", "met"],
        ["ENZYMES", SHUFFLED, "faster than PyG", "2.4×", "2.42×", "met"],
        ["ENZYMES", SHUFFLED, "faster than the faster tgp", "3.2×", "3.33×", "met"],
    ]


@pytest.mark.parametrize(
    ("name", "required"), [("ENZYMES", 3.0), ("COLLAB", 4.0), ("DD", 35), ("REDDIT-like", 200)]
)
def test_figures_over_pyg(name, required):
    for factor, met in ((0.99, "NOT MET"), (1.01, "met")):
        ours, shuffled = requirements(
            timed(name, {OURS: 1.0, SHUFFLED: 1 / 0.8, PYG: factor * required})
        )[::2]
        assert (ours[-1], shuffled[-1]) == (met, met)


def test_a_set_without_a_figure_has_no_verdict():
    lines = requirements(timed("PROTEINS", {OURS: 1.0, PYG: 2.0, TGP[0]: 9.0}))
    assert lines == [
        ["PROTEINS", OURS, "faster than PyG", "–", "2×", ""],
        ["PROTEINS", OURS, "faster than the faster tgp", "–", "9×", ""],
    ]


def test_absent_rivals_are_named():
    lines = requirements(timed("DD", {OURS: 1.0, PYG: 40.0}))
    assert lines[1] == ["DD", OURS, "faster than the faster tgp", "4×", "not installed", ""]


@pytest.mark.parametrize(
    ("nodes", "times_limit", "expected"),
    [(5001, 1.4, ["<= 1.5×", "1.4×", "met"]), (5001, 1.6, ["<= 1.5×", "1.6×", "NOT MET"])],
)
def test_distance_from_the_limit(nodes, times_limit, expected):
    rows = timed("DD", {OURS: 1.0, SHUFFLED: 2.0}, nodes, times_limit=times_limit)
    (line,) = [line for line in requirements(rows) if "limit" in line[2]]
    assert line == ["DD", OURS, "time over the machine's limit", *expected]


def test_small_batches_have_no_limit():
    lines = requirements(timed("ENZYMES", {OURS: 1.0}, 5000, times_limit=60.0))
    assert not [line for line in lines if "limit" in line[2]]


def test_peak_memory_of_the_large_graph():
    rows = [{"set": LARGE, "contender": OURS, "peak_mib": peak} for peak in (476, 477)]
    assert [line[-1] for line in requirements(rows)] == ["met", "NOT MET"]


def test_profile_shows_milliseconds_and_percent():
    shares = {"products": 1.5, "softmax": 0.0, "Python": 0.5}
    (line,) = profiled([{"set": "DD", "profile_ms": shares}, {"set": "DD"}])
    assert line == {
        "batches": "DD", "ms": "2.00",
        "products": "1.50 (75)", "softmax": "0.00 (0)", "Python": "0.50 (25)",
    }  # fmt: skip
