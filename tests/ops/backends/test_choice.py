"""When padding is chosen on a CPU, and when slices are."""

from pyg_diffpool.ops.backends.choice import CALL_COST, PADDED_CALLS, choose_backend
from tests.ops.backends.products import sized


def test_slices_are_chosen_where_padding_costs_more_than_their_calls():
    """One graph twice as large as the others: padding wastes as many rows as they have."""
    graphs = sized([100] * 10 + [200])
    waste = 10 * 100
    calls = (11 - PADDED_CALLS) * CALL_COST
    columns = calls // waste
    assert choose_backend(graphs, 1, columns) == "padded"
    assert choose_backend(graphs, 1, columns + 1) == "ragged"
    assert choose_backend(graphs, columns + 1, 1) == "ragged"
    assert choose_backend(sized([100] * 10), 1000, 1000) == "padded"


def test_few_graphs_are_few_calls():
    assert choose_backend(sized([5] * (PADDED_CALLS - 1)), 1, 1) == "ragged"
    assert choose_backend(sized([5] * PADDED_CALLS), 1, 1) == "padded"
