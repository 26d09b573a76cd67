"""How a ragged batch of logits is cut into matrices."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyg_diffpool.ops.assignments import row_chunks as module
from pyg_diffpool.ops.assignments.row_chunks import RowChunk, row_chunks

GRAPHS = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 12)), max_size=8)


@given(graphs=GRAPHS)
def test_every_row_is_in_one_matrix_with_all_its_columns(graphs):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SMALL_CHUNK", 50)
        patch.setattr(module, "LARGEST_CHUNK", 100)
        chunks = list(row_chunks(*([list(part) for part in zip(*graphs, strict=True)] or [[], []])))
    columns = [k for size, k in graphs for _ in range(size)]
    place, entries = 0, 0
    for chunk in chunks:
        rows = columns[chunk.start : chunk.stop]
        assert chunk.start == place
        assert chunk.columns >= max(rows)
        assert (chunk.stop - chunk.start) * chunk.columns <= max(100, chunk.columns)
        assert not chunk.uniform or set(rows) == {chunk.columns}
        place = chunk.stop
        entries += (chunk.stop - chunk.start) * chunk.columns
    assert place == len(columns)
    assert entries <= 1.5 * sum(columns) + 50 * len(graphs)


def test_graphs_of_equal_numbers_need_no_mask():
    assert list(row_chunks([3, 0, 2], [4, 9, 4])) == [RowChunk(0, 5, 4, True)]


def test_a_large_graph_does_not_widen_the_others():
    chunks = list(row_chunks([3000, 5000, 3000], [75, 1250, 75]))
    assert [chunk.columns for chunk in chunks] == [75, 1250, 1250, 75]
    assert [chunk.stop for chunk in chunks] == [3000, 6355, 8000, 11000]
