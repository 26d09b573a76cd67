import pytest
import torch
from torch import nn
from torch.testing import assert_close

from benchmarks.data.task import Multiclass
from benchmarks.spec.settings import make_settings
from benchmarks.training import compiled as compiling
from benchmarks.training.classifier import train
from benchmarks.training.compiled import is_compiled
from pyg_diffpool import DiffPoolNet, ResidentLoader
from pyg_diffpool.datasets import CommunityChains
from tests.versions import compiled

# Tracing takes minutes longer under coverage.
pytestmark = pytest.mark.no_cover


def small_net(num_features=3, num_classes=2, dropout=0.0):
    return DiffPoolNet(
        num_features,
        4,
        num_classes,
        max_clusters=[3],
        num_layers=1,
        num_layers_after=1,
        dropout=dropout,
    )


@pytest.mark.parametrize(
    ("choice", "model", "num_steps", "expected"),
    [
        ("off", small_net(), 10**6, False),
        ("on", small_net(), 1, True),
        ("on", nn.Linear(1, 1), 1, True),
        ("auto", small_net(), 2700, False),
        ("auto", small_net(), 27000, True),
        ("auto", nn.Linear(1, 1), 27000, False),
    ],
)
def test_auto_compiles_where_it_saves_more_than_it_costs(choice, model, num_steps, expected):
    assert is_compiled(model, make_settings({"compile": choice}), num_steps) is expected


@compiled
def test_a_compiled_training_has_the_results_of_an_eager_one(monkeypatch):
    # Dynamo records the step, and eager kernels run it: what is compared is what was recorded.
    monkeypatch.setattr(compiling, "BACKEND", "eager")
    dataset = CommunityChains(num_graphs=20)
    results = []
    for choice in ("off", "on"):
        torch.manual_seed(0)
        model = small_net(dataset.num_features, dataset.num_classes, dropout=0.3)
        loaders = [
            ResidentLoader(dataset, 10, shuffle=shuffle, generator=torch.Generator().manual_seed(1))
            for shuffle in (True, False)
        ]
        settings = make_settings({"compile": choice, "epochs": 2})
        results.append(train(model, *loaders, settings, Multiclass(dataset.num_classes)))
    eager, fast = results
    assert (eager.compiled, fast.compiled) == (False, True)
    assert fast.best_epoch == eager.best_epoch
    for name, values in eager.curves.items():
        assert_close(torch.tensor(fast.curves[name]), torch.tensor(values), rtol=1e-3, atol=1e-4)
    assert fast.state_dict.keys() == eager.state_dict.keys()
