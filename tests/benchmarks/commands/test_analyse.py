import json

import pytest
import torch
from typer.testing import CliRunner

from benchmarks.commands.cli import app

SETTINGS = ("epochs=2", "hidden_channels=4", "num_layers=1", "num_pools=2", "cluster_ratio=0.5")


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def train(out, method, protocol="fair", *more):
    settings = [part for setting in (*SETTINGS, *more) for part in ("--set", setting)]
    done = invoke(
        "run", "--dataset", "TINY", "--method", method, "--protocol", protocol, "--folds", "0-1",
        "--jobs", 1, "--device", "cpu", "--out", out, *settings,
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    (path,) = out.glob(f"TINY-{method}-{protocol}-*")
    return path


def train_flat(out):
    """Train one fold of a network that pools nothing, and return the run's folder."""
    done = invoke(
        "run", "--dataset", "TINY", "--method", "graphsage", "--protocol", "fair", "--folds", "0",
        "--jobs", 1, "--device", "cpu", "--out", out, "--set", "epochs=1",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    (run,) = out.iterdir()
    return run


def analyse(out, *runs):
    return invoke("analyse", *(run.name for run in runs), "--results", out, "--format", "json")


def test_runs_are_measured_stored_and_compared(tiny_data, tmp_path):
    out = tmp_path / "results"
    run, other = train(out, "diffpool"), train(out, "diffpool-nolp")
    done = analyse(out, run, other)
    assert done.exit_code == 0, done.stderr
    shown = json.loads(done.stdout)
    first = shown["runs"][0]
    assert json.loads((run / "analysis.json").read_text()) == first
    # Graphs of 3 to 6 nodes: 3 clusters, then 2.
    assert first["clusters"] == [[3, 2], [3, 2]]
    assert first["level_folds"] == [2, 2]
    level = first["levels"][0]
    assert level["nodes"]["mean"] == pytest.approx(4.5, abs=0.5)
    assert level["clusters_available"]["mean"] == 3
    assert 1 <= level["clusters_used"]["mean"] <= level["clusters_available"]["mean"]
    assert 1 <= level["effective_clusters"]["mean"] <= 3
    assert [fold["accuracy"] for fold in first["folds"]] == [
        pytest.approx(fold["stored_accuracy"], abs=1e-6) for fold in first["folds"]
    ]
    assert set(first["folds"][0]["training_terms"]) == {
        "link_0", "entropy_0", "link_1", "entropy_1",
    }  # fmt: skip
    assert [row["run"] for row in shown["sensitivity"]] == [run.name, other.name]
    (effect,) = shown["link_objective"]
    assert (effect["with"], effect["without"]) == (run.name, other.name)
    assert effect["also_differ"] == []
    used = [record["levels"][0]["clusters_used"]["mean"] for record in shown["runs"]]
    assert effect["levels"][0]["clusters_used"] == pytest.approx(used[0] - used[1])
    told = invoke("analyse", run.name, "--results", out, "--format", "markdown").stdout
    assert f"{run.name}: test graphs of folds 0-1" in told
    assert "With the link objective, less without" in told


def test_older_checkpoints_and_the_reference_protocol(tiny_data, tmp_path):
    out = tmp_path / "results"
    run = train(out, "diffpool", "reference")
    for path in run.glob("checkpoints/*.ckpt"):
        checkpoint = torch.load(path)
        del checkpoint["train_sizes"], checkpoint["num_edge_features"]
        torch.save(checkpoint, path)
    done = analyse(out, run)
    assert done.exit_code == 0, done.stderr
    (record,) = json.loads(done.stdout)["runs"]
    assert record["part"] == "validation"
    assert [fold["graphs"] for fold in record["folds"]] == [4, 4]
    for fold in record["folds"]:
        assert fold["accuracy"] == pytest.approx(fold["stored_accuracy"], abs=1e-6)


def test_what_cannot_be_analysed_is_told(tiny_data, tmp_path):
    out = tmp_path / "results"
    run = train(out, "diffpool")
    assert (
        "unknown run 'TINY-diffpol'" in invoke("analyse", "TINY-diffpol", "--results", out).stderr
    )
    (run / "checkpoints" / "configuration-0_fold-01_seed-0.ckpt").unlink()
    missing = analyse(out, run)
    assert missing.exit_code == 2
    message = " ".join(missing.stderr.split())
    assert "python -m benchmarks run --dataset TINY --method diffpool --protocol fair" in message
    assert not (run / "analysis.json").exists()
    description = json.loads((run / "run.json").read_text())
    description["splits"] = {"sha256": "0" * 64, "file": "TINY_splits.json"}
    (run / "run.json").write_text(json.dumps(description))
    elsewhere = analyse(out, run)
    assert "trained on the folds of TINY_splits.json" in " ".join(elsewhere.stderr.split())


def test_flat_networks_have_nothing_to_analyse(tiny_data, tmp_path):
    out = tmp_path / "results"
    run = train_flat(out)
    flat = analyse(out, run)
    assert flat.exit_code == 2
    assert "graphsage pools nothing" in " ".join(flat.stderr.split())
