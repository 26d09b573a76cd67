import pytest

from benchmarks.errors import unknown_name


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
