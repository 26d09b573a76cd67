import json
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.data.ogb_dataset import SAFE_GLOBALS
from benchmarks.data.ogb_package import import_ogb
from benchmarks.data.registry import find_source
from benchmarks.methods import build_network
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import from_record
from benchmarks.training.forward import Forward
from pyg_diffpool import ResidentLoader
from tests.benchmarks.command_line import invoke
from tests.benchmarks.ogb_files import OGB_SETS, binary_labels, write_ogb
from tests.benchmarks.serving import serving

pytestmark = [pytest.mark.ogb, pytest.mark.usefixtures("ogb_package")]


def run(name, out, *more, method="graphsage", protocol="fair"):
    return invoke(
        "run", "--dataset", name, "--method", method, "--protocol", protocol, "--jobs", 1,
        "--out", out, "--set", "hidden_channels=8", "--set", "num_layers=1", "--set", "epochs=2",
        "--device", "cpu", *more,
    )  # fmt: skip


def rebuilt_logits(checkpoint, graphs):
    """The outputs of a stored network on graphs that no loader of ours has touched."""
    settings, problem = from_record(checkpoint["settings"]), Problem.from_record(checkpoint)
    model = build_network(checkpoint["method"], settings, problem).eval()
    model.load_state_dict(checkpoint["state_dict"])
    with torch.no_grad():
        (batch,) = ResidentLoader(graphs, len(graphs))
        return Forward(model)(batch).logits


@pytest.mark.parametrize("method", ["diffpool", "graphsage"])
@pytest.mark.parametrize(
    ("name", "metric", "outputs"),
    [("ogbg-molhiv", "rocauc", 1), ("ogbg-molpcba", "ap", 128), ("ogbg-ppa", "accuracy", 37)],
)
def test_a_run_scores_what_the_evaluator_scores(folder, name, metric, outputs, method):
    meta_dict = write_ogb(folder, name, **OGB_SETS[name])
    out = folder / "results"
    done = run(name, out, method=method)
    assert done.exit_code == 0, done.stderr
    assert done.stdout == ""
    (path,) = out.glob("*/cells/*.json")
    record = json.loads(path.read_text())
    assert (record["metric"], record["fold"], record["epochs"]) == (metric, 0, 2)
    assert record["graphs"] == {"train": 24, "validation": 8, "test": 8}
    assert all(len(curve) == 2 for curve in record["curves"].values())

    graphs = import_ogb("ogb.graphproppred")
    with torch.serialization.safe_globals(list(SAFE_GLOBALS)):
        stored = graphs.PygGraphPropPredDataset(name, meta_dict=meta_dict)
        chosen = torch.as_tensor(stored.get_idx_split()["test"])
    (checkpoint,) = (path.parents[1] / "checkpoints").iterdir()
    logits = rebuilt_logits(torch.load(checkpoint), [stored[number] for number in chosen.tolist()])
    assert logits.shape == (8, outputs)
    predicted = logits.argmax(1, keepdim=True) if metric == "accuracy" else logits
    truth = {"y_true": stored._data.y[chosen], "y_pred": predicted}
    (expected,) = graphs.Evaluator(name).eval(truth).values()
    assert record[f"test_{metric}"] == pytest.approx(expected)


def test_seeds_stand_for_folds_in_the_table(folder):
    write_ogb(folder, "ogbg-molhiv", **OGB_SETS["ogbg-molhiv"])
    out = folder / "results"
    assert run("ogbg-molhiv", out, "--seeds", "0-2").exit_code == 0
    cells = [json.loads(path.read_text()) for path in out.glob("*/cells/*.json")]
    scores = 100 * np.array([cell["test_rocauc"] for cell in cells])
    shown = invoke("table", "--results", out, "--format", "json")
    (row,) = json.loads(shown.stdout)
    assert (row["metric"], row["folds"], row["seeds"]) == ("rocauc", "0", "0-2")
    assert (row["mean"], row["std"]) == (
        pytest.approx(scores.mean(), abs=0.01),
        pytest.approx(scores.std(), abs=0.01),
    )
    shown = invoke("table", "--results", out, "--format", "markdown")
    assert f"{row['mean']:.2f} ± {row['std']:.2f} (rocauc)" in shown.stdout
    done = invoke("analyse", row["run"], "--results", out)
    assert "expected a run on TU data, got ogbg-molhiv" in " ".join(done.stderr.split())


def test_a_longer_run_learns_the_small_data(folder):
    write_ogb(folder, "ogbg-molhiv", **OGB_SETS["ogbg-molhiv"])
    out = folder / "results"
    done = run("ogbg-molhiv", out, "--set", "epochs=15", "--set", "learning_rate=0.01")
    assert done.exit_code == 0, done.stderr
    (path,) = out.glob("*/cells/*.json")
    assert json.loads(path.read_text())["test_rocauc"] > 0.9


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--protocol", "reference"), "--protocol reference: ogbg-molhiv has an official split"),
        (("--splits", "splits.json"), "--splits: ogbg-molhiv has an official split"),
        (("--method", "wl"), "--method wl: kernels take TU data"),
        (("--folds", "0-1"), "--folds: expected 0 to 0, got 1"),
        (("--set", "features=labels"), "setting features: ogbg-molhiv has features of its own"),
        (("--dataset", "ogbg-molhvi"), "did you mean 'ogbg-molhiv'"),
        (("--dataset", "ogbg-molesol"), "unknown OGB data set of classification 'ogbg-molesol'"),
    ],
)
def test_bad_input_is_one_message(folder, monkeypatch, more, message):
    write_ogb(folder, "ogbg-molhiv", **OGB_SETS["ogbg-molhiv"])
    monkeypatch.chdir(folder)
    Path("splits.json").write_text("[]")
    done = run("ogbg-molhiv", folder / "results", *more)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())
    assert not (folder / "results").exists()


def test_the_run_id_follows_the_split(folder, monkeypatch):
    write_ogb(folder, "ogbg-molhiv", binary_labels(1))
    first = find_source("ogbg-molhiv").folds_identity(None)
    other = folder / "other"
    other.mkdir()
    split = {"train": np.arange(16, 40), "valid": np.arange(8), "test": np.arange(8, 16)}
    write_ogb(other, "ogbg-molhiv", binary_labels(1), split=split)
    with serving(other, monkeypatch):
        assert find_source("ogbg-molhiv").folds_identity(None) != first
