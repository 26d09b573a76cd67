import pytest

from benchmarks.spec.errors import UsageError
from benchmarks.spec.objective_weights import (
    OBJECTIVES,
    Weights,
    checked_weights,
    recorded_link_weight,
    weights_from_text,
)
from pyg_diffpool.ops import objectives as library


def test_the_names_are_those_of_the_library():
    assert tuple(library.OBJECTIVES) == OBJECTIVES


def test_text_becomes_weights():
    given = weights_from_text("link:1, cut : 0.5,balance:much")
    assert given == {"link": 1.0, "cut": 0.5, "balance": "much"}


def test_weights_are_sorted_floats():
    weights = checked_weights("objectives", {"link": 1, "cut": 0.5})
    assert weights == Weights([("cut", 0.5), ("link", 1.0)])
    assert [type(weight) for _, weight in weights] == [float, float]


@pytest.mark.parametrize("weight", [True, "1", -1.0, float("nan"), float("inf"), None])
def test_what_is_no_weight(weight):
    with pytest.raises(UsageError, match="setting objectives: expected a finite number from 0 on"):
        checked_weights("objectives", {"cut": weight})


def test_what_is_no_objective():
    with pytest.raises(UsageError, match="did you mean 'cut'"):
        checked_weights("objectives", {"cuts": 1.0})


def test_the_link_weight_of_a_record():
    assert recorded_link_weight({}) == 1.0
    assert recorded_link_weight({"link_weight": 2.0}) == 2.0
    assert recorded_link_weight({"link_weight": 2.0, "objectives": {"cut": 1.0}}) == 0.0
    assert recorded_link_weight({"objectives": {"link": 3.0}}) == 3.0
