import pytest

from benchmarks.timing.operators import (
    EVALUATION,
    LISTED,
    TRAINING,
    operator_rows,
    operator_tables,
)
from benchmarks.timing.trainees import Options
from tests.benchmarks.timing.rings import rings


@pytest.fixture(scope="module")
def rows():
    found = operator_rows("rings", rings(9), Options(batch_size=3, hidden_channels=8))
    return {name: [row for row in found if row["pass"] == name] for name in (TRAINING, EVALUATION)}


def test_calls_of_a_step_of_our_network(rows):
    by_name = {row["operator"]: row for row in rows[TRAINING]}
    assert all(row["steps"] == 3 for row in rows[TRAINING])
    # A pooling of a sparse level, three blocks that run as one function, and one optimiser step.
    assert by_name["Contract"]["calls"] == by_name["aten::_fused_adam_"]["calls"] == 1
    assert by_name["SAGELayers"]["calls"] == by_name["SAGELayersBackward"]["calls"] == 3


def test_calls_of_an_evaluation(rows):
    by_name = {row["operator"]: row for row in rows[EVALUATION]}
    # All graphs are in one batch.
    assert all(row["steps"] == 1 for row in rows[EVALUATION])
    assert by_name["SAGELayers"]["calls"] == 3
    assert not any("Backward" in name or "adam" in name for name in by_name)


@pytest.mark.parametrize("pass_", [TRAINING, EVALUATION])
def test_the_costliest_come_first_and_annotations_are_left_out(rows, pass_):
    own = [row["own_ms"] for row in rows[pass_]]
    assert own == sorted(own, reverse=True)
    names = [row["operator"] for row in rows[pass_]]
    assert not any(name.startswith(("autograd::engine", "Optimizer")) for name in names)


def test_the_table_adds_what_it_does_not_list():
    # The first rows that were stored say nothing of a pass.
    rows = [
        {"set": "ENZYMES", "operator": f"aten::{n}", "calls": 2.0, "own_ms": 0.5}
        for n in range(LISTED + 3)
    ]
    training, evaluation = operator_tables(rows)
    assert evaluation.lines == []
    lines = training.lines
    assert [line["operator"] for line in lines[-3:]] == [f"aten::{LISTED - 1}", "others", "all"]
    assert [line["calls a step"] for line in lines[-3:]] == ["2", "6", str(2 * LISTED + 6)]
    assert lines[-1]["own ms a step"] == f"{(LISTED + 3) / 2:.2f}"
    assert sum(int(line["%"]) for line in lines[:-1]) == pytest.approx(100, abs=LISTED)
    assert [table.lines for table in operator_tables([])] == [[], []]
