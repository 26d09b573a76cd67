import re
import shlex
from pathlib import Path

import pytest
import torch

from benchmarks.clusters.checkpoints import read_run, trained_network
from benchmarks.clusters.remake import FOLDER
from benchmarks.data.registry import find_source
from benchmarks.spec.errors import UsageError
from tests.benchmarks.command_line import invoke, train


@pytest.fixture
def run(tiny_data, tmp_path, monkeypatch):
    """A run of two folds, the folder that it is in, and that folder's parent as working folder."""
    monkeypatch.chdir(tmp_path)
    train(Path("results"), "diffpool")
    return next(Path("results").iterdir())


def test_one_fold_needs_no_other_checkpoint(run):
    (run / "checkpoints" / "configuration-0_fold-00_seed-0.ckpt").unlink()
    stored = read_run(run.parent, run.name)
    trained = trained_network(stored, None, fold=1)
    assert trained.cell["fold"] == 1
    answers = []
    for number in trained.index.tolist():
        batch, data = trained.batch(number), find_source("TINY").graphs[number]
        assert (batch.num_graphs, batch.num_nodes) == (1, data.num_nodes)
        prediction = trained.predict(batch)
        assert [level.assignment.size(-1) for level in prediction.levels] == [3, 2]
        assert not prediction.logits.requires_grad
        answers.append(int(prediction.logits.argmax()) == int(batch.y))
    assert sum(answers) / len(answers) == pytest.approx(trained.cell["test_accuracy"])
    (every,) = trained.loader
    assert torch.equal(every.graph_index, trained.index)
    with pytest.raises(UsageError, match="expected fold 7 to be finished, finished are folds 0-1"):
        trained_network(stored, None, fold=7)


def test_the_command_named_makes_the_missing_checkpoint_as_it_stands(run):
    path = run / "checkpoints" / "configuration-0_fold-01_seed-0.ckpt"
    before = torch.load(path)
    path.unlink()
    with pytest.raises(UsageError) as missing:
        trained_network(read_run(run.parent, run.name), None, fold=1)
    message = str(missing.value)
    command = shlex.split(re.search("`(python -m benchmarks run .*?)`", message)[1])
    assert command[command.index("--folds") + 1] == "1"
    assert f"--results {FOLDER}" in message
    done = invoke(*command[3:])
    assert done.exit_code == 0, done.stderr
    made = Path(FOLDER) / run.name / "checkpoints" / path.name
    assert [file.name for file in made.parent.iterdir()] == [path.name]
    for name, weights in torch.load(made)["state_dict"].items():
        assert torch.equal(weights, before["state_dict"][name])
    assert trained_network(read_run(Path(FOLDER), run.name), None).cell["fold"] == 1
