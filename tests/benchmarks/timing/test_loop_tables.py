from benchmarks.timing.loop_tables import (
    BETWEEN,
    EVALUATION,
    LOADING,
    PLAIN,
    RUNNER,
    TRAINING,
    function_table,
    loop_table,
)


def loop_row(loop, stage, milliseconds, name="ENZYMES"):
    return {
        "set": name,
        "loop": loop,
        "stage": stage,
        "median_ms": milliseconds,
        "quartile_1_ms": milliseconds - 1,
        "quartile_3_ms": milliseconds + 1,
    }


def test_what_the_runner_adds_is_the_difference():
    rows = [
        loop_row(RUNNER, BETWEEN, 4.0),
        loop_row(RUNNER, TRAINING, 16.5),
        loop_row(PLAIN, LOADING, 1.0),
        loop_row(PLAIN, TRAINING, 16.0),
        loop_row(PLAIN, EVALUATION, 5.0, "PROTEINS"),
    ]
    lines = [tuple(line.values()) for line in loop_table(rows).lines]
    assert lines == [
        ("ENZYMES", LOADING, "step", "1.00 (0.00–2.00)", "", ""),
        ("ENZYMES", TRAINING, "step", "16.00 (15.00–17.00)", "16.50 (15.50–17.50)", "0.50"),
        ("ENZYMES", BETWEEN, "epoch", "", "4.00 (3.00–5.00)", ""),
        ("PROTEINS", EVALUATION, "batch", "5.00 (4.00–6.00)", "", ""),
    ]
    assert loop_table([]).lines == []


def test_functions_are_listed_with_their_share():
    rows = [
        {"set": "ENZYMES", "function": name, "calls": 2.0, "own_ms": own}
        for name, own in (("lightning/a.py: f", 0.3), ("benchmarks/b.py: g", 0.1))
    ]
    lines = function_table(rows).lines
    assert [line["function"] for line in lines] == [
        "lightning/a.py: f",
        "benchmarks/b.py: g",
        "others",
        "all",
    ]
    assert [line["%"] for line in lines] == ["75", "25", "0", "100"]
