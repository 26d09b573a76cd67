import pytest
import torch
from torch_geometric.data import Batch
from torch_geometric.utils import one_hot, to_dense_adj

from benchmarks.methods import load_method
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import make_settings
from tests.benchmarks.methods import networks
from tests.benchmarks.methods.networks import (
    NUM_CLASSES,
    NUM_FEATURES,
    permuted,
    random_graph,
    small_network,
    small_settings,
)

SMALL = {"num_pools": 2, "cluster_ratio": 0.3}


def build(**changes):
    return small_network(
        "diffpool-det", small_settings("diffpool-det", **SMALL, **changes), [5, 12]
    )


def prepared(graph, **changes):
    return networks.prepared("diffpool-det", make_settings({**SMALL, **changes}), graph)


def outputs(net, graphs):
    batch = Batch.from_data_list(graphs)
    with torch.no_grad():
        return net.eval()(
            batch.x, batch.edge_index, batch.cluster, batch=batch.batch, batch_size=len(graphs)
        )


def test_pooling_sums_each_clusters_nodes_and_edges():
    net, graphs = build(), [prepared(random_graph(12, 0)), prepared(random_graph(7, 1))]
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
    settings = make_settings(
        load_method("diffpool-det").DEFAULTS, {"hidden_channels": 8, **SMALL, **changes}
    )
    problem = Problem(NUM_FEATURES, NUM_CLASSES, [4], torch.tensor([12]))
    torch.manual_seed(4)
    net = load_method("diffpool-det").build(settings, problem).eval()
    torch.manual_seed(4)
    soft = load_method("diffpool").build(settings, problem).eval()
    graph = prepared(random_graph(12, 0), num_pools=1)
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


def test_neither_node_order_nor_the_numbers_of_clusters_matter():
    net, graph, order = build(), prepared(random_graph(12, 0)), torch.randperm(12)
    moved = permuted(graph, order)
    renumbered = torch.stack(
        [torch.randperm(int(column.max()) + 1)[column] for column in graph.cluster.T], 1
    )
    moved.cluster = renumbered[order]
    torch.testing.assert_close(outputs(net, [moved]).logits, outputs(net, [graph]).logits)


def test_a_graph_without_nodes_counts_as_one_of_the_batch():
    net, graph = build(), prepared(random_graph(12, 0))
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
    torch.testing.assert_close(out.logits[1:2], outputs(net, [graph]).logits)
