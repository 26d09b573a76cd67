"""Which rows of a padded batch are nodes: sums, means and masks leave the others out."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.padded_graphs import PaddedGraphs, mask_rows
from tests.problems import make_problem

PROBLEM = make_problem((3, 0, 2), num_features=2)
CPU = torch.device("cpu")


def padded(rows, width=None):
    values, mask = PROBLEM.to_dense(rows, width, fill=float("nan"))
    return PaddedGraphs(mask, 3, values.size(1), CPU), values


@pytest.mark.parametrize("width", [None, 7])
def test_sums_and_means(width):
    values = PROBLEM.x[:, 0]
    graphs, rows = padded(values, width)
    assert graphs.sizes.tolist() == [3, 0, 2]
    sums = torch.stack([values[:3].sum(), values[:0].sum(), values[3:].sum()])
    assert_close(graphs.sum_rows(rows), sums)
    columns = torch.stack([rows, -rows], -1)
    assert_close(graphs.sum_rows(columns), torch.stack([sums, -sums], -1))
    assert_close(graphs.padded_mean(rows), sums.sum() / (3 * (width or 3)))


def test_rows_that_are_not_nodes_become_zeros():
    graphs, rows = padded(PROBLEM.x)
    for masked in (graphs.mask_rows(rows), mask_rows(rows, graphs.mask)):
        assert_close(masked[graphs.mask], PROBLEM.x)
        assert masked[~graphs.mask].count_nonzero() == 0
    assert mask_rows(rows, None) is rows


def test_one_mask_may_serve_all_graphs():
    graphs = PaddedGraphs(torch.tensor([[True, False]]), 3, 2, CPU)
    rows = torch.arange(6.0).view(3, 2)
    assert_close(graphs.sum_rows(rows), torch.tensor([0.0, 2.0, 4.0]))
    assert_close(graphs.mask_rows(rows.unsqueeze(-1)).squeeze(-1), rows * torch.tensor([1.0, 0.0]))


def test_without_a_mask_every_row_is_a_node():
    graphs = PaddedGraphs(None, 2, 3, CPU)
    rows = torch.arange(6.0).view(2, 3)
    assert graphs.sizes.tolist() == [3, 3]
    assert_close(graphs.sum_rows(rows), torch.tensor([3.0, 12.0]))
    assert_close(graphs.padded_mean(rows), torch.tensor(2.5))
    assert graphs.mask_rows(rows) is rows


def test_the_mean_of_nothing_is_zero():
    assert PaddedGraphs(None, 0, 0, CPU).padded_mean(torch.empty(0, 0)) == 0


def test_every_row_gets_what_its_graph_has():
    columns = torch.tensor([[True, False], [True, True], [False, True]])
    graphs, rows = padded(PROBLEM.x)
    spread = graphs.to_rows(columns).expand(rows.shape)
    assert_close(spread[graphs.mask], columns[PROBLEM.batch])
