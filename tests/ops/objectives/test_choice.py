"""Objectives by name, by function, and by the short forms of their weights."""

import pytest
import torch

from pyg_diffpool.ops.objectives import OBJECTIVES
from pyg_diffpool.ops.objectives.choice import read_objectives


def overlap(pooling):
    return pooling.coarsening.gram.sum((1, 2))


def test_those_of_the_paper_by_default():
    chosen, weights = read_objectives(None)
    assert weights == {"link": 1.0, "entropy": 1.0}
    assert chosen == {name: OBJECTIVES[name] for name in weights}


def test_short_forms():
    assert read_objectives(None, 0.5, 2.0)[1] == {"link": 0.5, "entropy": 2.0}
    assert read_objectives(None, 0.0)[1] == {"link": 0.0, "entropy": 1.0}
    assert read_objectives({"cut": 1}, 0.5)[1] == {"cut": 1, "link": 0.5}


def test_what_is_named_replaces_the_default():
    chosen, weights = read_objectives({"cut": 0.5, "orthogonality": 1.0})
    assert weights == {"cut": 0.5, "orthogonality": 1.0}
    assert list(chosen) == ["cut", "orthogonality"]
    assert read_objectives({}) == ({}, {})


def test_a_function_of_the_users():
    chosen, weights = read_objectives({"overlap": (overlap, 0.1)})
    assert weights == {"overlap": 0.1}
    assert not chosen["overlap"].by_convention


@pytest.mark.parametrize(
    ("error", "words", "objectives"),
    [
        (TypeError, "objectives: expected weights by name", ["link"]),
        (ValueError, "expected one of 'link', 'entropy', 'cut'.*got 'cuts'", {"cuts": 1.0}),
        (ValueError, "expected a weight alone for 'link'", {"link": (overlap, 1.0)}),
        (TypeError, r"expected \(function, weight\) for 'mine'", {"mine": (1.0, overlap)}),
        (TypeError, r"expected \(function, weight\) for 'mine'", {"mine": (overlap,)}),
        (TypeError, "expected a number as weight of 'cut', got '1'", {"cut": "1"}),
        (TypeError, "expected a number as weight of 'cut'", {"cut": True}),
        (ValueError, "expected a finite weight of 'cut', got nan", {"cut": float("nan")}),
    ],
)
def test_what_is_refused(error, words, objectives):
    with pytest.raises(error, match=words):
        read_objectives(objectives)


@pytest.mark.parametrize("name", ["link", "entropy"])
def test_a_weight_may_not_be_given_twice(name):
    with pytest.raises(ValueError, match=f"{name}_weight: expected None beside objectives"):
        read_objectives({name: 1.0}, **{f"{name}_weight": 1.0})


@pytest.mark.parametrize("values", [torch.ones(()), torch.ones(2, 1), [1.0, 1.0]])
def test_a_function_must_return_one_value_per_graph(values):
    from tests.ops.objectives.test_objectives import pooled

    chosen, _ = read_objectives({"mine": (lambda pooling: values, 1.0)})
    with pytest.raises(ValueError, match=r"expected 'mine' to return one value per graph.*\[3\]"):
        pooled("sparse", objectives=chosen)
