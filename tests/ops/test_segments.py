"""The graphs of a sparse and of a padded batch: the same numbers from both."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.padded_graphs import PaddedGraphs
from pyg_diffpool.ops.segments import UNKNOWN, Segments, segments
from tests.problems import make_problem

PROBLEM = make_problem((3, 0, 2), num_features=2)
VALUES = PROBLEM.x[:, 0]
SIZES = torch.tensor([3, 0, 2])
SUMS = torch.stack([VALUES[:3].sum(), VALUES[:0].sum(), VALUES[3:].sum()])


def sparse(max_num_nodes=None) -> Segments:
    return segments(5, PROBLEM.batch, 3, max_num_nodes, PROBLEM.x.device, None)


def padded(width=None) -> tuple[PaddedGraphs, torch.Tensor]:
    values, mask = PROBLEM.to_dense(VALUES, width, fill=float("nan"))
    return PaddedGraphs(mask, 3, values.size(1), values.device), values


def test_sums_and_sizes_agree():
    graphs, values = padded()
    assert_close(sparse().sizes, SIZES)
    assert_close(graphs.sizes, SIZES)
    assert_close(sparse().sum_rows(VALUES), SUMS)
    assert_close(graphs.sum_rows(values), SUMS)
    assert sparse().sum_rows(VALUES.float()).dtype == torch.float64
    columns, sums = (torch.stack([v, 2 * v], -1) for v in (VALUES, SUMS))
    assert_close(sparse().sum_rows(columns), sums)
    assert_close(graphs.sum_rows(torch.stack([values, 2 * values], -1)), sums)


@pytest.mark.parametrize("width", [None, 3, 7])
def test_padded_means_count_padding_as_zeros(width):
    graphs, values = padded(width)
    wanted = VALUES.sum() / (3 * (width or 3))
    assert_close(sparse(width).padded_mean(VALUES), wanted)
    assert_close(graphs.padded_mean(values), wanted)


def test_rows_get_what_their_graph_has():
    columns = torch.tensor([[True, False], [True, True], [False, True]])
    assert_close(sparse().to_rows(columns), columns[PROBLEM.batch])
    rows, mask = PROBLEM.to_dense(PROBLEM.x)
    graphs = PaddedGraphs(mask, 3, 3, rows.device)
    spread = graphs.to_rows(columns).expand(rows.shape)
    assert_close(spread[mask], columns[PROBLEM.batch])


def test_rows_that_are_not_nodes_become_zeros():
    rows, mask = PROBLEM.to_dense(PROBLEM.x, fill=float("nan"))
    masked = PaddedGraphs(mask, 3, 3, rows.device).mask_rows(rows)
    assert_close(masked[mask], PROBLEM.x)
    assert masked[~mask].count_nonzero() == 0
    assert sparse().mask_rows(PROBLEM.x) is PROBLEM.x
    assert sparse().mask is None


def test_slots_are_the_positions_in_a_padded_batch():
    assert sparse().slots().tolist() == [0, 1, 2, 6, 7]
    assert sparse(4).slots().tolist() == [0, 1, 2, 8, 9]


def test_widths_are_measured_on_the_cpu_and_never_wider_than_the_batch():
    assert sparse().given_width == sparse().width == 3
    assert sparse(100).width == 5
    unknown = sparse()._replace(given_width=UNKNOWN)
    assert unknown.width == 3
    assert unknown.padded_width() == 3
    nothing = segments(0, torch.empty(0, dtype=torch.long), 0, None, torch.device("cpu"), None)
    assert nothing._replace(given_width=UNKNOWN).padded_width() == 0
    assert nothing.padded_mean(torch.empty(0)) == 0


def test_a_batch_vector_of_any_stride():
    """The function that finds the first node of each graph reads memory without strides."""
    batch = torch.tensor([0, 0, 0, 1, 1, 2])
    strided = torch.stack([batch, torch.full_like(batch, 2)], 1)[:, 0]
    found = segments(6, strided, None, None, batch.device, True)
    assert found.ptr.tolist() == [0, 3, 5, 6]
    assert found.batch.is_contiguous()
    same = torch.zeros(1, dtype=torch.long).expand(4)
    assert segments(4, same, 1, None, batch.device, True).ptr.tolist() == [0, 4]
