import shlex
from pathlib import Path

import pytest

from benchmarks.clusters.remake import FOLDER, overrides_of, remake_command
from benchmarks.runs.recipe import configurations
from benchmarks.spec.errors import UsageError


def described(method="diffpool", protocol="fair", **overrides):
    """What is stored of a run on a data set without a recipe."""
    tried = configurations("UNKNOWN", method, overrides)
    return {
        "run": "an-id",
        "dataset": "UNKNOWN",
        "method": method,
        "protocol": protocol,
        "configurations": [settings.as_dict() for settings in tried],
    }


def options(run, splits=None):
    """Return the command that makes folds 3 and 1 of two seeds, by its options."""
    words = shlex.split(remake_command(run, [3, 1, 3], [2, 0], splits))
    assert words[:4] == ["python", "-m", "benchmarks", "run"]
    found = {}
    for name, value in zip(words[4::2], words[5::2], strict=True):
        found.setdefault(name, []).append(value)
    return found


def test_the_command_names_all_that_the_run_has():
    found = options(described(epochs=7, dropout=0.3))
    assert set(found.pop("--set")) == {"epochs=7", "dropout=0.3"}
    assert found == {
        "--dataset": ["UNKNOWN"],
        "--method": ["diffpool"],
        "--protocol": ["fair"],
        "--folds": ["1,3"],
        "--seeds": ["0,2"],
        "--device": ["cpu"],
        "--out": [FOLDER],
    }


def test_published_folds_and_a_gpu_are_named():
    found = options(described(accelerator="gpu"), Path("my splits/file.json"))
    assert (found["--splits"], found["--device"]) == (["my splits/file.json"], ["cuda"])
    assert "--set" not in found


@pytest.mark.parametrize(
    ("protocol", "number", "named"),
    [
        ("fair", 2, True),
        ("reference", 1, True),
        ("reference", 2, False),
    ],
)
def test_folds_that_choose_together_are_made_together(monkeypatch, protocol, number, named):
    run = described(protocol=protocol)
    run["configurations"] *= number
    monkeypatch.setattr("benchmarks.clusters.remake.overrides_of", lambda run: {"scale": None})
    found = options(run)
    assert ("--folds" in found) == named
    assert found["--set"] == ["scale=none"]


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"epochs": 3},
        {"scale": None, "num_fields": None},
        # A preset's network is told its defaults where they are named.
        {"preset": "paper", "readout": "max", "scale": None},
        {"readout": ("max", "sum"), "objectives": {"link": 1.0, "cut": 0.5}},
    ],
)
def test_overrides_make_the_configurations_again(overrides):
    run = described(**overrides)
    assert described(**overrides_of(run))["configurations"] == run["configurations"]


def test_a_recipe_that_is_another_one_by_now_is_told():
    run = described()
    run["configurations"] = [run["configurations"][0], {"explicit": []}]
    with pytest.raises(UsageError, match=r"run an-id: its recipe is another .*--method diffpool"):
        overrides_of(run)


def test_what_chooses_its_own_parameters_has_no_settings():
    assert overrides_of({"method": "wl", "configurations": [{}]}) == {}


def test_what_a_recipe_has_changed_since_is_named_at_its_default():
    run = described() | {"dataset": "ENZYMES"}
    found = set(options(run)["--set"])
    assert {"readout=max", "sum_scale=none", "readout_norm=none", "fully_adjacent=False"} <= found
    (recipe,) = configurations("ENZYMES", "diffpool", {})
    run["configurations"] = [recipe.as_dict()]
    assert "--set" not in options(run)


def test_several_values_of_a_setting_are_written_as_the_command_line_reads_them():
    run = described(readout=("max", "sum"), objectives={"link": 1.0, "cut": 0.5})
    assert set(options(run)["--set"]) == {"readout=max,sum", "objectives=cut:0.5,link:1.0"}
