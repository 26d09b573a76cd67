import pickle

import pytest

from benchmarks.spec.errors import UsageError, near_names, unknown_name


@pytest.mark.parametrize(
    ("name", "known", "message"),
    [
        ("dd", ["DD", "ENZYMES"], "unknown data set 'dd': did you mean 'DD'?"),
        ("zzz", ["DD", "COLLAB"], "unknown data set 'zzz': expected one of COLLAB, DD"),
        ("zzz", [], "unknown data set 'zzz': there is none"),
    ],
)
def test_the_nearest_names_are_told_or_all_of_them(name, known, message):
    assert str(unknown_name("data set", name, known)) == message


def test_near_names_are_as_near_as_asked_for():
    known = ["ENZYMES", "PROTEINS", "DD"]
    assert near_names("enzyme", known, cutoff=0.75) == ["ENZYMES"]
    assert near_names("MUTAGENS", known, cutoff=0.75) == []


def test_details_travel_between_processes():
    error = pickle.loads(pickle.dumps(UsageError("message", "below")))
    assert (str(error), error.details) == ("message", "below")
