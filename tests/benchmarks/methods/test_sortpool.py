import pytest
import torch
from torch_geometric.data import Batch
from torch_geometric.utils import to_dense_adj

from benchmarks.methods import load_method
from benchmarks.methods.sortpool import kept_nodes
from benchmarks.spec.errors import UsageError
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import make_settings
from pyg_diffpool import ResidentLoader
from tests.benchmarks.methods.networks import (
    NUM_CLASSES,
    NUM_FEATURES,
    random_graph,
    small_network,
    small_settings,
)


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
    settings = make_settings(load_method("sortpool").DEFAULTS)
    problem = Problem(NUM_FEATURES, NUM_CLASSES, [], torch.tensor([13]))
    model = load_method("sortpool").build(settings, problem).eval()
    graphs = [random_graph(20, 0), random_graph(7, 1)]
    expected = []
    with torch.no_grad():
        for lin in model.convs:
            lin.bias.normal_()
        for graph in graphs:
            loops = to_dense_adj(graph.edge_index, max_num_nodes=graph.num_nodes)[0]
            loops += torch.eye(graph.num_nodes)
            z, channels = graph.x, []
            for lin in model.convs:
                z = torch.tanh((loops @ z @ lin.weight.T + lin.bias) / loops.sum(1, keepdim=True))
                channels.append(z)
            rows = torch.cat(channels, 1)
            assert rows.size(1) == 32 + 32 + 32 + 1
            rows = rows[rows[:, -1].argsort(descending=True)][:13]
            rows = torch.cat([rows, rows.new_zeros(13 - len(rows), 97)])
            expected.append(model.classifier(model.rows(rows.view(1, 1, -1))))
        batch = Batch.from_data_list(graphs)
        ours = model(batch.x, batch.edge_index, batch.batch, 2)
    torch.testing.assert_close(ours, torch.cat(expected), rtol=1e-4, atol=1e-5)


def test_a_prepared_adjacency_gives_the_same():
    model = small_network("sortpool", small_settings("sortpool"), [12]).eval()
    batch = next(iter(ResidentLoader([random_graph(12, 0), random_graph(9, 1)], 2)))
    without = model(batch.x, batch.edge_index.as_tensor(), batch.batch, 2)
    prepared = model(batch.x, batch.edge_index, batch.batch, 2, batch.adjacency)
    torch.testing.assert_close(prepared, without)


def test_a_batch_of_one_single_node_trains():
    model = small_network("sortpool", small_settings("sortpool"), [12])
    no_edges = torch.empty(2, 0, dtype=torch.long)
    model(torch.randn(1, NUM_FEATURES), no_edges, torch.tensor([0]), 1).sum().backward()
    for weight in model.parameters():
        assert weight.grad is not None
        assert weight.grad.isfinite().all()
