import json

import pytest
import torch

from tests.benchmarks.command_line import invoke, train, train_flat


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
