import numpy as np

from pyg_diffpool.visualize.packing import LEAST, nested_positions


def distances(position):
    return np.linalg.norm(position[:, None] - position[None], axis=-1)


def test_discs_do_not_overlap():
    rng = np.random.default_rng(0)
    middle, mass = rng.random((25, 2)), rng.random(25)
    [position] = nested_positions([middle], [], mass)
    radius = np.maximum(np.sqrt(mass / mass.max()), LEAST)
    apart = distances(position) - radius[:, None] - radius[None] + 99 * np.eye(25)
    assert apart.min() > 0


def test_order_is_kept():
    middle = np.stack([np.arange(5.0), np.zeros(5)], 1)
    [position] = nested_positions([middle], [], np.ones(5))
    assert (np.diff(position[:, 0]) > 0).all()


def test_groups_fill_discs_apart_from_each_other():
    rng = np.random.default_rng(1)
    group = np.arange(18) % 3
    middle = rng.random((18, 2))
    upper = np.stack([middle[group == row].mean(0) for row in range(3)])
    first, last = nested_positions([middle, upper], [group, np.zeros(3, dtype=int)], np.ones(18))
    to_middles = np.linalg.norm(first[:, None] - last[None], axis=-1)
    assert (to_middles.argmin(1) == group).all()
    reach = np.array([to_middles[group == row, row].max() for row in range(3)])
    assert (distances(last) + 99 * np.eye(3) > reach[:, None] + reach[None]).all()


def test_equal_places_come_apart_in_the_same_way():
    one, same = (nested_positions([np.zeros((6, 2))], [], np.ones(6))[0] for _ in range(2))
    assert (one == same).all()
    assert (distances(one) + 99 * np.eye(6)).min() > 1


def test_clusters_without_mass():
    [position] = nested_positions([np.zeros((3, 2))], [], np.zeros(3))
    assert np.isfinite(position).all()
