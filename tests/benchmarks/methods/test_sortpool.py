import math

import pytest
import torch
from torch_geometric.data import Batch
from torch_geometric.utils import to_dense_adj

from benchmarks.errors import UsageError
from benchmarks.methods import load_method
from benchmarks.methods.sortpool import kept_nodes
from benchmarks.problem import Problem
from benchmarks.settings import make_settings
from tests.benchmarks.methods.graph_batches import (
    NUM_CLASSES,
    NUM_FEATURES,
    chains_loader,
    logits,
    odd_graphs,
    permuted,
    random_graph,
    trained_two_epochs,
)


def build(num_features=NUM_FEATURES, sizes=(5, 12, 30), **changes):
    method = load_method("sortpool")
    settings = make_settings(method.DEFAULTS, changes)
    return method.build(settings, Problem(num_features, NUM_CLASSES, [], torch.tensor(sizes)))


@pytest.mark.parametrize(
    ("sizes", "quantile", "k"),
    [
        # Three of five graphs, 60 %, have at least 20 nodes; two have 21.
        ([20, 11, 40, 21, 12], 0.6, 20),
        ([20, 11, 40, 21, 12], 0.61, 12),
        ([20, 11, 40, 21, 12], 1.0, 11),
        ([20, 11, 40, 21, 12], 0.1, 40),
        ([15], 0.6, 15),
        # The last convolution needs ten nodes, however small the graphs are.
        ([2, 3, 4], 0.6, 10),
    ],
)
def test_k_is_reached_by_the_share_of_training_graphs(sizes, quantile, k):
    assert kept_nodes(torch.tensor(sizes), quantile) == k


def test_k_needs_training_graphs_and_a_share():
    with pytest.raises(UsageError, match="training graphs"):
        kept_nodes(torch.tensor([]), 0.6)
    with pytest.raises(UsageError, match="sort_quantile"):
        kept_nodes(torch.tensor([3]), 1.5)


def test_the_network_is_the_papers_formula():
    model = build(sizes=[13]).eval()
    with torch.no_grad():
        for lin in model.convs:
            lin.bias.normal_()
    graphs = [random_graph(20, 40), random_graph(7, 9, 1)]
    expected = []
    for graph in graphs:
        loops = to_dense_adj(graph.edge_index, max_num_nodes=graph.num_nodes)[0]
        loops += torch.eye(graph.num_nodes)
        z, channels = graph.x, []
        for lin in model.convs:
            z = torch.tanh((loops @ z @ lin.weight.T + lin.bias) / loops.sum(1, keepdim=True))
            channels.append(z)
        rows = torch.cat(channels, 1)
        assert rows.size(1) == 97
        rows = rows[rows[:, -1].argsort(descending=True)][:13]
        rows = torch.cat([rows, rows.new_zeros(13 - len(rows), 97)])
        expected.append(model.classifier(model.rows(rows.view(1, 1, -1))))
    torch.testing.assert_close(logits(model, graphs), torch.cat(expected), rtol=1e-4, atol=1e-5)


def test_a_prepared_adjacency_gives_the_same():
    model = build(10).eval()
    batch = next(iter(chains_loader(6)))
    without = model(batch.x, batch.edge_index.as_tensor(), batch.batch, 6)
    prepared = model(batch.x, batch.edge_index, batch.batch, 6, batch.adjacency)
    torch.testing.assert_close(prepared, without)


def test_it_learns_in_two_epochs():
    curve = trained_two_epochs(build(10), chains_loader()).curves["train_cross_entropy"]
    assert all(map(math.isfinite, curve))
    assert curve[1] < curve[0]


def test_node_order_does_not_matter_without_ties():
    model, graph = build(), random_graph(25, 40)
    moved = permuted(graph, torch.randperm(25))
    torch.testing.assert_close(logits(model, [moved]), logits(model, [graph]), rtol=1e-4, atol=1e-5)


def test_single_nodes_and_edgeless_graphs_answer_as_they_do_alone():
    model, graphs = build(), odd_graphs()
    together = logits(model, graphs)
    alone = torch.cat([logits(model, [graph]) for graph in graphs])
    assert together.isfinite().all()
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    assert logits(model, graphs[1:2]).shape == (1, NUM_CLASSES)


def test_smallest_batch_trains():
    model = build().train()
    batch = Batch.from_data_list([random_graph(1, 0)])
    model(batch.x, batch.edge_index, batch.batch, 1).sum().backward()
    assert all(
        weight.grad is not None and weight.grad.isfinite().all() for weight in model.parameters()
    )
