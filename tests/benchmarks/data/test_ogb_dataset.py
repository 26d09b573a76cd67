import gzip
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from benchmarks.commands.cli import app
from benchmarks.data.ogb_dataset import SAFE_GLOBALS, load_ogb_dataset
from benchmarks.data.ogb_package import import_ogb
from benchmarks.data.registry import find_source
from benchmarks.methods import build_network
from benchmarks.spec.errors import UsageError
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import from_record
from benchmarks.training.forward import Forward
from pyg_diffpool import ResidentLoader
from tests.benchmarks.ogb_files import NUM_GRAPHS, binary_labels, write_ogb
from tests.benchmarks.serving import serving

pytestmark = [pytest.mark.ogb, pytest.mark.usefixtures("ogb_package")]

DATA = {
    "ogbg-molhiv": {"labels": binary_labels(1)},
    "ogbg-molpcba": {"labels": binary_labels(128, missing=0.3), "metric": "ap"},
    "ogbg-ppa": {
        "labels": np.arange(NUM_GRAPHS)[:, None] % 3,
        "metric": "acc",
        "task_type": "multiclass classification",
        "num_classes": 37,
    },
}


@pytest.fixture
def folder(tmp_path):
    """A folder of data, and a cache, that nothing has been read from."""
    with serving(tmp_path):
        yield tmp_path


def run(name, out, *more, method="graphsage", protocol="fair"):
    arguments = (
        "run", "--dataset", name, "--method", method, "--protocol", protocol, "--jobs", 1,
        "--out", out, "--set", "hidden_channels=8", "--set", "num_layers=1", "--set", "epochs=2",
        "--device", "cpu", *more,
    )  # fmt: skip
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


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
    meta_dict = write_ogb(folder, name, **DATA[name])
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


def test_targets_and_features_are_what_was_saved(folder):
    for name, content in DATA.items():
        dataset = load_ogb_dataset(name, meta_dict=write_ogb(folder, name, **content))
        labels = torch.as_tensor(content["labels"])
        target = dataset._data.y
        if name == "ogbg-ppa":
            assert torch.equal(target, labels.view(-1))
            assert dataset._data.x is None
        else:
            torch.testing.assert_close(target, labels.float(), equal_nan=True)
            assert dataset._data.x.dtype == torch.long
        # Batches hold the same rows, in any order of graphs.
        order = torch.randperm(NUM_GRAPHS)
        batches = list(ResidentLoader(dataset, 7, index=order))
        found = torch.cat([batch.y for batch in batches])
        torch.testing.assert_close(found, target[order], equal_nan=True)
        found = torch.cat([batch.edge_attr for batch in batches])
        expected = torch.cat([dataset[number].edge_attr for number in order.tolist()])
        assert torch.equal(found, expected)
        assert found.dtype == (torch.float if name == "ogbg-ppa" else torch.long)


def test_seeds_stand_for_folds_in_the_table(folder):
    write_ogb(folder, "ogbg-molhiv", **DATA["ogbg-molhiv"])
    out = folder / "results"
    assert run("ogbg-molhiv", out, "--seeds", "0-2").exit_code == 0
    cells = [json.loads(path.read_text()) for path in out.glob("*/cells/*.json")]
    scores = 100 * np.array([cell["test_rocauc"] for cell in cells])
    shown = CliRunner().invoke(app, ["table", "--results", str(out), "--format", "json"])
    (row,) = json.loads(shown.stdout)
    assert (row["metric"], row["folds"], row["seeds"]) == ("rocauc", "0", "0-2")
    assert (row["mean"], row["std"]) == (
        pytest.approx(scores.mean(), abs=0.01),
        pytest.approx(scores.std(), abs=0.01),
    )
    shown = CliRunner().invoke(app, ["table", "--results", str(out), "--format", "markdown"])
    assert f"{row['mean']:.2f} ± {row['std']:.2f} (rocauc)" in shown.stdout
    done = CliRunner().invoke(app, ["analyse", row["run"], "--results", str(out)])
    assert "expected a run on TU data, got ogbg-molhiv" in " ".join(done.stderr.split())


def test_a_longer_run_learns_the_small_data(folder):
    write_ogb(folder, "ogbg-molhiv", **DATA["ogbg-molhiv"])
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
    write_ogb(folder, "ogbg-molhiv", **DATA["ogbg-molhiv"])
    monkeypatch.chdir(folder)
    Path("splits.json").write_text("[]")
    done = run("ogbg-molhiv", folder / "results", *more)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())
    assert not (folder / "results").exists()


