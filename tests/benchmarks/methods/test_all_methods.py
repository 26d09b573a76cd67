import math

import joblib
import numpy as np
import pytest
import torch
from torch.nn import Dropout

from benchmarks.data.registry import find_source
from benchmarks.data.task import Multiclass
from benchmarks.methods import KERNEL, kind_of, load_kernel, method_names
from benchmarks.runs.plan import make_plan
from benchmarks.runs.worker import run_cell
from benchmarks.spec.errors import UsageError
from benchmarks.training.classifier import train
from pyg_diffpool import DiffPoolNet, SAGEConv
from pyg_diffpool.datasets import CommunityChains
from tests.benchmarks.kernels.small_graphs import grams_of, random_graphs
from tests.benchmarks.kernels.small_graphs import permuted as permuted_graphs
from tests.benchmarks.methods.networks import (
    NETWORKS,
    NUM_CLASSES,
    NUM_FEATURES,
    loader_of,
    logits_of,
    odd_graphs,
    permuted,
    random_graph,
    small_network,
    small_settings,
)
from tests.benchmarks.real_data import skip_without

OF_THE_PAPER = {
    *("graphlet", "shortest-path", "wl", "wl-oa", "patchysan", "graphsage", "ecc", "set2set"),
    *("sortpool", "diffpool-det", "diffpool-nolp", "diffpool"),
    *("s2v", "s2v-diffpool1", "s2v-diffpool2"),
}
SMALL = {"epochs": 2, "hidden_channels": 8}
KERNELS = [name for name in method_names() if kind_of(name) == KERNEL]


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
@pytest.mark.parametrize("method", method_names())
def test_trains_on_the_first_fold_of_enzymes(method):
    skip_without("ENZYMES")
    find_source.cache_clear()
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
SETTINGS = [
    *((method, {}) for method in NETWORKS),
    *(
        ("diffpool-det", {"readout": readout, "num_pools": 2, "cluster_ratio": 0.3})
        for readout in ("max", "mean", "sum")
    ),
    *(("patchysan", {"num_fields": number, "field_size": 4}) for number in (3, 12)),
    *((method, {"per_graph_clusters": True}) for method in ("s2v-diffpool1", "s2v-diffpool2")),
]
"""Networks with settings under which they meet graphs out of the ordinary."""


@pytest.mark.parametrize("method", NETWORKS)
def test_a_network_learns_in_two_epochs(method):
    torch.manual_seed(1)
    graphs = CommunityChains(60, length=2)
    settings = small_settings(method, epochs=2, learning_rate=0.003, dropout=0.0)
    net = small_network(method, settings, [data.num_nodes for data in graphs], num_features=10)
    loader = loader_of(method, settings, graphs, 10)
    curves = train(net, loader, loader, settings, Multiclass(NUM_CLASSES)).curves
    first, second = curves["train_cross_entropy"]
    assert math.isfinite(first)
    assert second < first
    pools = settings.num_pools if isinstance(net, DiffPoolNet) else 0
    assert len([name for name in curves if name.startswith("entropy_")]) == pools


@pytest.mark.parametrize(("method", "overrides"), [*SETTINGS, *HEADS.items(), *BLOCKS])
def test_odd_graphs_pass_both_ways(method, overrides):
    graphs = odd_graphs()
    settings = small_settings(method, **overrides)
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
    assert together.isfinite().all()
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


