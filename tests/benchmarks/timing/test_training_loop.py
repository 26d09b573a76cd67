import copy

import pytest
import torch

from benchmarks.data.task import Multiclass
from benchmarks.timing import training_loop
from benchmarks.timing.loop_tables import (
    BETWEEN,
    ENDS,
    EVALUATION,
    LOADING,
    PLAIN,
    RUNNER,
    STEP,
    TRAINING,
    UNITS,
)
from benchmarks.timing.trainees import Options, Trainee, our_forward
from benchmarks.timing.training_loop import (
    COUNTED_EPOCHS,
    fold,
    loop_rows,
    loop_settings,
    make_network,
    plain_epoch,
    runner_epochs,
)
from tests.benchmarks.timing.rings import rings

OPTIONS = Options(batch_size=6, hidden_channels=8)


@pytest.fixture
def data():
    torch.manual_seed(0)
    return rings(30)


def test_each_part_of_both_loops_has_a_row(data):
    rows = loop_rows("rings", data, OPTIONS, rounds=2)
    found = {(row["loop"], row["stage"]): row for row in rows}
    assert set(found) == {
        *((PLAIN, part) for part in (LOADING, STEP, TRAINING, EVALUATION)),
        *((RUNNER, part) for part in (TRAINING, EVALUATION, BETWEEN, ENDS)),
    }
    assert len(rows) == len(found)
    for (_, part), row in found.items():
        assert row["unit"] == UNITS[part]
        assert 0 < row["quartile_1_ms"] <= row["median_ms"] <= row["quartile_3_ms"]
    # Two rounds of two counted epochs; what follows a training's last epoch is its end.
    samples = {key: row["samples"] for key, row in found.items()}
    assert samples.pop((RUNNER, ENDS)) == 2
    assert samples.pop((RUNNER, BETWEEN)) == 2
    assert set(samples.values()) == {2 * COUNTED_EPOCHS}


def test_every_graph_is_trained_on_or_evaluated(data):
    graphs = fold(data, OPTIONS)
    parts = [torch.cat([batch.graph_index for batch in loader]) for loader in graphs]
    assert [part.numel() for part in parts] == [27, 3]
    assert torch.equal(torch.cat(parts).sort().values, torch.arange(30))


def test_times_are_divided_by_steps_and_batches(data, monkeypatch):
    # Each reading of the clock is a second later: one from a batch's loading, one from its work.
    ticks = iter(range(10**6))
    monkeypatch.setattr(training_loop.time, "perf_counter", lambda: float(next(ticks)))
    graphs = fold(data, OPTIONS)
    graphs.validation.batch_size = 2
    network = make_network(data, OPTIONS)
    trainee = Trainee(network, our_forward(network))
    parts = plain_epoch(trainee, graphs, "cpu")
    assert parts == {LOADING: 1e3, STEP: 1e3, TRAINING: 2e3, EVALUATION: 2e3}
    epochs = runner_epochs(network, graphs, loop_settings(OPTIONS), Multiclass(2), "cpu")
    assert [set(epoch) for epoch in epochs] == [
        {TRAINING, EVALUATION, BETWEEN},
        {TRAINING, EVALUATION, ENDS},
    ]
    for epoch in epochs:
        assert epoch[TRAINING] * len(graphs.train) == pytest.approx(1e3)
        assert epoch[EVALUATION] * len(graphs.validation) == pytest.approx(1e3)


def test_both_loops_do_the_same_steps(data):
    settings = loop_settings(OPTIONS)
    networks = [make_network(data, OPTIONS)]
    networks.append(copy.deepcopy(networks[0]))
    graphs = [fold(data, OPTIONS) for _ in networks]
    for one in graphs:
        one.train.generator = torch.Generator().manual_seed(3)
    trainee = Trainee(
        networks[0],
        our_forward(networks[0]),
        learning_rate=settings.learning_rate,
        gradient_clip=settings.gradient_clip,
    )
    for _ in range(settings.epochs):
        plain_epoch(trainee, graphs[0], "cpu")
    # The runner's training ends with the weights of the best epoch: the last one is made the best.
    curves = []

    def growing(metric, loss, settings):
        curves.append(metric)
        return float(len(curves))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.training.classifier.score", growing)
        runner_epochs(networks[1], graphs[1], settings, Multiclass(2), "cpu")
    plain, runner = (network.state_dict() for network in networks)
    assert all(torch.equal(plain[name], value) for name, value in runner.items())
