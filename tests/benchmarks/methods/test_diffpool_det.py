import math

import pytest
import torch
from torch_geometric.data import Batch
from torch_geometric.utils import one_hot, to_dense_adj

from benchmarks.methods import load_method
from benchmarks.spec.errors import UsageError
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import make_settings
from benchmarks.training.prepared import PreparedLoader
from pyg_diffpool import ResidentLoader
from pyg_diffpool.datasets import CommunityChains
from tests.benchmarks.methods.graph_batches import (
    NUM_CLASSES,
    NUM_FEATURES,
    logits,
    odd_graphs,
    permuted,
    random_graph,
    trained_two_epochs,
)

METHOD = load_method("diffpool-det")
SMALL = {"hidden_channels": 8, "num_pools": 2, "cluster_ratio": 0.3}


def build(num_features=NUM_FEATURES, **changes):
    settings = make_settings(METHOD.DEFAULTS, {**SMALL, **changes})
    clusters = [4, 2][: settings.num_pools]
    return METHOD.build(
        settings, Problem(num_features, NUM_CLASSES, clusters, torch.tensor([5, 12]))
    )


def prepared(graph, **changes):
    graph.update(METHOD.prepare(graph, make_settings({**SMALL, **changes})))
    return graph


def outputs(net, graphs):
    batch = Batch.from_data_list(graphs)
    with torch.no_grad():
        return net.eval()(
            batch.x, batch.edge_index, batch.cluster, batch=batch.batch, batch_size=len(graphs)
        )


def test_pooling_sums_each_clusters_nodes_and_edges():
    net, graphs = build(), [prepared(random_graph(12, 20)), prepared(random_graph(7, 9, 1))]
    first, second = outputs(net, graphs).levels
    start = 0
    for number, graph in enumerate(graphs):
        nodes, edges = graph.num_nodes, to_dense_adj(graph.edge_index)[0]
        z, start = first.embedding[start : start + nodes], start + nodes
        for level, z_level in ((first, z), (second, None)):
            below = torch.arange(nodes) if level is first else graph.cluster[:, 0]
            above = graph.cluster[:, 0 if level is first else 1]
            if z_level is None:
                z_level = second.embedding[number]
            count = int(above.max()) + 1
            for cluster in range(count):
                members = below[above == cluster].unique()
                torch.testing.assert_close(level.x[number, cluster], z_level[members].sum(0))
            assert level.mask[number].tolist() == [k < count for k in range(level.mask.size(1))]
            assert not level.x[number, count:].any()
            of_nodes = one_hot(above, level.x.size(1))
            torch.testing.assert_close(level.adj[number], of_nodes.T @ edges @ of_nodes)


@pytest.mark.parametrize("preset", ["none", "paper", "reference"])
def test_it_is_diffpool_with_other_assignments(preset):
    """Given the one-hot assignments as logits, DiffPoolNet answers the same."""
    changes = {"preset": preset, "num_pools": 1, "dropout": 0.0}
    settings = make_settings(METHOD.DEFAULTS, {**SMALL, **changes})
    problem = Problem(NUM_FEATURES, NUM_CLASSES, [4], torch.tensor([12]))
    torch.manual_seed(4)
    net = METHOD.build(settings, problem).eval()
    torch.manual_seed(4)
    soft = load_method("diffpool").build(settings, problem).eval()
    graph = prepared(random_graph(12, 20), num_pools=1)
    assert int(graph.cluster.max()) == 3

    class Given(torch.nn.Module):
        runs_on_dense_levels = True

        def forward(self, x, edge_index):
            return one_hot(graph.cluster[:, 0], 4).log()

    soft.pools[0].assign = Given()
    with torch.no_grad():
        expected = soft(graph.x, graph.edge_index).logits
    torch.testing.assert_close(outputs(net, [graph]).logits, expected)
    assert not any("assign" in name for name, _ in net.named_parameters())


def test_it_learns_in_two_epochs():
    dataset, settings = CommunityChains(60, length=2), make_settings(SMALL)
    graphs = [METHOD.prepare(data, settings) for data in dataset]
    loader = PreparedLoader(ResidentLoader(dataset, 10), graphs)
    result = trained_two_epochs(build(10), loader)
    curve = result.curves["train_cross_entropy"]
    assert all(map(math.isfinite, curve))
    assert curve[1] < curve[0]


def test_neither_node_order_nor_the_numbers_of_clusters_matter():
    net, graph, order = build(), prepared(random_graph(12, 25)), torch.randperm(12)
    moved = permuted(graph, order)
    renumbered = torch.stack(
        [torch.randperm(int(column.max()) + 1)[column] for column in graph.cluster.T], 1
    )
    moved.cluster = renumbered[order]
    torch.testing.assert_close(logits(net, [moved]), logits(net, [graph]))


@pytest.mark.parametrize("readout", ["max", "mean", "sum"])
def test_single_nodes_and_edgeless_graphs_answer_as_they_do_alone(readout):
    net, graphs = build(readout=readout), [prepared(graph) for graph in odd_graphs()]
    together = logits(net, graphs)
    alone = torch.cat([logits(net, [graph]) for graph in graphs])
    assert together.isfinite().all()
    torch.testing.assert_close(together, alone)


def test_a_graph_without_nodes_counts_as_one_of_the_batch():
    net, graph = build(), prepared(random_graph(12, 20))
    with torch.no_grad():
        out = net.eval()(
            graph.x,
            graph.edge_index,
            graph.cluster,
            batch=torch.ones(12, dtype=torch.long),
            batch_size=3,
        )
    assert out.logits.isfinite().all()
    assert out.levels[1].mask.sum(1).tolist() == [0, int(graph.cluster[:, 1].max()) + 1, 0]
    torch.testing.assert_close(out.logits[1:2], logits(net, [graph]))


@pytest.mark.parametrize("name", ["link_weight", "entropy_weight"])
def test_side_objectives_are_refused(name):
    with pytest.raises(UsageError, match=f"setting {name}: diffpool-det learns no assignment"):
        build(**{name: 1.0})