# A partitioner starts from some node, so that the clusters of diffpool-det depend on the numbering.
@pytest.mark.parametrize(
    ("method", "overrides"), [case for case in SETTINGS if case[0] != "diffpool-det"]
)
def test_node_order_does_not_matter_to_a_network(method, overrides):
    graphs = [random_graph(11, seed) for seed in range(3)]
    moved = [permuted(data, torch.randperm(11)) for data in graphs]
    settings = small_settings(method, **overrides)
    net = small_network(method, settings, [11]).eval()
    with torch.no_grad():
        given = logits_of(method, settings, net, graphs)
        turned = logits_of(method, settings, net, moved)
    torch.testing.assert_close(turned, given, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(given[0], given[1], atol=1e-3)


@pytest.mark.parametrize("method", KERNELS)
def test_node_order_and_processes_do_not_matter_to_a_kernel(method):
    kernel, graphs = load_kernel(method), random_graphs(seed=1)
    grams = grams_of(kernel, graphs)
    assert len(grams) == max(1, len(kernel.ITERATIONS))
    moved = grams_of(kernel, permuted_graphs(graphs))
    with joblib.parallel_config("threading"):
        parts = grams_of(kernel, graphs, jobs=2)
    for gram, *others in zip(grams, moved, parts, strict=True):
        for other in others:
            np.testing.assert_array_equal(other, gram)


@pytest.mark.parametrize("method", KERNELS)
def test_estimates_of_a_kernel_grow_with_the_graphs(method):
    small, large = (load_kernel(method).cost(random_graphs(number)) for number in (20, 200))
    assert 0 < small.gib < large.gib < 1
    assert 0 < small.seconds < large.seconds < 60


@pytest.mark.parametrize("preset", ["none", "paper", "reference"])
@pytest.mark.parametrize("method", NETWORKS)
def test_every_network_is_built_under_every_preset_and_takes_named_settings(method, preset):
    convolutions = []
    for num_layers in (2, 5):
        settings = small_settings(method, preset=preset, num_layers=num_layers, num_layers_after=1)
        net = small_network(method, settings, [9, 4])
        convolutions.append(sum(isinstance(module, SAGEConv) for module in net.modules()))
    # One embedding block, and with a pooling one assignment block too.
    expected = {"graphsage": 3, "diffpool": 6, "diffpool-nolp": 6}
    if method in expected:
        assert convolutions[1] - convolutions[0] == expected[method]


@pytest.mark.parametrize(
    ("method", "overrides", "message"),
    [
        ("graphsage", {"num_pools": 1}, "setting num_pools: graphsage is flat"),
        ("diffpool", {"num_pools": 0}, "setting num_pools: expected at least 1"),
        ("diffpool-nolp", {"link_weight": 0.5}, "setting link_weight: diffpool-nolp expects 0"),
        ("diffpool", {"edge_features": True}, "setting edge_features: expected data whose edges"),
        ("graphsage", {"edge_features": True}, "setting edge_features: graphsage has no use"),
        ("diffpool-det", {"edge_features": True}, "setting edge_features: diffpool-det has no"),
        ("s2v", {"edge_features": True}, "setting edge_features: Structure2Vec has no use"),
        ("set2set", {"edge_features": True}, "setting edge_features: set2set has no use"),
        ("diffpool-det", {"assignment": "sparsemax"}, "setting assignment: diffpool-det has no"),
        *(
            (method, {"sparse_level": True}, f"setting sparse_level: {method} has no use")
            for method in ("diffpool-det", "ecc", "graphsage", "patchysan", "s2v", "set2set")
        ),
        ("sortpool", {"objectives": {"cut": 0.5}}, "setting objectives: sortpool has no use"),
        (
            "diffpool-nolp",
            {"objectives": {"link": 0.5}},
            "setting objectives: diffpool-nolp expects 0",
        ),
        (
            "diffpool-det",
            {"objectives": {"cut": 0.5}},
            "setting objectives: diffpool-det learns no assignment",
        ),
        *(
            ("diffpool-det", {name: 1.0}, f"setting {name}: diffpool-det learns no assignment")
            for name in ("link_weight", "entropy_weight")
        ),
        ("s2v", {"num_pools": 1}, "setting num_pools: s2v is flat"),
        ("s2v-diffpool1", {"num_pools": 2}, "setting num_pools: s2v-diffpool1 expects 1, got 2"),
        ("s2v-diffpool2", {"num_pools": 3}, "setting num_pools: s2v-diffpool2 expects 2, got 3"),
        ("s2v-diffpool2", {"num_layers": 1}, r"setting num_layers: .* \(2\), got 1"),
        ("set2set", {"num_pools": 1}, "setting num_pools: set2set is flat"),
        ("patchysan", {"num_pools": 1}, "setting num_pools"),
        ("patchysan", {"num_fields": None}, "setting num_fields"),
        ("sortpool", {"readout_norm": "batch"}, "setting readout_norm: sortpool has no use"),
        ("patchysan", {"head_dropout": 0.5}, "setting head_dropout: patchysan has no use"),
        ("sortpool", {"residual": True}, "setting residual: sortpool has no use for it, got True"),
        ("patchysan", {"skip_input": True}, "setting skip_input: patchysan has no use for it"),
        ("ecc", {"skip_input": True}, "setting skip_input: ecc has no use for it"),
        ("s2v", {"fully_adjacent": True}, "setting fully_adjacent: Structure2Vec has no use"),
        ("set2set", {"sum_scale": "asinh"}, "setting sum_scale: set2set has no use for it"),
        ("set2set", {"readout": ["max", "sum"]}, "setting readout: set2set has no use for it"),
    ],
)
def test_settings_that_contradict_a_method_are_refused(method, overrides, message):
    settings = small_settings(method, **overrides)
    with pytest.raises(UsageError, match=message):
        small_network(method, settings, [9, 4])


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
