import os
from pathlib import Path

import pytest
import torch
from torch.nn import Dropout

from benchmarks.data.dataset import cached_dataset, folds_of
from benchmarks.methods import KERNEL, kind_of, method_names
from benchmarks.runs.plan import make_plan
from benchmarks.runs.worker import run_cell
from tests.benchmarks.methods.networks import (
    NETWORKS,
    NUM_CLASSES,
    NUM_FEATURES,
    logits_of,
    odd_graphs,
    permuted,
    random_graph,
    small_network,
    small_settings,
)

DATA = os.environ.get("PYG_DIFFPOOL_DATA", "")
OF_THE_PAPER = {
    *("graphlet", "shortest-path", "wl", "wl-oa", "patchysan", "graphsage", "ecc", "set2set"),
    *("sortpool", "diffpool-det", "diffpool-nolp", "diffpool"),
    *("s2v", "s2v-diffpool1", "s2v-diffpool2"),
}
SMALL = {"epochs": 2, "hidden_channels": 8}


def overrides_of(method):
    """Return small settings, for methods that have settings."""
    return {} if kind_of(method).chosen else SMALL


def test_every_row_of_the_paper_is_there():
    assert set(method_names()) >= OF_THE_PAPER


@pytest.mark.parametrize("method", method_names())
def test_trains_on_generated_data(tiny_data, method):
    plan = make_plan("TINY", method, "fair", overrides_of(method), [0], [0], None)
    record = run_cell(plan.cells()[0]).record
    assert record["graphs"] == {"train": 32, "validation": 4, "test": 4}
    assert 0 <= record["validation_accuracy"] <= 1
    assert record["test_accuracy"] in (0, 0.25, 0.5, 0.75, 1)
    if kind_of(method).has_epochs:
        losses = record["curves"]["train_loss"]
        assert len(losses) == 2
        assert all(0 < loss < 100 for loss in losses)
        assert record["parameters"] > 100


@pytest.mark.real_data
@pytest.mark.skipif(
    not (DATA and ("://" in DATA or (Path(DATA) / "ENZYMES.zip").exists())),
    reason="ENZYMES.zip is not in PYG_DIFFPOOL_DATA",
)
@pytest.mark.parametrize("method", method_names())
def test_trains_on_the_first_fold_of_enzymes(method):
    cached_dataset.cache_clear()
    folds_of.cache_clear()
    plan = make_plan("ENZYMES", method, "fair", overrides_of(method), [0], [0], None)
    record = run_cell(plan.cells()[0]).record
    assert record["graphs"] == {"train": 486, "validation": 54, "test": 60}
    if kind_of(method) == KERNEL:
        assert record["test_accuracy"] > 0.27
    if kind_of(method).has_epochs:
        first, second = record["curves"]["train_cross_entropy"]
        assert second < first


READ_SEVERAL_WAYS = {
    "skip_input": True,
    "readout": ["max", "mean", "sum"],
    "sum_scale": "asinh",
    "readout_norm": "batch",
    "head_dropout": 0.5,
}
HEADS = {
    name: READ_SEVERAL_WAYS for name in NETWORKS if name not in ("patchysan", "set2set", "sortpool")
} | {"set2set": {"skip_input": True, "readout_norm": "batch", "head_dropout": 0.5}}
HEADS["ecc"] = {name: value for name, value in READ_SEVERAL_WAYS.items() if name != "skip_input"}
BLOCKS = [
    (name, {option: True})
    for name in ("diffpool", "diffpool-det", "diffpool-nolp", "graphsage", "set2set")
    for option in ("residual", "fully_adjacent")
]


@pytest.mark.parametrize(
    ("method", "options"), [*((name, {}) for name in NETWORKS), *HEADS.items(), *BLOCKS]
)
def test_odd_graphs_pass_both_ways(method, options):
    graphs = odd_graphs()
    settings = small_settings(method, **options)
    net = small_network(method, settings, [data.num_nodes for data in graphs])
    logits = logits_of(method, settings, net, graphs)
    assert logits.shape == (len(graphs), NUM_CLASSES)
    logits.square().sum().backward()
    gradients = [parameter.grad for parameter in net.parameters() if parameter.grad is not None]
    assert gradients
    assert all(bool(gradient.isfinite().all()) for gradient in gradients)
    net.eval()
    with torch.no_grad():
        together = logits_of(method, settings, net, graphs)
        alone = torch.cat([logits_of(method, settings, net, [data]) for data in graphs])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


# A partitioner starts from some node, so that the clusters of diffpool-det depend on the numbering.
@pytest.mark.parametrize("method", [name for name in NETWORKS if name != "diffpool-det"])
def test_node_order_does_not_matter(method):
    graphs = [random_graph(11, seed) for seed in range(3)]
    settings = small_settings(method)
    net = small_network(method, settings, [11]).eval()
    with torch.no_grad():
        given = logits_of(method, settings, net, graphs)
        turned = logits_of(method, settings, net, [permuted(data, 7) for data in graphs])
    torch.testing.assert_close(turned, given, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(given[0], given[1], atol=1e-3)


@pytest.mark.parametrize("method", HEADS)
def test_the_head_is_that_of_the_settings(method):
    plain = small_network(method, small_settings(method), [11])
    net = small_network(method, small_settings(method, **HEADS[method]), [11])
    classifier = net.classifier
    width = classifier.get_submodule("0").in_features
    several = 1 if method == "set2set" else 3
    skipped = NUM_FEATURES if "skip_input" in HEADS[method] else 0
    assert width == several * plain.classifier.get_submodule("0").in_features + skipped
    assert classifier.norm.module.running_mean.numel() == width
    assert [module.p for module in classifier.modules() if isinstance(module, Dropout)] == [0.5] * 2
