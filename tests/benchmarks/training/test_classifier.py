from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch_geometric.loader import DataLoader

from benchmarks.data.task import BinaryTasks, Multiclass
from benchmarks.spec.settings import make_settings
from benchmarks.training.classifier import evaluate, latest_mean, score, train
from tests.benchmarks.training.small_graphs import MeanNet, graphs, pooling

CLASSES = Multiclass(2)


class Output(NamedTuple):
    logits: Tensor
    loss: Tensor


def loaders():
    return DataLoader(graphs(60), 20, shuffle=True), DataLoader(graphs(40, seed=1), 20)


def settings(**changes):
    return make_settings({"epochs": 20, "learning_rate": 0.05, **changes})


def test_a_small_net_learns_and_keeps_its_curves():
    train_loader, validation_loader = loaders()
    model = MeanNet()
    result = train(model, train_loader, validation_loader, settings(), CLASSES)
    curves = result.curves
    assert {len(curve) for curve in curves.values()} == {20}
    assert curves["train_loss"][-1] < 0.5 * curves["train_loss"][0]
    assert max(curves["validation_accuracy"]) > 0.95
    assert evaluate(model, validation_loader, CLASSES) == pytest.approx(
        curves["validation_accuracy"][result.best_epoch - 1]
    )


@pytest.mark.parametrize("monitor", ["accuracy", "loss"])
def test_the_best_epochs_weights_come_back_not_the_last(monitor):
    chosen = settings(monitor=monitor, epochs=6)
    train_loader, _ = loaders()
    flipped = graphs(40, seed=1)
    for graph in flipped:
        graph.y = 1 - graph.y
    model = MeanNet()
    result = train(model, train_loader, DataLoader(flipped, 20), chosen, CLASSES)
    # The better the training, the worse these labels are met.
    accuracy, loss = (result.curves[f"validation_{kind}"] for kind in ("accuracy", "loss"))
    scores = [score(*values, chosen) for values in zip(accuracy, loss, strict=True)]
    assert result.best_epoch == 1 + max(range(len(scores)), key=scores.__getitem__) < 6
    with torch.no_grad():
        batch = next(iter(DataLoader(flipped, 40)))
        logits = model(batch.x, batch.edge_index, batch.batch)
        value = nn.functional.cross_entropy(logits, batch.y)
    assert float(value) == pytest.approx(loss[result.best_epoch - 1], rel=1e-4)


def test_early_stopping_waits_for_its_patience_and_reference_never_stops():
    frozen = settings(learning_rate=1e-30, patience=3)
    assert len(train(MeanNet(), *loaders(), frozen, CLASSES).curves["train_loss"]) == 4
    whole = train(MeanNet(), *loaders(), frozen, CLASSES, early_stopping=False)
    assert len(whole.curves["train_loss"]) == 20


def test_a_tie_in_accuracy_goes_to_the_lower_loss_and_never_beats_accuracy():
    chosen = settings()
    assert score(0.5, 1.0, chosen) > score(0.5, 2.0, chosen)
    assert score(0.501, 1e9, chosen) > score(0.5, 0.0, chosen)
    assert score(0.1, 0.5, settings(monitor="loss")) > score(0.9, 0.6, settings(monitor="loss"))


def test_a_window_chooses_by_the_mean_of_the_latest_scores():
    chosen = settings(validation_window=3, epochs=8)
    torch.manual_seed(0)
    result = train(MeanNet(), *loaders(), chosen, CLASSES)
    accuracy, loss = (result.curves[f"validation_{kind}"] for kind in ("accuracy", "loss"))

    def mean(values, epoch):
        latest = values[max(0, epoch - 3) : epoch]
        return sum(latest) / len(latest)

    scores = [score(mean(accuracy, e), mean(loss, e), chosen) for e in range(1, 9)]
    best = 1 + max(range(8), key=scores.__getitem__)
    assert result.best_epoch == best
    assert result.chosen_by("validation_loss") == mean(loss, best)
    assert result.chosen_by("validation_accuracy") == mean(accuracy, best)