def test_the_folder_of_a_download_is_used(folder):
    """OGB's own folder: no meta_dict, CSV files and an official description."""
    place = folder / "ogbg_molhiv"
    for part in ("raw", "split/scaffold"):
        (place / part).mkdir(parents=True)
    (place / "RELEASE_v1.txt").touch()
    atom = ",".join(["0"] * 9)
    tables = {
        "raw/edge": "0,1\n0,1\n0,1",
        "raw/num-node-list": "2\n2\n2",
        "raw/num-edge-list": "1\n1\n1",
        "raw/node-feat": "\n".join([atom] * 6),
        "raw/edge-feat": "0,0,0\n1,0,0\n2,0,0",
        "raw/graph-label": "0\n1\n1",
        "split/scaffold/train": "2",
        "split/scaffold/valid": "0",
        "split/scaffold/test": "1",
    }
    for name, text in tables.items():
        (place / f"{name}.csv.gz").write_bytes(gzip.compress((text + "\n").encode()))
    dataset = load_ogb_dataset("ogbg-molhiv")
    assert [part.tolist() for part in dataset.fold] == [[2], [0], [1]]
    assert dataset[2].edge_attr.tolist() == [[2, 0, 0], [2, 0, 0]]
    assert dataset._data.y.tolist() == [[0.0], [1.0], [1.0]]


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


@pytest.mark.parametrize("part", ["processed/geometric_data_processed.pt", "split", "meta_dict"])
def test_other_pickles_are_refused(folder, part):
    write_ogb(folder, "ogbg-molhiv", **DATA["ogbg-molhiv"])
    load_ogb_dataset("ogbg-molhiv")
    place = folder / "submission_ogbg_molhiv"
    target = {
        "split": place / "molhiv" / "split" / "scaffold" / "split_dict.pt",
        "meta_dict": place / "meta_dict.pt",
    }.get(part, place / "molhiv" / part)
    assert target.is_file()
    torch.save(Malicious(str(folder / "touched")), target)
    with pytest.raises(UsageError, match=r"refused|expected meta_dict"):
        load_ogb_dataset("ogbg-molhiv")
    assert not (folder / "touched").exists()


def test_the_safe_classes_are_safe_only_while_ogb_reads(folder):
    write_ogb(folder, "ogbg-molhiv", **DATA["ogbg-molhiv"])
    before = set(torch.serialization.get_safe_globals())
    load_ogb_dataset("ogbg-molhiv")
    assert set(torch.serialization.get_safe_globals()) == before
    split = folder / "submission_ogbg_molhiv" / "molhiv" / "split" / "scaffold" / "split_dict.pt"
    with pytest.raises(pickle.UnpicklingError):
        torch.load(split)


def test_a_folder_that_does_not_fit_is_told(folder):
    meta_dict = write_ogb(folder, "ogbg-molhiv", binary_labels(2))
    with pytest.raises(UsageError, match="'ogbg-molhiv': expected 1 tasks, got 2"):
        load_ogb_dataset("ogbg-molhiv", meta_dict=meta_dict)
    (Path(meta_dict["dir_path"]) / "RELEASE_v1.txt").unlink()
    with pytest.raises(UsageError, match=r"expected RELEASE_v1\.txt in it"):
        load_ogb_dataset("ogbg-molhiv", meta_dict=meta_dict)
    (folder / "submission_ogbg_molhiv" / "molhiv").rename(folder / "elsewhere")
    with pytest.raises(UsageError, match=r"unpack molhiv\.zip"):
        load_ogb_dataset("ogbg-molhiv")


def test_half_a_file_is_told_with_its_folder(folder):
    meta_dict = write_ogb(folder, "ogbg-molhiv", **DATA["ogbg-molhiv"])
    load_ogb_dataset("ogbg-molhiv")
    processed = Path(meta_dict["dir_path"]) / "processed" / "geometric_data_processed.pt"
    processed.write_bytes(processed.read_bytes()[:1000])
    with pytest.raises(UsageError, match=r"remove .*processed"):
        load_ogb_dataset("ogbg-molhiv")


def test_a_failed_download_leaves_nothing_and_says_where_to_put_the_data(folder, monkeypatch):
    url = import_ogb("ogb.graphproppred.dataset_pyg")

    def unreachable(address):
        raise OSError(f"no route to {address}")

    monkeypatch.setattr(url, "decide_download", unreachable)
    for _ in range(2):
        with pytest.raises(UsageError, match=r"no route to http.*PYG_DIFFPOOL_DATA"):
            load_ogb_dataset("ogbg-molhiv")
        assert not (folder / "cache" / "ogbg_molhiv").exists()


def test_a_split_that_leaks_is_refused(folder):
    split = {"train": np.arange(24), "valid": np.arange(20, 32), "test": np.arange(32, 40)}
    meta_dict = write_ogb(folder, "ogbg-molhiv", binary_labels(1), split=split)
    with pytest.raises(UsageError, match="got 44 numbers, 40 of them different"):
        load_ogb_dataset("ogbg-molhiv", meta_dict=meta_dict)


def test_the_run_id_follows_the_split(folder):
    write_ogb(folder, "ogbg-molhiv", binary_labels(1))
    first = find_source("ogbg-molhiv").folds_identity(None)
    other = folder / "other"
    other.mkdir()
    split = {"train": np.arange(16, 40), "valid": np.arange(8), "test": np.arange(8, 16)}
    write_ogb(other, "ogbg-molhiv", binary_labels(1), split=split)
    with serving(other):
        assert find_source("ogbg-molhiv").folds_identity(None) != first
