"""Poolings of one graph from whatever a network returns, and what is none."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool import DiffPoolNet
from pyg_diffpool.visualize.poolings import (
    check_number,
    check_probabilities,
    count_graphs,
    poolings_of_graph,
    read_poolings,
)
from tests.visualize.graphs import pooled, three_levels, triangles_assignment, two_triangles


def test_networks_poolings_and_tensors_are_read_alike():
    batch, out = three_levels()
    listed = read_poolings(out.levels)
    for found in (read_poolings(out), read_poolings([level.assignment for level in out.levels])):
        assert len(found) == 2
        for one, other in zip(found, listed, strict=True):
            assert_close(one.s, other.s)
            assert one.s.dtype == torch.float64
    assert_close(listed[0].adj, out.levels[0].adj.double())
    assert torch.equal(listed[0].available, out.levels[0].mask)
    assert read_poolings([level.assignment for level in out.levels])[0].adj is None
    assert count_graphs(listed) == 2
    assert batch.num_graphs == 2


def test_one_pooling_need_not_stand_in_a_list():
    s = triangles_assignment()
    whole = pooled(s, two_triangles(batch=torch.zeros(6).long()))
    for out in (s, whole, [s], (whole,)):
        (found,) = read_poolings(out)
        assert_close(found.s, s.double())
        assert found.available.shape == (1, 5)
    assert count_graphs(read_poolings(s)) is None
    assert count_graphs(read_poolings(whole)) == 1


def test_a_later_matrix_of_one_graph_is_a_batch_of_one():
    first, second = read_poolings([torch.eye(3), torch.ones(3, 1)])
    assert first.s.shape == (3, 3)
    assert second.s.shape == (1, 3, 1)


def test_gradients_are_left_behind():
    s = torch.eye(3, requires_grad=True)
    assert not read_poolings(s)[0].s.requires_grad


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (3, TypeError, "out: expected a DiffPoolOutput, .* got int"),
        ([], ValueError, "out: expected at least one pooling, got none"),
        (["s"], TypeError, "out: expected PooledGraphs or assignment tensors, got str"),
        (torch.ones(3), ValueError, r"assignment 0: expected shape \[N, K\] .* got \(3,\)"),
        (torch.ones(3, 0), ValueError, r"with K >= 1, got \(3, 0\)"),
        (
            torch.ones(3, 2).long(),
            TypeError,
            "assignment 0: expected a floating dtype, got torch.i",
        ),
        (
            [torch.eye(3), torch.ones(4, 1)],
            ValueError,
            r"assignment 1: expected 3 rows, one for each cluster of the level below, .* \(1, 4, 1",
        ),
    ],
)
def test_what_is_no_pooling(out, error, message):
    with pytest.raises(error, match=message):
        read_poolings(out)


def test_levels_hold_as_many_graphs():
    two, three = torch.ones(2, 4, 1), torch.ones(3, 1, 1)
    assert count_graphs(read_poolings([two])) == 2
    with pytest.raises(ValueError, match=r"as many graphs on each level, got \[2, 3\]"):
        count_graphs(read_poolings([two, three]))


def test_one_graphs_rows_of_a_batch():
    _, out = three_levels()
    poolings = read_poolings(out)
    for graph, node in ((0, torch.arange(4)), (1, torch.arange(4, 12))):
        first, second = poolings_of_graph(poolings, graph, node)
        assert_close(first.s, out.levels[0].assignment[node].double())
        assert_close(second.s, out.levels[1].assignment[graph].double())
        assert_close(first.adj, out.levels[0].adj[graph].double())
        assert torch.equal(second.available, out.levels[1].mask[graph])


def test_padding_of_a_dense_batch_stays_behind():
    s = torch.full((2, 4, 2), float("nan"))
    s[0, :3], s[1, :2] = 0.5, torch.tensor([0.25, 0.75])
    (found,) = poolings_of_graph(read_poolings(s), 1, torch.arange(2))
    assert_close(found.s, torch.tensor([[0.25, 0.75]] * 2).double())
    with pytest.raises(
        ValueError, match="expected a row for each of the 5 nodes of graph 0, got 4"
    ):
        poolings_of_graph(read_poolings(s), 0, torch.arange(5))


def test_rows_of_clusters_that_were_not_available_are_not_looked_at():
    available = torch.tensor([[True, False]])
    first, second = read_poolings([torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0], [7.0]])])
    first = first._replace(available=available)
    assert len(poolings_of_graph([first, second], 0, torch.arange(1))) == 2
    with pytest.raises(ValueError, match=r"assignment 1: expected probabilities .* row \[7.0\]"):
        poolings_of_graph([first._replace(available=~available), second], 0, torch.arange(1))


@pytest.mark.parametrize(
    ("row", "good"),
    [
        ([0.5, 0.54], True),
        ([0.5, 0.56], False),
        ([0.5, 0.44], False),
        ([-0.01, 1.01], False),
        ([torch.nan, 1.0], False),
        ([torch.inf, 0.0], False),
    ],
)
def test_rows_are_probabilities_as_far_as_bfloat16_tells(row, good):
    s = torch.tensor([[1.0, 0.0], row])
    if good:
        check_probabilities(s, 0)
        return
    with pytest.raises(ValueError, match="assignment 3: expected probabilities that sum to one"):
        check_probabilities(s, 3)


def test_long_rows_are_told_shortly():
    with pytest.raises(ValueError, match=r"got the row \[1.0, 1.0, 1.0, 1.0, 1.0, 1.0\]…$"):
        check_probabilities(torch.ones(1, 7), 0)
    with pytest.raises(ValueError, match=r"1.0\]$"):
        check_probabilities(torch.ones(1, 6), 0)


def test_numbers_within_bounds():
    for number in (0, 2, torch.tensor(1)):
        check_number("level", number, 0, 2)
    for number in (-1, 3):
        with pytest.raises(ValueError, match=f"^level: expected 0 to 2, got {number}$"):
            check_number("level", number, 0, 2)
    for number in (1.0, "1", None):
        with pytest.raises(TypeError, match=r"^level: expected an integer, got "):
            check_number("level", number, 0, 2)


def test_sparse_levels_are_read_as_the_dense_ones():
    torch.manual_seed(0)
    options = {"max_clusters": [4, 2], "ratio": 0.5, "assignment": "sparsemax", "num_layers": 1}
    sparse, dense = (DiffPoolNet(3, 4, 2, sparse_level=s, **options) for s in (True, False))
    dense.load_state_dict(sparse.state_dict())
    x, edge_index = torch.randn(7, 3), torch.tensor([[0, 1, 5], [1, 2, 6]])
    batch = torch.tensor([0, 0, 0, 0, 0, 1, 1])
    found, wanted = (
        read_poolings(net.eval()(x, edge_index, batch=batch)) for net in (sparse, dense)
    )
    below = None
    for one, other in zip(found, wanted, strict=True):
        width = one.s.size(-1)
        rows = ... if below is None else below
        assert_close(one.s[rows], other.s[..., :width][:, : one.s.size(1)][rows])
        assert_close(one.adj, other.adj[:, :width, :width])
        below = one.available
        assert torch.equal(below, other.available[:, :width])
