"""Weighted sums, total weights and maxima, as prepared edges, matrices and messages."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.neighbourhoods import (
    DenseNeighbourhood,
    MessageNeighbourhood,
    SparseNeighbourhood,
)

X = torch.tensor([[1.0], [-2.0], [5.0]])
# Into node 1: from 0 with 0.5, and twice from 2, whose weights cancel. Into 2: from 1.
SOURCE, TARGET = torch.tensor([0, 2, 2, 1]), torch.tensor([1, 1, 1, 2])
WEIGHT = torch.tensor([0.5, 3.0, -3.0, 2.0])
ADJ = torch.zeros(1, 3, 3).index_put(
    (torch.zeros(4).long(), SOURCE, TARGET), WEIGHT, accumulate=True
)
FORMS = {
    # As on a GPU and in traced code, where duplicates stay.
    "sparse": (
        X,
        SparseNeighbourhood(Adjacency(torch.tensor([0, 0, 3, 4]), SOURCE, TARGET, WEIGHT)),
    ),
    "dense": (X.unsqueeze(0), DenseNeighbourhood(ADJ)),
    "messages": (X[SOURCE], MessageNeighbourhood(TARGET, 3, WEIGHT, SOURCE)),
}


@pytest.mark.parametrize("form", FORMS)
def test_sums_and_maxima(form):
    rows, around = FORMS[form]
    assert around.weighted_sum(rows).flatten().tolist() == [0.0, 0.5, -4.0]
    # Node 2 is no neighbour of 1, as its weights cancel; node 0 has none.
    assert around.maximum(rows).flatten().tolist() == [0.0, 1.0, -2.0]
    total = around.total_weight(torch.float64)
    assert total.dtype == torch.float64
    assert total.flatten().tolist() == [0.0, 0.5, 2.0]


@pytest.mark.parametrize("form", FORMS)
def test_weights_are_summed_in_the_dtype_asked_for(form):
    """The sum of a large and a small weight needs more digits than float32 has."""
    big = {0.5: 1e8, 3.0: 1.0, -3.0: 0.25, 2.0: 2.0}
    weight = torch.tensor([big[float(w)] for w in WEIGHT])
    around = {
        "sparse": SparseNeighbourhood(
            Adjacency(torch.tensor([0, 0, 3, 4]), SOURCE, TARGET, weight)
        ),
        "dense": DenseNeighbourhood(
            torch.zeros(1, 3, 3).index_put(
                (torch.zeros(3).long(), torch.tensor([0, 2, 1]), torch.tensor([1, 1, 2])),
                torch.tensor([1e8, 1.25, 2.0]),
            )
        ),
        "messages": MessageNeighbourhood(TARGET, 3, weight),
    }[form]
    assert around.total_weight(torch.float64).flatten().tolist() == [0.0, 1e8 + 1.25, 2.0]


def test_without_weights_edges_count():
    around = SparseNeighbourhood(Adjacency(torch.tensor([0, 0, 3, 4]), SOURCE, TARGET))
    messages = MessageNeighbourhood(TARGET, 3)
    for each, rows in ((around, X), (messages, X[SOURCE])):
        assert each.total_weight(torch.float32).tolist() == [0.0, 3.0, 1.0]
        assert each.maximum(rows).flatten().tolist() == [0.0, 5.0, -2.0]
        assert each.weighted_sum(rows).flatten().tolist() == [0.0, 11.0, -2.0]


def test_weighted_messages_are_not_weighted_again():
    around = MessageNeighbourhood(TARGET, 3, WEIGHT, weighted=True)
    assert_close(around.weigh(X[SOURCE]), X[SOURCE])
    assert around.weighted_sum(X[SOURCE]).flatten().tolist() == [0.0, 11.0, -2.0]
    assert around.total_weight(torch.float32).tolist() == [0.0, 0.5, 2.0]
