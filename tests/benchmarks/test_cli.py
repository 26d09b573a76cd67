import json

import pytest
import torch
from typer.testing import CliRunner

from benchmarks.cli import app, device_overrides, parse_numbers
from benchmarks.errors import UsageError

runner = CliRunner()


def invoke(*arguments):
    return runner.invoke(app, [str(argument) for argument in arguments])


def run_arguments(method, out, *more, dataset="TINY", protocol="fair"):
    return (
        "run", "--dataset", dataset, "--method", method, "--protocol", protocol,
        "--folds", "0-1", "--jobs", "1", "--out", out, "--set", "epochs=3", *more,
    )  # fmt: skip


def test_run_then_table(tiny_data, tmp_path):
    out = tmp_path / "results"
    done = invoke(*run_arguments(tiny_data, out))
    assert done.exit_code == 0, done.stderr
    assert str(out) in done.stderr.replace("\n", "")
    shown = invoke("table", "--results", out, "--format", "json")
    (row,) = json.loads(shown.stdout)
    assert (row["dataset"], row["method"], row["protocol"]) == ("TINY", tiny_data, "fair")
    assert row["folds"] == "0-1"
    assert 0 <= row["mean"] <= 100
    (folder,) = out.iterdir()
    assert row["run"] == folder.name
    assert len(list((folder / "checkpoints").glob("*.ckpt"))) == 2
    assert "TINY" in invoke("table", "--results", out).stdout
    again = invoke(*run_arguments(tiny_data, out))
    assert "2 of 2 cells are finished already" in again.stderr
    other = invoke(*run_arguments(tiny_data, out, "--set", "learning_rate=0.01"))
    assert other.exit_code == 0, other.stderr
    assert len(list(out.iterdir())) == 2


def test_run_description_holds_provenance_and_no_path(tiny_data, tmp_path):
    out = tmp_path / "results"
    assert invoke(*run_arguments(tiny_data, out)).exit_code == 0
    (path,) = out.glob("*/run.json")
    text = path.read_text()
    run = json.loads(text)
    assert str(tmp_path) not in text
    assert run["packages"]["torch"]
    assert run["machine"]["cores"] >= 1
    assert set(run["code"]) == {"commit", "dirty"}
    assert run["configurations"][0]["epochs"] == 3
    assert run["splits"] == {"seed": 0, "file": None}


def test_reference_keeps_the_whole_curve_and_no_test(tiny_data, tmp_path):
    out = tmp_path / "results"
    more = ("--set", "patience=1")
    done = invoke(*run_arguments(tiny_data, out, *more, protocol="reference"))
    assert done.exit_code == 0, done.stderr
    for path in out.glob("*/cells/*.json"):
        cell = json.loads(path.read_text())
        assert cell["test_accuracy"] is None
        assert len(cell["curves"]["validation_accuracy"]) == 3
        assert cell["graphs"] == {"train": 36, "validation": 4, "test": 0}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"--method": "difpool"}, "unknown method 'difpool': did you mean 'diffpool'"),
        ({"--protocol": "fare"}, "unknown protocol 'fare': did you mean 'fair'"),
        ({"--dataset": "ENZYME"}, "unknown data set 'ENZYME': did you mean 'ENZYMES'"),
        ({"--set": "epoch=3"}, "unknown setting 'epoch': did you mean 'epochs'"),
        ({"--set": "num_layers=two"}, "setting num_layers: expected int, got 'two'"),
        ({"--set": "aggr=sum"}, "setting aggr: tiny_model:MeanNet has no parameter"),
        ({"--device": "gpu"}, "unknown device 'gpu': did you mean 'cpu'"),
        ({"--folds": "0-x"}, "--folds: expected numbers such as 0-9 or 0,3, got '0-x'"),
        ({"--folds": "8-12"}, "--folds: expected 0 to 9, got 10"),
        ({"--splits": "missing.json"}, "--splits: no file missing.json"),
        ({"--method": "no_such_module:Net"}, "cannot import no_such_module"),
        ({"--method": "tiny_model:MeanNett"}, "did you mean 'MeanNet'"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(tiny_data, tmp_path, changes, message):
    options = {
        "--dataset": "TINY",
        "--method": tiny_data,
        "--protocol": "fair",
        "--out": tmp_path / "results",
        **changes,
    }
    done = invoke("run", *(part for option in options.items() for part in option))
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "results").exists()


def test_a_failing_cell_is_told_and_leaves_nothing(tiny_data, tmp_path):
    out = tmp_path / "results"
    done = invoke(*run_arguments("tiny_model:FailingNet", out))
    assert done.exit_code == 1
    assert "this model fails" in done.stderr
    assert "2 cells failed" in done.stderr
    assert not list(out.glob("*/cells/*"))


def test_list_names_methods_and_datasets():
    listed = json.loads(invoke("list", "--format", "json").stdout)
    assert {"diffpool", "diffpool-nolp", "graphsage"} <= set(listed["methods"])
    assert listed["datasets"][:2] == ["ENZYMES", "PROTEINS"]
    assert "REDDIT-MULTI-12K" in listed["datasets"]
    assert "diffpool-nolp" in invoke("list").stdout


def test_table_rejects_what_it_does_not_know(tmp_path):
    done = invoke("table", "--format", "jsn", "--results", tmp_path)
    assert (done.exit_code, "did you mean 'json'" in done.stderr) == (2, True)
    assert invoke("table", "--results", tmp_path / "none").exit_code == 2
    empty = invoke("table", "--format", "json", "--results", tmp_path)
    assert json.loads(empty.stdout) == []


@pytest.mark.parametrize(
    "command",
    [
        (),
        ("run",),
        ("table",),
        ("list",),
        ("paper",),
        ("analyse",),
        ("picture",),
        ("coarsen",),
        ("epoch",),
        ("scaling",),
        ("gpu",),
    ],
)
def test_help_reads(command):
    done = invoke(*command, "--help")
    assert done.exit_code == 0
    assert "Usage" in done.stdout
    if not command:
        assert {"run", "table", "list", "coarsen", "epoch", "scaling", "gpu"} <= set(
            done.stdout.split()
        )


def test_device_is_a_setting_only_where_it_is_a_gpu(monkeypatch):
    assert device_overrides("cpu") == {}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device_overrides("auto") == {"accelerator": "gpu"}
    assert device_overrides("cpu") == {}


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("coarsen", "--data", "ENZYME"), "unknown set 'ENZYME': did you mean 'ENZYMES'"),
        (("coarsen", "--format", "jsn"), "unknown format 'jsn': did you mean 'json'"),
        (("epoch", "--data", "ENZYME"), "'ENZYME'"),
        (("epoch", "--format", "jsn"), "unknown format 'jsn'"),
        (("scaling", "--format", "jsn"), "unknown format 'jsn'"),
        (("scaling", "--axes", "moon"), "unknown axis 'moon'"),
    ],
)
def test_bad_options_of_later_commands_are_one_message_too(tmp_path, command, message):
    done = invoke(*command, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "error: " in done.stderr
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_numbers():
    assert parse_numbers("--folds", "0-2,5") == [0, 1, 2, 5]
    assert parse_numbers("--folds", " 3") == [3]
    for text in ("", "-1", "3-1", "1,,2", "a"):
        with pytest.raises(UsageError, match="--folds"):
            parse_numbers("--folds", text)
