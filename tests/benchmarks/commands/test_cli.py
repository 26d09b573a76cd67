import importlib
import json
import sys

import pytest
import torch

from benchmarks.commands.cli import device_overrides, parse_numbers
from benchmarks.spec.errors import UsageError
from tests.benchmarks.command_line import invoke


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
        ({"--folds": "0-999999999"}, "--folds: expected at most 10000 numbers"),
        ({"--folds": "5-2"}, "--folds: expected an ascending range, got '5-2'"),
        ({"--folds": "9" * 5000}, "--folds: expected numbers of few digits"),
        ({"--seeds": "-1"}, "--seeds: expected numbers such as 0-9 or 0,3, got '-1'"),
        ({"--seeds": "4294967"}, "--seeds: expected at most 4294966, got 4294967"),
        ({"--dataset": "../TINY"}, "data set: expected a name such as ENZYMES, got '../TINY'"),
        ({"--dataset": "OTHER"}, "error: data set 'OTHER' could not be read from"),
        ({"--method": "[x]:smile:"}, "--method [x]:smile:: expected a name such as my_package"),
        ({"--method": "../x:Net"}, "--method ../x:Net: expected a name such as my_package"),
        ({"--set": "accelerator=gpu"}, "setting accelerator: gpu needs a CUDA device"),
        (
            {"--method": "diffpool", "--set": "hidden_channels=1000000"},
            "GiB are available; expected smaller settings, got hidden_channels 1000000",
        ),
        ({"--set": "hidden_channels=" + "9" * 20}, "expected at most 1000000000, got 999999"),
        ({"--splits": "missing.json"}, "--splits: no file missing.json"),
        ({"--method": "no_such_module:Net"}, "cannot import no_such_module"),
        ({"--method": "tiny_model:MeanNett"}, "did you mean 'MeanNet'"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(
    tiny_data, tmp_path, monkeypatch, changes, message
):
    options = {
        "--dataset": "TINY",
        "--method": tiny_data,
        "--protocol": "fair",
        "--out": tmp_path / "results",
        **changes,
    }
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
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
        (("loader", "--data", "ENZYME"), "unknown data set 'ENZYME': did you mean 'ENZYMES'?"),
        (("loader", "--data", "../x"), "data set: expected a name such as ENZYMES, got '../x'"),
    ],
)
def test_bad_options_of_later_commands_are_one_message_too(tmp_path, command, message):
    done = invoke(*command, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "error: " in done.stderr
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "command",
    [
        ("run", "--dataset", "TINY", "--method", "graphsage", "--protocol", "fair"),
        ("paper", "--datasets", "TINY"),
        ("demo",),
        ("coarsen",),
        ("epoch", "--data", "TINY", "--device", "cpu"),
        ("scaling", "--device", "cpu"),
        ("loader", "--data", "TINY"),
    ],
    ids=lambda command: command[0],
)
@pytest.mark.parametrize("below", ["", "folder"])
def test_out_that_is_a_file_or_below_one_is_refused_first(tiny_data, tmp_path, command, below):
    file = tmp_path / "file[x]"
    file.write_text("kept")
    done = invoke(*command, "--out", file / below)
    assert done.exit_code == 2
    assert f"--out: expected a folder, got {file / below}: {file} is a file" in done.stderr
    assert file.read_text() == "kept"


@pytest.mark.parametrize("below", ["", "folder"])
def test_a_cache_that_is_a_file_or_below_one_is_named(tiny_data, tmp_path, monkeypatch, below):
    file = tmp_path / "file"
    file.write_text("kept")
    monkeypatch.setenv("PYG_DIFFPOOL_CACHE", str(file / below))
    for command in (run_arguments("graphsage", tmp_path / "r"), ("paper", "--datasets", "TINY")):
        done = invoke(*command)
        assert done.exit_code == 2
        assert f"$PYG_DIFFPOOL_CACHE: expected a folder, got {file / below}" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_cache_that_cannot_be_made_is_one_message(tiny_data, tmp_path, monkeypatch):
    monkeypatch.setenv("PYG_DIFFPOOL_CACHE", "/proc/none/cache")
    done = invoke(*run_arguments("graphsage", tmp_path / "r"))
    assert done.exit_code == 2
    assert "set PYG_DIFFPOOL_CACHE to a folder that can be written" in done.stderr


