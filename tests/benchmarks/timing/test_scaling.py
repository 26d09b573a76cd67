from functools import partial

import pytest
import torch

from benchmarks.timing.coarsen import measure_alone
from benchmarks.timing.limited_process import OUT_OF_MEMORY, run_limited
from benchmarks.timing.rivals import CONTENDERS, OURS, PYG
from benchmarks.timing.scaling import AXES, RIVALS, Point, make_point


def test_a_point_is_what_it_says():
    problem = make_point(Point("graphs", 7, graphs=7, nodes=50, edges=100, clusters=5), seed=0)
    assert problem.sizes.tolist() == [50] * 7
    source, target = problem.edge_index
    assert torch.equal(problem.batch[source], problem.batch[target])
    assert 0.85 * 700 < problem.edge_index.size(1) <= 700
    assert (source != target).all()
    assert problem.logits.shape == (350, 5)
    assert problem.x.shape == (350, 64)


def test_axes_reach_a_million_nodes_and_vary_one_thing():
    last = AXES["nodes"][-1]
    assert (last.nodes, last.edges, last.clusters) == (1_000_000, 5_000_000, 32)
    for axis, points in AXES.items():
        own = {"nodes", "edges"} if axis == "nodes" else {axis}
        kept = {
            tuple(getattr(p, key) for key in Point._fields[2:] if key not in own) for p in points
        }
        assert len(kept) == 1
        assert [getattr(p, axis) for p in points] == [p.size for p in points]
        assert list(points) == sorted(points, key=lambda p: p.size)


@pytest.mark.parametrize("contender", [name for name in RIVALS if name in CONTENDERS])
def test_time_and_peak_memory_are_measured(contender):
    started = []
    point = Point("nodes", 3000, nodes=3000, edges=6000, clusters=4)
    make = partial(make_point, point, 0)
    measure_alone(lambda: started.append(True), contender, make, 1, "cpu", 8.0, 2.0)
    assert started == [True]
    # Memory is measured as the bench does, in a process that has none to use again.
    row, note = run_limited(measure_alone, (contender, make, 1, "cpu", 8.0, 2.0))
    assert note is None
    assert row["median_ms"] > 0
    assert 1 <= row["runs"] <= 9
    # Two dense matrices at least take 69 MiB.
    assert (row["peak_mib"] > 69) == (contender == PYG)


def test_a_point_over_its_memory_dies_and_the_same_one_of_ours_does_not():
    point = Point("nodes", 20_000, nodes=20_000, edges=20_000, clusters=2)
    arguments = (partial(make_point, point, 0), 1, "cpu", 1.2)
    assert run_limited(measure_alone, (PYG, *arguments), 1.2, 60.0) == (None, OUT_OF_MEMORY)
    assert measure_alone(lambda: None, OURS, *arguments)["peak_mib"] < 100