def test_a_lone_peak_wins_without_a_window_and_loses_with_one():
    curve = [0.5, 0.9, 0.5, 0.7, 0.7, 0.7]
    assert [latest_mean(curve[:end], 1) for end in range(1, 7)] == curve
    means = [latest_mean(curve[:end], 3) for end in range(1, 7)]
    # Fewer scores than the window has are averaged as they are.
    assert means == pytest.approx([0.5, 0.7, 1.9 / 3, 0.7, 1.9 / 3, 0.7])


@pytest.mark.parametrize("schedule", ["cosine", "plateau"])
def test_schedules_run(schedule):
    result = train(MeanNet(), *loaders(), settings(schedule=schedule, epochs=4), CLASSES)
    assert result.curves["train_loss"][-1] < result.curves["train_loss"][0]


def test_binary_tasks_learn_from_the_labels_there_are():
    """The second task's labels are all missing; the first is what the classes above are."""

    def relabelled(count, seed):
        found = graphs(count, seed)
        for graph in found:
            graph.y = torch.tensor([[float(graph.y), torch.nan]])
        return found

    def first_task(outputs, targets):
        return float(((outputs[:, 0] > 0) == (targets[:, 0] > 0)).float().mean())

    task = BinaryTasks(2, "right", first_task)
    train_loader = DataLoader(relabelled(60, 0), 20, shuffle=True)
    validation_loader = DataLoader(relabelled(40, 1), 20)
    result = train(MeanNet(), train_loader, validation_loader, settings(), task)
    assert max(result.curves["validation_right"]) > 0.95
    assert result.curves["train_loss"][-1] < 0.5 * result.curves["train_loss"][0]
    assert "validation_accuracy" not in result.curves


def test_a_side_objective_is_trained_and_recorded():
    class WithObjective(MeanNet):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.tensor(3.0))

        def forward(self, x, edge_index, batch):
            return Output(super().forward(x, edge_index, batch), self.weight**2)

    model = WithObjective()
    curves = train(model, *loaders(), settings(), CLASSES).curves
    side = [a - b for a, b in zip(curves["train_loss"], curves["train_cross_entropy"], strict=True)]
    assert side[0] > 5
    assert side[-1] < 0.5 * side[0]
    assert abs(model.weight.item()) < 3


def test_effective_clusters_are_those_of_the_validation_graphs():
    train_loader, validation_loader = loaders()
    model = pooling(ratio=0.5)
    result = train(model, train_loader, validation_loader, settings(epochs=3), CLASSES)
    model.eval()
    (every,) = DataLoader(graphs(40, seed=1), 40)
    with torch.no_grad():
        levels = model(every.x, every.edge_index, batch=every.batch).levels
    # Graphs of five nodes: three clusters, then two.
    means = [levels[0].assignment.view(40, 5, 4).mean(1), levels[1].assignment[:, :3].mean(1)]
    for number, mean in enumerate(means):
        curve = result.curves[f"effective_clusters_{number}"]
        assert len(curve) == 3
        expected = torch.distributions.Categorical(mean).entropy().exp().mean()
        assert curve[result.best_epoch - 1] == pytest.approx(float(expected), rel=1e-4)
        assert 1 <= min(curve) <= max(curve) <= 3 - number + 1e-6
    flat = train(MeanNet(), *loaders(), settings(epochs=1), CLASSES)
    assert not [name for name in flat.curves if "effective" in name]


def test_counting_clusters_changes_no_other_number(monkeypatch):
    def trained():
        torch.manual_seed(1)
        return train(pooling(), *loaders(), settings(epochs=3), CLASSES)

    counted = trained()
    monkeypatch.setattr("benchmarks.training.classifier.assigned_rows", lambda levels, graph: [])
    plain = trained()
    added = {"effective_clusters_0", "effective_clusters_1"}
    assert set(counted.curves) - set(plain.curves) == added
    assert {name: counted.curves[name] for name in plain.curves} == plain.curves
    for name, weights in plain.state_dict.items():
        assert torch.equal(weights, counted.state_dict[name])
