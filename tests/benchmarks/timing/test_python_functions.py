import lightning.pytorch
import pytest
import torch

from benchmarks.timing import python_functions
from benchmarks.timing.operators import OTHERS
from benchmarks.timing.python_functions import function_rows, place_of
from benchmarks.timing.trainees import Options
from benchmarks.training import classifier
from tests.benchmarks.timing.rings import rings


@pytest.fixture(scope="module")
def rows():
    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(python_functions, "KEPT", 10**6)
        return profiled()


def profiled():
    return function_rows("rings", rings(30), Options(batch_size=9, hidden_channels=8))


def test_functions_of_lightning_and_of_the_runner_by_step(rows):
    *rows, others = rows
    assert (others["function"], others["calls"], others["own_ms"]) == (OTHERS, 0, 0)
    by_name = {row["function"]: row for row in rows}
    # Three epochs of three steps, with an evaluation of one batch after each.
    assert {row["steps"] for row in rows} == {9}
    assert by_name["benchmarks/training/classifier.py: training_step"]["calls"] == 1
    assert by_name["benchmarks/training/classifier.py: validation_step"]["calls"] == 3 / 9
    assert all(row["own_ms"] <= row["whole_ms"] for row in rows)
    own = [row["own_ms"] for row in rows]
    assert own == sorted(own, reverse=True)
    assert {name.partition("/")[0].partition("_")[0] for name in by_name} == {
        "benchmarks",
        "lightning",
    }


def test_all_but_the_costliest_are_one_row(rows, monkeypatch):
    monkeypatch.setattr(python_functions, "KEPT", 5)
    *costliest, others = profiled()
    assert len(costliest) == 5
    assert others["function"] == OTHERS
    assert others["own_ms"] > 0
    # A later training of the same kind makes the same calls.
    calls = sum(row["calls"] for row in (*costliest, others))
    assert calls == pytest.approx(sum(row["calls"] for row in rows), rel=0.05)


def test_other_files_have_no_place():
    assert place_of(classifier.__file__) == "benchmarks/training/classifier.py"
    assert place_of(lightning.pytorch.__file__) == "lightning/pytorch/__init__.py"
    assert place_of(torch.__file__) is None
    assert place_of("~") is None
