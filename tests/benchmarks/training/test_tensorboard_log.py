import importlib.util
import json

import pytest
import torch
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from benchmarks.runs import runner
from benchmarks.runs.plan import make_plan
from benchmarks.training import tensorboard_log
from tests.benchmarks.command_line import invoke, options_of

# Dropout, so that a random number drawn beside the training would show.
SETTINGS = (
    "epochs=4", "hidden_channels=4", "num_layers=1", "num_pools=2", "cluster_ratio=0.5",
    "dropout=0.3",
)  # fmt: skip


def run(out, *more, method="diffpool"):
    settings = options_of(SETTINGS) if method == "diffpool" else ()
    return invoke(
        "run", "--dataset", "TINY", "--method", method, "--protocol", "fair", "--folds", "0-1",
        "--device", "cpu", "--out", out, *settings, *more,
    )  # fmt: skip


def events(folder):
    accumulator = EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0})
    return accumulator.Reload()


@pytest.fixture(autouse=True)
def often(monkeypatch):
    monkeypatch.setattr(tensorboard_log, "FIGURES_EVERY", 2)


def test_event_files_hold_the_curves_pictures_and_settings_and_change_no_result(
    tiny_data, tmp_path
):
    plain, logged = tmp_path / "plain", tmp_path / "logged"
    assert run(plain, "--jobs", 1).exit_code == 0
    done = run(logged, "--jobs", 1, "--logger", "tensorboard")
    assert done.exit_code == 0, done.stderr
    (folder,) = logged.iterdir()
    assert f"{folder / 'tensorboard'}" in done.stderr
    for path in sorted((folder / "cells").iterdir()):
        cell = json.loads(path.read_text())
        without = json.loads((plain / folder.name / "cells" / path.name).read_text())
        del cell["seconds"], without["seconds"]
        assert cell == without
        weights, same = (
            torch.load(out / folder.name / "checkpoints" / f"{path.stem}.ckpt")["state_dict"]
            for out in (logged, plain)
        )
        assert all(torch.equal(weights[name], same[name]) for name in weights)

        found = events(folder / "tensorboard" / path.stem)
        for name, curve in cell["curves"].items():
            points = found.Scalars(name)
            assert [point.step for point in points] == [1, 2, 3, 4]
            assert [point.value for point in points] == pytest.approx(curve, rel=1e-4)
        best = cell["best_epoch"]
        (score,) = found.Scalars("best/validation_accuracy")
        assert (score.step, score.value) == (best, pytest.approx(cell["validation_accuracy"]))
        assert not [name for name in found.Tags()["scalars"] if "test" in name]
        for picture in ("hierarchy", "assignment"):
            assert [image.step for image in found.Images(f"{picture}/epochs")] == [2, 4]
            (image,) = found.Images(f"{picture}/best")
            assert (image.step, image.encoded_image_string[:4]) == (best, b"\x89PNG")
            assert image.width >= 300
        assert "_hparams_/session_start_info" in found.summary_metadata
    assert len(list((folder / "tensorboard").rglob("events.*"))) == 2


def test_another_folder_is_taken_and_finished_cells_are_left_alone(tiny_data, tmp_path):
    out, logs = tmp_path / "results", tmp_path / "logs"
    more = ("--jobs", 1, "--logger", "tensorboard", "--log-dir", logs)
    done = run(out, *more)
    assert done.exit_code == 0, done.stderr
    (folder,) = logs.iterdir()
    assert folder.name == next(out.iterdir()).name
    files = {path: path.read_bytes() for path in folder.rglob("events.*")}
    assert len(files) == 2
    assert all(len(events(path.parent).Scalars("train_loss")) == 4 for path in files)
    assert not list(out.glob("*/tensorboard"))
    assert run(out, *more).exit_code == 0
    assert {path: path.read_bytes() for path in folder.rglob("events.*")} == files


def test_a_run_that_was_finished_without_a_log_has_none(tiny_data, tmp_path):
    assert run(tmp_path, "--jobs", 1).exit_code == 0
    done = run(tmp_path, "--jobs", 1, "--logger", "tensorboard")
    assert done.exit_code == 0, done.stderr
    assert "no event files: finished cells are not trained again" in done.stderr
    assert not list(tmp_path.rglob("tensorboard"))


