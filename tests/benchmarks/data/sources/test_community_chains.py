import json

import pytest
import torch

from benchmarks.data.registry import find_source
from benchmarks.data.sources.community_chains import CommunityChainsSource
from benchmarks.runs.recipe import configurations
from benchmarks.spec.errors import UsageError
from benchmarks.spec.settings import make_settings
from tests.benchmarks.command_line import invoke
from tests.benchmarks.serving import serving

NAME = "CommunityChains"


def run(method, out, *more, protocol="fair"):
    return invoke(
        "run", "--dataset", NAME, "--method", method, "--protocol", protocol, "--folds", "0",
        "--jobs", 1, "--device", "cpu", "--out", out, "--set", "epochs=1", *more,
    )  # fmt: skip


@pytest.fixture
def no_files(tmp_path, monkeypatch):
    """Leave no data to read; whatever is made must not be written either."""
    with serving(tmp_path / "none", monkeypatch):
        yield tmp_path / "none"


def test_the_same_graphs_each_time_and_stratified_folds(no_files):
    source = find_source(NAME)
    assert source.digest == CommunityChainsSource(NAME).digest
    labels = source.targets
    for protocol, tested in (("fair", 60), ("reference", 0)):
        folds = source.folds(protocol)
        assert [len(fold.test) for fold in folds] == [tested] * 10
        held = torch.cat([fold.test if tested else fold.validation for fold in folds])
        assert torch.equal(held.sort().values, torch.arange(600))
        for fold in folds:
            assert labels[fold.train].bincount().float().std() < 1


def test_runs_analyses_and_tables_need_no_files(no_files, tmp_path):
    out = tmp_path / "results"
    for method, protocol in (("diffpool", "fair"), ("graphsage", "reference")):
        done = run(method, out, protocol=protocol)
        assert done.exit_code == 0, done.stderr
    rows = json.loads(invoke("table", "--results", out, "--format", "json").stdout)
    assert [(row["dataset"], row["method"]) for row in rows] == [
        (NAME, "diffpool"),
        (NAME, "graphsage"),
    ]
    (pooled,) = out.glob(f"{NAME}-diffpool-*")
    analysed = invoke("analyse", pooled.name, "--results", out, "--format", "json")
    assert analysed.exit_code == 0, analysed.stderr
    assert json.loads(analysed.stdout)["runs"][0]["clusters"] == [[16]]
    assert not no_files.exists()
    assert NAME in json.loads(invoke("list", "--format", "json").stdout)["datasets"]


def test_attributes_are_the_features_and_labels_there_are_none():
    source, train = find_source(NAME), torch.arange(500)
    nodes = int(source.sizes[:500].sum())
    x = source.features(train, make_settings({}))
    assert torch.equal(x, source.features(train, make_settings({"features": "attributes"})))
    assert x.size(1) == 10
    assert x[:nodes].mean(0).abs().max() < 1e-5
    torch.testing.assert_close(x[:nodes].std(0, correction=0), torch.ones(10))
    for features, width in (("constant", 1), ("degree-scalar", 1)):
        assert source.features(train, make_settings({"features": features})).size(1) == width
    for features in ("labels", "labels+attributes"):
        with pytest.raises(UsageError, match=r"CommunityChains\(600\) has no node labels"):
            source.features(train, make_settings({"features": features}))


@pytest.mark.parametrize("method", ["wl", "wl-oa", "graphlet", "shortest-path"])
def test_kernels_are_refused(method, tmp_path):
    done = run(method, tmp_path / "results")
    assert done.exit_code == 2
    assert f"--method {method}: kernels compare labels" in " ".join(done.stderr.split())


def test_published_folds_are_refused(tmp_path):
    (tmp_path / "splits.json").write_text("[]")
    done = run("diffpool", tmp_path / "results", "--splits", tmp_path / "splits.json")
    assert done.exit_code == 2
    assert "CommunityChains is generated and has no published folds" in " ".join(
        done.stderr.split()
    )


def test_the_recipes_networks_see_equally_far():
    (pooled,) = configurations(NAME, "diffpool", {})
    (flat,) = configurations(NAME, "graphsage", {})
    reach = find_source(NAME).graphs.receptive_field
    assert flat.num_layers == pooled.num_layers + pooled.num_layers_after == reach
    assert flat.epochs == pooled.epochs
