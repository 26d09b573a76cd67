import matplotlib.path
import numpy as np
import pytest

from pyg_diffpool.visualize.hulls import cluster_parts, padded_hull


@pytest.mark.parametrize("count", [1, 2, 3, 40])
def test_hull_contains_its_circles_and_little_more(count):
    rng = np.random.default_rng(count)
    points, padding = rng.random((count, 2)), 0.05 + 0.1 * rng.random(count)
    hull = padded_hull(points, padding)
    angle = np.linspace(0, 2 * np.pi, 100)
    circle = 0.999 * np.stack([np.cos(angle), np.sin(angle)], 1)
    inside = (points[:, None] + padding[:, None, None] * circle).reshape(-1, 2)
    assert matplotlib.path.Path(hull).contains_points(inside).all()
    assert (hull.max(0) <= (points + 1.01 * padding[:, None]).max(0)).all()
    assert (hull.min(0) >= (points - 1.01 * padding[:, None]).min(0)).all()


def test_points_on_a_line_and_equal_points():
    line = np.stack([np.arange(4.0), np.zeros(4)], 1)
    assert np.ptp(padded_hull(line, 0.5), axis=0) == pytest.approx([4, 1], rel=0.01)
    assert np.ptp(padded_hull(np.zeros((3, 2)), 0.5), axis=0) == pytest.approx([1, 1], rel=0.01)


def test_parts_hang_together_by_edges_of_their_cluster():
    cluster = np.array([0, 0, 1, 0, 1, -1])
    edge = np.array([[0, 1, 2, 1, 3], [1, 2, 4, 5, 5]])
    parts = [part.tolist() for part in cluster_parts(edge, cluster)]
    assert parts == [[0, 1], [3], [2, 4]]