def test_an_interrupted_training_leaves_its_epochs_and_begins_anew(
    tiny_data, tmp_path, monkeypatch
):
    overrides = {"epochs": 4, "hidden_channels": 4, "num_layers": 1}
    plan = make_plan("TINY", "diffpool", "fair", overrides, [0], [0], None)
    logs, quiet = tmp_path / "logs", Console(quiet=True)
    write = tensorboard_log.TensorBoardLog.on_validation_end

    def interrupted(self, trainer, module):
        write(self, trainer, module)
        if trainer.current_epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(tensorboard_log.TensorBoardLog, "on_validation_end", interrupted)
    with pytest.raises(KeyboardInterrupt):
        runner.run(plan, tmp_path / "results", 1, quiet, logs=logs)
    (cell,) = logs.iterdir()
    left = events(cell)
    assert [point.step for point in left.Scalars("train_loss")] == [1, 2, 3]
    assert "best/epoch" not in left.Tags()["scalars"]

    monkeypatch.setattr(tensorboard_log.TensorBoardLog, "on_validation_end", write)
    assert runner.run(plan, tmp_path / "results", 1, quiet, logs=logs) == 0
    assert [point.step for point in events(cell).Scalars("train_loss")] == [1, 2, 3, 4]


def test_flat_networks_have_scalars_alone(tiny_data, tmp_path):
    done = run(
        tmp_path, "--jobs", 1, "--logger", "tensorboard", "--set", "epochs=2", method="graphsage"
    )
    assert done.exit_code == 0, done.stderr
    (cell, _) = sorted(tmp_path.glob("TINY-graphsage-*/tensorboard/*"))
    tags = events(cell).Tags()
    assert (tags["images"], "validation_accuracy" in tags["scalars"]) == ([], True)


def test_a_network_that_cannot_be_drawn_is_trained_all_the_same(tiny_data, tmp_path, monkeypatch):
    forward = tensorboard_log.Forward.__call__

    def diverged(self, batch):
        found = forward(self, batch)
        nan = [level._replace(assignment=level.assignment * torch.nan) for level in found.levels]
        return found._replace(levels=nan)

    monkeypatch.setattr(tensorboard_log.Forward, "__call__", diverged)
    done = run(tmp_path / "[x]", "--jobs", 1, "--logger", "tensorboard")
    assert done.exit_code == 0, done.stderr
    (folder,) = (tmp_path / "[x]").iterdir()
    assert str(folder / "tensorboard") in done.stderr
    for path in (folder / "cells").iterdir():
        found = events(folder / "tensorboard" / path.stem)
        assert found.Tags()["images"] == []
        (told,) = found.Tensors("hierarchy/best/text_summary")
        assert b"expected probabilities that sum to one" in told.tensor_proto.string_val[0]


@pytest.mark.parametrize(
    ("arguments", "method", "message"),
    [
        (("--logger", "tensorbord"), "diffpool", "unknown logger 'tensorbord': did you mean"),
        (("--log-dir", "logs"), "diffpool", "--log-dir: expected --logger tensorboard as well"),
        (
            ("--logger", "tensorboard", "--log-dir", __file__),
            "diffpool",
            f"--log-dir: expected a folder, got {__file__}: {__file__} is a file",
        ),
        (("--logger", "tensorboard"), "wl", "wl is a kernel, which has no epochs to log"),
    ],
)
def test_what_cannot_be_logged_is_told_before_training(
    tiny_data, tmp_path, arguments, method, message
):
    done = run(tmp_path / "results", "--jobs", 1, *arguments, method=method)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("package", "extra"), [("tensorboard", "tensorboard"), ("networkx", "benchmark")]
)
def test_a_missing_package_names_its_extra_before_training(
    tiny_data, tmp_path, monkeypatch, package, extra
):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == package else find(name)
    )
    done = run(tmp_path / "results", "--jobs", 1, "--logger", "tensorboard")
    assert done.exit_code == 2
    assert f'pip install "pyg-diffpool[{extra}]"' in " ".join(done.stderr.split())
    assert not (tmp_path / "results").exists()
