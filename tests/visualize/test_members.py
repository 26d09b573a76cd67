"""Which clusters are in use, what they stand for, and how looks lead from level to level."""

import torch
from torch.testing import assert_close

from pyg_diffpool.visualize.members import Look, looks, members
from pyg_diffpool.visualize.palette import PALETTE
from pyg_diffpool.visualize.poolings import Pooling

ALL = torch.ones(4, dtype=torch.bool)
FIRST = torch.tensor(
    [[0.0, 0.8, 0.0, 0.2], [0.0, 0.6, 0.0, 0.4], [0.1, 0.0, 0.0, 0.9], [0.3, 0.0, 0.0, 0.7]]
).double()
SECOND = torch.tensor([[0.5, 0.5], [0.1, 0.9], [1.0, 0.0], [0.2, 0.8]]).double()


def test_clusters_in_use_are_the_likeliest_of_some_node():
    nodes, clusters, tops = members([Pooling(FIRST, None, ALL), Pooling(SECOND, None, ALL[:2])])
    assert nodes.number.tolist() == [0, 1, 2, 3]
    assert nodes.cluster.tolist() == [0, 0, 1, 1]
    assert nodes.mass.tolist() == [1.0] * 4
    assert nodes.hidden == 0
    assert clusters.number.tolist() == [1, 3]
    assert clusters.cluster.tolist() == [0, 0]
    assert_close(clusters.mass, FIRST.sum(0)[[1, 3]])
    assert clusters.hidden == 2
    assert tops.number.tolist() == [1]
    assert tops.cluster.tolist() == [-1]
    # Of all clusters, those that are not drawn included.
    assert_close(tops.mass, (SECOND.t() @ FIRST.sum(0))[1:])
    assert tops.hidden == 1


def test_clusters_that_may_not_be_used_are_nobodys():
    available = torch.tensor([True, False, True, True])
    nodes, clusters = members([Pooling(FIRST, None, available)])
    assert clusters.number.tolist() == [3]
    assert nodes.cluster.tolist() == [0, 0, 0, 0]
    assert clusters.hidden == 2


def test_the_heaviest_cluster_has_the_first_colour_and_its_nodes_have_it_too():
    levels = members([Pooling(FIRST, None, ALL), Pooling(SECOND, None, ALL[:2])])
    assert levels[1].mass[1] > levels[1].mass[0]
    nodes, clusters, tops = looks(levels)
    assert clusters.color == [PALETTE[1], PALETTE[0]]
    assert nodes.color == [PALETTE[1]] * 2 + [PALETTE[0]] * 2
    assert nodes.mark == [clusters.mark[row] for row in levels[0].cluster]
    # A cluster of a later pooling looks like its heaviest member.
    assert tops == Look([PALETTE[0]], [clusters.mark[1]])


def test_own_colours_go_by_the_clusters_number():
    levels = members([Pooling(FIRST, None, ALL)])
    nodes, clusters = looks(levels, {3: "#000000"})
    assert clusters.color == [PALETTE[0], "#000000"]
    assert nodes.color == [PALETTE[0]] * 2 + ["#000000"] * 2
