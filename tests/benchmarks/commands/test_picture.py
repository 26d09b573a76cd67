import json
import shlex
from pathlib import Path

import pytest
import torch
from matplotlib.image import imread

from benchmarks.clusters.candidates import candidates, typical
from benchmarks.clusters.checkpoints import read_run, trained_network
from tests.benchmarks.command_line import invoke, train, train_flat

pytest.importorskip("networkx")


@pytest.fixture
def run(tiny_data, tmp_path, monkeypatch):
    """A run of two folds in the working folder's ``results``."""
    monkeypatch.chdir(tmp_path)
    train(Path("results"), "diffpool", "fair", "per_graph_clusters=true")
    return next(Path("results").iterdir())


def picture(run, *arguments):
    return invoke("picture", run.name, "--results", run.parent, *arguments)


def listed(run, *arguments):
    done = picture(run, "--list", "--format", "json", *arguments)
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def test_a_picture_of_the_typical_graph_and_of_a_named_one(run):
    done = picture(run)
    assert done.exit_code == 0, done.stderr
    found = candidates(trained_network(read_run(run.parent, run.name), None))
    chosen = typical(found)
    assert f"TINY, diffpool: test graph {chosen.graph} of fold 0 with" in done.stderr
    path = Path("runs/pictures") / f"{run.name}_graph-{chosen.graph}.png"
    pixels = imread(path)
    assert pixels.shape[1] > 800
    # Something is drawn, in colours.
    assert (pixels[..., :3].max(-1) - pixels[..., :3].min(-1) > 0.3).mean() > 0.001
    # A graph that fold 1 has not seen finds its fold by itself, and another layout another place.
    other = listed(run, "--fold", 1)[0]["graph"]
    for layout, name in ((0, "a.png"), (0, "again.png"), (1, "b.png")):
        named = picture(run, "--graph", other, "--layout", layout, "--out", f"deep/{name}")
        assert named.exit_code == 0, named.stderr
        assert f"test graph {other} of fold 1" in named.stderr
    same, again, moved = (Path(f"deep/{name}.png").read_bytes() for name in ("a", "again", "b"))
    assert same == again != moved


def test_a_configuration_that_was_not_chosen_can_be_drawn(run):
    """The other one is the same training with its weights set to zero."""
    path = run / "cells" / "configuration-0_fold-00_seed-0.json"
    cell = {**json.loads(path.read_text()), "configuration": 1, "validation_accuracy": 0.0}
    (run / "cells" / "configuration-1_fold-00_seed-0.json").write_text(json.dumps(cell))
    names = [f"configuration-{number}_fold-00_seed-0.ckpt" for number in (0, 1)]
    chosen, other = (run / "checkpoints" / name for name in names)
    checkpoint = torch.load(chosen)
    weights = {key: value.zero_() for key, value in checkpoint["state_dict"].items()}
    torch.save({**checkpoint, "state_dict": weights}, other)
    stored = read_run(run.parent, run.name)
    for number in (None, 0, 1):
        trained = trained_network(stored, None, 0, configuration=number)
        assert trained.cell["configuration"] == (number or 0)
        zero = all(not value.any() for value in trained.network.state_dict().values())
        assert zero == (number == 1)
    assert picture(run, "--fold", 0, "--configuration", 1).exit_code == 0


def test_the_list_tells_what_the_pictures_show(run):
    from pyg_diffpool.visualize import hierarchy

    rows = listed(run)
    trained = trained_network(read_run(run.parent, run.name), None)
    assert [row["graph"] for row in rows] == trained.index.tolist()
    assert sum(row["right"] for row in rows) / len(rows) == pytest.approx(
        trained.cell["test_accuracy"]
    )
    for row in rows:
        batch = trained.batch(row["graph"])
        levels = hierarchy(batch, list(trained.predict(batch).levels)).levels
        assert row["clusters"] == [level.index.numel() for level in levels[1:]]
        assert (row["nodes"], row["edges"]) == (levels[0].index.numel(), levels[0].edge.size(1))
        assert row["right"] == (row["target"] == row["predicted"])
    assert "clusters in use" in picture(run, "--list").stdout
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--graph", 4000), "expected a test graph of folds 0-1, got graph 4000"),
        (("--graph", 4000, "--fold", 1), "--graph: expected a test graph of fold 1 (see --list)"),
        (("--fold", 5), "expected fold 5 to be finished, finished are folds 0-1"),
        (("--configuration", 3), "expected configuration 3 to be finished, finished are folds 0-1"),
        (("--out", "picture.gif"), "--out: expected a name that ends in .png, .pdf, .svg"),
        (("--list", "--format", "jsn"), "unknown format 'jsn': did you mean 'json'"),
        (("--splits", "nowhere"), "no folder nowhere"),
    ],
)
def test_bad_input_is_one_message(run, arguments, message):
    done = picture(run, *arguments)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())
    assert not Path("runs").exists()


def test_a_missing_checkpoint_names_the_command_for_its_fold(run):
    (run / "checkpoints" / "configuration-0_fold-01_seed-0.ckpt").unlink()
    assert picture(run, "--fold", 0).exit_code == 0
    missing = picture(run, "--fold", 1)
    assert missing.exit_code == 2
    command = " ".join(missing.stderr.split()).split("`")[1]
    assert " --folds 1 " in command
    made = invoke(*shlex.split(command)[3:])
    assert made.exit_code == 0, made.stderr
    assert invoke("picture", run.name, "--fold", 1, "--results", "runs/remade").exit_code == 0


def test_what_cannot_be_drawn_is_told(run, monkeypatch):
    def refuse(*arguments, **keywords):
        raise ValueError("data: graph 0 has 20000 nodes")

    monkeypatch.setattr("benchmarks.training.level_figures.plot_hierarchy", refuse)
    done = picture(run)
    assert done.exit_code == 2
    assert "data: graph 0 has 20000 nodes" in " ".join(done.stderr.split())


def test_flat_networks_have_no_picture(tiny_data, tmp_path):
    told = picture(train_flat(tmp_path / "results"))
    assert told.exit_code == 2
    assert "graphsage pools nothing" in " ".join(told.stderr.split())


def test_a_network_without_levels_has_no_picture(tiny_data, tmp_path):
    out = tmp_path / "results"
    run = ("--dataset", "TINY", "--method", tiny_data, "--protocol", "fair", "--folds", "0")
    assert invoke("run", *run, "--jobs", 1, "--out", out, "--set", "epochs=1").exit_code == 0
    told = picture(next((tmp_path / "results").iterdir()))
    assert told.exit_code == 2
    assert "expected a network that returns its levels, got MeanNet" in told.stderr
