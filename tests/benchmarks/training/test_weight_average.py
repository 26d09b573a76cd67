import copy

import pytest
import torch
from torch import nn
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader
from torch_geometric.nn import global_mean_pool

from benchmarks.data.task import Multiclass
from benchmarks.spec.settings import make_settings
from benchmarks.training import memory_checkpoint, weight_average
from benchmarks.training.classifier import Callback, evaluate, score, train
from benchmarks.training.weight_average import renew_statistics
from pyg_diffpool import DiffPoolNet

CLASSES = Multiclass(2)


def graphs(count, seed):
    generator = torch.Generator().manual_seed(seed)
    return [
        Data(
            x=torch.randn(5, 3, generator=generator) + 0.7 * (index % 2),
            edge_index=torch.tensor([[0, 1], [1, 0]]),
            y=torch.tensor([index % 2]),
        )
        for index in range(count)
    ]


def loaders():
    return DataLoader(graphs(50, 0), 20), DataLoader(graphs(40, 1), 20)


class Normed(nn.Module):
    def __init__(self, dropout=0.0):
        super().__init__()
        self.lin = nn.Linear(3, 8)
        self.drop = nn.Dropout(dropout)
        self.norm = nn.BatchNorm1d(8)
        self.out = nn.Linear(8, 2)

    def forward(self, x, edge_index, batch):
        hidden = self.lin(global_mean_pool(x, batch)).relu()
        return self.out(self.norm(self.drop(hidden)))


class Watch(Callback):
    """Keeps the weights that are trained, after every step and at the start of every epoch."""

    def __init__(self):
        self.steps, self.starts, self.validated = [], [], []

    def on_train_epoch_start(self, trainer, pl_module):
        self.starts.append(doubles(pl_module.model))

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.steps.append(doubles(pl_module.model))

    def on_validation_end(self, trainer, pl_module):
        self.validated.append(doubles(pl_module.model))


def doubles(model):
    return [parameter.detach().double().clone() for parameter in model.parameters()]


def averaged_by_hand(first, steps, decay):
    average = first
    for number, weights in enumerate(steps, 1):
        share = min(decay, (1 + number) / (10 + number))
        average = [share * a + (1 - share) * w for a, w in zip(average, weights, strict=True)]
    return average


@pytest.mark.parametrize("decay", [0.3, 0.9])
def test_the_averages_of_all_steps_are_validated_and_kept(decay):
    settings = make_settings({"epochs": 5, "learning_rate": 0.05, "ema_decay": decay})
    torch.manual_seed(0)
    model, watch = Normed(), Watch()
    result = train(model, *loaders(), settings, CLASSES, callbacks=[watch])
    assert len(watch.steps) == 5 * 3
    for epoch, validated in enumerate(watch.validated, 1):
        expected = averaged_by_hand(watch.starts[0], watch.steps[: 3 * epoch], decay)
        torch.testing.assert_close(validated, expected, rtol=1e-4, atol=1e-6)
    # Training goes on from the weights it came to, not from their average.
    for epoch in range(1, 5):
        torch.testing.assert_close(watch.starts[epoch], watch.steps[3 * epoch - 1], rtol=0, atol=0)
    kept = [result.state_dict[name].double() for name, _ in model.named_parameters()]
    torch.testing.assert_close(kept, watch.validated[result.best_epoch - 1], rtol=0, atol=0)
    accuracy, loss = (result.curves[f"validation_{kind}"] for kind in ("accuracy", "loss"))
    scores = [score(*values, settings) for values in zip(accuracy, loss, strict=True)]
    assert result.best_epoch == 1 + max(range(5), key=scores.__getitem__)
    best = accuracy[result.best_epoch - 1]
    assert evaluate(model, loaders()[1], CLASSES) == pytest.approx(best)


def test_statistics_are_those_of_the_averaged_weights_without_dropout():
    settings = make_settings({"epochs": 3, "learning_rate": 0.05, "ema_decay": 0.9})
    model = Normed(dropout=0.5)
    train(model, *loaders(), settings, CLASSES)
    rows = [
        model.lin(global_mean_pool(batch.x, batch.batch)).relu().detach().double()
        for batch in loaders()[0]
    ]
    mean = torch.stack([part.mean(0) for part in rows]).mean(0)
    variance = torch.stack([part.var(0) for part in rows]).mean(0)
    torch.testing.assert_close(model.norm.running_mean.double(), mean, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(model.norm.running_var.double(), variance, rtol=1e-4, atol=1e-6)
    assert model.norm.momentum == 0.1


def test_statistics_of_pooled_levels_are_renewed_and_modes_stay():
    torch.manual_seed(0)
    net = DiffPoolNet(3, 8, 2, max_clusters=[4], readout_norm="batch", dropout=0.3).eval()
    net.pools[0].train()
    modes = [module.training for module in net.modules()]
    layers = [layer for layer in net.modules() if isinstance(layer, nn.BatchNorm1d)]
    renew_statistics(net, loaders()[0])
    assert [module.training for module in net.modules()] == modes
    for layer in layers:
        assert layer.num_batches_tracked == 3
        assert not torch.equal(layer.running_var, torch.ones_like(layer.running_var))
    again = [layer.running_mean.clone() for layer in layers]
    renew_statistics(net, loaders()[0])
    torch.testing.assert_close([layer.running_mean for layer in layers], again, rtol=0, atol=0)


def test_a_network_without_batch_normalisation_is_averaged_too():
    net = nn.Sequential(nn.Linear(3, 2))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    renew_statistics(net, [])
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_copies_by_weight_keep_what_deep_copies_kept(monkeypatch):
    settings = make_settings({"epochs": 6, "learning_rate": 0.05, "ema_decay": 0.9})
    results = []
    for copied in (None, copy.deepcopy):
        if copied is not None:
            monkeypatch.setattr(weight_average, "copied_weights", copied)
            monkeypatch.setattr(memory_checkpoint, "copied_weights", copied)
        torch.manual_seed(0)
        results.append(train(Normed(dropout=0.2), *loaders(), settings, CLASSES))
    ours, deep = results
    assert ours.curves == deep.curves
    assert ours.best_epoch == deep.best_epoch
    assert ours.state_dict.keys() == deep.state_dict.keys()
    assert all(
        torch.equal(ours.state_dict[name], deep.state_dict[name]) for name in deep.state_dict
    )