def test_a_folder_of_data_that_is_not_there_is_named(tiny_data, tmp_path, monkeypatch):
    monkeypatch.setenv("PYG_DIFFPOOL_DATA", str(tmp_path / "nowhere"))
    for dataset in ("TINY", "DD"):
        done = invoke(*run_arguments("graphsage", tmp_path / "r", dataset=dataset))
        assert done.exit_code == 2
        assert f"$PYG_DIFFPOOL_DATA: expected a folder, there is none at {tmp_path}" in done.stderr


USER_CODE = """
from torch import nn


class NoWidths(nn.Module):
    def __init__(self):
        super().__init__()


class Raises(nn.Module):
    def __init__(self, a, b, c):
        super().__init__()
        raise RuntimeError("in my [red] code :smile:")


class Ends(nn.Module):
    def __init__(self, a, b, c):
        raise SystemExit(0)


class OneArgument(nn.Module):
    def __init__(self, a, b, c):
        super().__init__()

    def forward(self, x):
        return x


class NeedsMore(OneArgument):
    def forward(self, x, edge_index, batch, more):
        return x


class Plain:
    pass
"""


@pytest.mark.parametrize(
    ("code", "name", "message", "below"),
    [
        ("def (:", "Net", "failed in your code: SyntaxError: invalid syntax", "line 1"),
        ("1 / 0", "Net", "failed in your code: ZeroDivisionError", "line 1, in <module>"),
        ("import sys; sys.exit(3)", "Net", "SystemExit: it ends the process, with 3", "<module>"),
        ("import nothing_here", "Net", "No module named 'nothing_here'", "line 1, in <module>"),
        (USER_CODE, "NoWidths", "NoWidths(in_channels, hidden_channels, out_channels)", "TypeErr"),
        (USER_CODE, "Raises", "RuntimeError: in my [red] code :smile:", "in __init__"),
        (USER_CODE, "Ends", "SystemExit: it ends the process, with 0", "in __init__"),
        (USER_CODE, "OneArgument", "got forward(x): too many positional arguments", ""),
        (USER_CODE, "NeedsMore", "got forward(x, edge_index, batch, more): missing", "'more'"),
        (USER_CODE, "Plain", "expected a subclass of torch.nn.Module, Plain of", ""),
        (USER_CODE, "Rises", "did you mean 'Raises'", ""),
    ],
)
def test_a_failure_in_the_code_of_the_user_is_told_as_theirs(
    tiny_data, tmp_path, monkeypatch, code, name, message, below
):
    (tmp_path / "user_code.py").write_text(code, encoding="utf-8")
    monkeypatch.delitem(sys.modules, "user_code", raising=False)
    importlib.invalidate_caches()
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    done = invoke(*run_arguments(f"user_code:{name}", tmp_path / "r"))
    assert done.exit_code == 2, done.exception
    told, _, rest = done.stderr.partition("\n")
    assert message in told
    assert below in told + rest
    # The frames are the user's: none of ours, none of the import system's.
    assert "benchmarks/methods" not in done.stderr
    assert "importlib" not in done.stderr
    assert not (tmp_path / "r").exists()
    monkeypatch.delitem(sys.modules, "user_code", raising=False)


def test_markup_and_emoji_codes_in_names_are_shown_as_they_are(tiny_data, tmp_path):
    out = tmp_path / "[bold]x:smile:"
    done = invoke(*run_arguments(tiny_data, out))
    assert done.exit_code == 0, done.stderr
    assert f"results: {out}" in done.stderr
    refused = invoke("table", "--results", tmp_path / "[x]:smile:")
    assert f"no folder {tmp_path / '[x]:smile:'}" in refused.stderr


def test_numbers():
    assert parse_numbers("--folds", "0-2,5") == [0, 1, 2, 5]
    assert parse_numbers("--folds", " 3") == [3]
    for text in ("", "-1", "3-1", "1,,2", "a"):
        with pytest.raises(UsageError, match="--folds"):
            parse_numbers("--folds", text)
