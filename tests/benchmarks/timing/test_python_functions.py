import lightning.pytorch
import torch

from benchmarks.timing.python_functions import function_rows, place_of
from benchmarks.timing.trainees import Options
from benchmarks.training import classifier
from tests.benchmarks.timing.rings import rings


def test_functions_of_lightning_and_of_the_runner_by_step():
    torch.manual_seed(0)
    rows = function_rows("rings", rings(30), Options(batch_size=9, hidden_channels=8))
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


def test_other_files_have_no_place():
    assert place_of(classifier.__file__) == "benchmarks/training/classifier.py"
    assert place_of(lightning.pytorch.__file__) == "lightning/pytorch/__init__.py"
    assert place_of(torch.__file__) is None
    assert place_of("~") is None
