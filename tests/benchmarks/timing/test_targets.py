from benchmarks.timing.targets import at_least, at_most, fastest, multiple


def test_a_ratio_is_judged_where_there_is_a_target_and_a_measurement():
    assert at_least(2.0, 2.0) == {"required": "2×", "measured": "2×", "verdict": "met"}
    assert at_least(2.0, 1.99)["verdict"] == "NOT MET"
    assert at_least(None, 3.0) == {"required": "–", "measured": "3×", "verdict": ""}
    absent = at_least(2.0, None, "not installed")
    assert absent == {"required": "2×", "measured": "not installed", "verdict": ""}


def test_a_figure_that_must_not_be_passed():
    found = at_most("5 MiB", "6 MiB", met=False)
    assert found == {"required": "<= 5 MiB", "measured": "6 MiB", "verdict": "NOT MET"}


def test_the_fastest_of_those_measured():
    assert fastest({"a": 3.0, "b": 2.0}, ("a", "b", "c")) == 2.0
    assert fastest({}, ("a",)) is None
    assert multiple(None) == "–"
