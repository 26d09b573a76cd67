"""Sparse pooled levels: the layer against its dense counterpart, and what PyG does with them."""

import pytest
import torch
from torch.testing import assert_close
from torch_geometric.explain import Explainer, GNNExplainer
from torch_geometric.nn import GCNConv, GINConv
from torch_geometric.utils import to_dense_adj, to_dense_batch

from pyg_diffpool import DiffPool, DiffPoolNet, GNNBlock, SAGEConv, SparsePooledGraph
from pyg_diffpool.nn import Assignment, readout
from pyg_diffpool.nn.watchers import is_pooled
from pyg_diffpool.ops.assignments.sparse import SPARSE_ASSIGNMENTS
from tests.problems import leaf, make_problem, on_problems, projection

EXACT = {"rtol": 1e-8, "atol": 1e-8}
NETWORKS = {
    "blocks": lambda width, clusters: (
        GNNBlock(width, 3, 3, 2),
        Assignment(GNNBlock(width, 3, 3, 2), clusters),
    ),
    "different blocks": lambda width, clusters: (
        GNNBlock(width, 3, 3, 1),
        Assignment(GNNBlock(width, 4, 4, 2), clusters),
    ),
    "convolutions": lambda width, clusters: (GCNConv(width, 3), SAGEConv(width, clusters)),
}


def layers(networks, width, clusters, **options):
    """A layer with a sparse pooled level, and one of the same weights with a dense one."""
    embed, assign = NETWORKS[networks](width, clusters)
    options = {"max_clusters": clusters, "ratio": 0.5, **options}
    return [DiffPool(embed, assign, sparse_level=s, **options).double() for s in (True, False)]


def run(layer, problem, **changes):
    given = {"edge_weight": problem.edge_weight, "batch": problem.batch}
    given["batch_size"] = problem.batch_size
    return layer(changes.pop("x", problem.x), problem.edge_index, **{**given, **changes})


@pytest.mark.parametrize("networks", NETWORKS)
@pytest.mark.parametrize("assignment", ["sparsemax", "entmax15"])
@on_problems(weights=("none", "positive"))
def test_it_is_the_dense_level_without_padding(assignment, networks, problem):
    torch.manual_seed(0)
    both = layers(networks, problem.x.size(1), 4, assignment=assignment)
    for layer in both:
        layer.eval()  # Batch normalisation of the second pass would differ.
    results = []
    for layer in both:
        x, weight = leaf(problem.x), leaf(problem.weight)
        given = None if problem.edge_weight is None else weight
        pooled = run(layer, problem, x=x, edge_weight=given)
        parameters = [x, *layer.parameters()] + ([] if given is None else [weight])
        if isinstance(pooled, SparsePooledGraph):
            rows, mask = pooled.x, None
            sparse = pooled
        else:
            rows, mask = pooled.x[pooled.mask], pooled.mask
        total = projection(rows) + pooled.loss + (pooled.unpool(pooled.x) ** 2).sum()
        slopes = torch.autograd.grad(total, parameters, allow_unused=True)
        zeros = [torch.zeros_like(p) for p in parameters]
        slopes = [z if s is None else s for s, z in zip(slopes, zeros, strict=True)]
        results.append((rows, pooled.losses, pooled.loss, pooled.unpool(pooled.x), slopes))
    assert_close(results[0], results[1], rtol=1e-7, atol=1e-7)
    assert torch.equal(sparse.batch, mask.nonzero()[:, 0])
    assert sparse.ptr.tolist() == [0, *mask.sum(1).cumsum(0).tolist()]
    assert sparse.batch_size == problem.batch_size
    if problem.num_nodes > 0:
        found = to_dense_adj(
            sparse.edge_index, sparse.batch, sparse.edge_weight, 4, sparse.batch_size
        )
        assert_close(found, pooled.adj * (mask.unsqueeze(1) & mask.unsqueeze(2)), **EXACT)


@pytest.mark.parametrize("assignment", SPARSE_ASSIGNMENTS)
def test_higher_layers_run_on_it_as_on_any_batch(assignment):
    problem = make_problem((9, 0, 6), num_features=3, weights="positive", directed=False)
    first = layers("blocks", 3, 6, assignment=assignment)[0].eval()
    pooled = run(first, problem)
    given = pooled.edge_index, pooled.edge_weight
    width = pooled.x.size(1)
    for network in (SAGEConv(width, 2), GNNBlock(width, 2, 2, 2).eval()):
        network = network.double()
        assert_close(network(pooled.x, pooled.adjacency), network(pooled.x, *given))
    assert GCNConv(width, 2).double()(pooled.x, *given).shape == (pooled.x.size(0), 2)
    second = layers("blocks", width, 3, assignment=assignment)[0].eval()
    prepared = second(pooled.x, pooled.adjacency, batch=pooled.graphs)
    again = second(pooled.x, *given, pooled.batch, pooled.batch_size)
    assert_close(prepared.x, again.x)
    assert_close(prepared.loss, again.loss)
    assert_close(prepared.adjacency.weight, again.adjacency.weight)
    read = readout(prepared.x, "mean", batch=prepared.batch, batch_size=prepared.batch_size)
    assert read.shape[0] == 3
    soft = DiffPool(SAGEConv(width, 2), SAGEConv(width, 2), max_clusters=2).double()
    assert soft(pooled.x, pooled.adjacency, batch=pooled.graphs).adj.shape == (3, 2, 2)


def test_padded_it_is_the_dense_level():
    problem = make_problem((9, 0, 6), num_features=3, weights="positive")
    torch.manual_seed(0)
    options = {"assignment": "entmax15", "ratio": 0.5, "num_layers": 1}
    nets = [
        DiffPoolNet(3, 4, 2, max_clusters=[5, 3], sparse_level=sparse, **options).double()
        for sparse in (True, False)
    ]
    nets[1].load_state_dict(nets[0].state_dict())
    given = problem.edge_index, problem.edge_weight, problem.batch, problem.batch_size
    sparse, dense = (net.eval()(problem.x, *given) for net in nets)
    assert_close(sparse.logits, dense.logits)
    assert_close(sparse.loss, dense.loss)
    for number, (level, wanted) in enumerate(zip(sparse.levels, dense.levels, strict=True)):
        found = level.to_padded(padded_nodes=number > 0)
        assert torch.equal(found.mask, wanted.mask)
        for name in ("x", "adj", "losses", "loss", "node_batch", "node_mask"):
            assert_close(getattr(found, name), getattr(wanted, name))
        nodes = ... if number == 0 else wanted.node_mask
        for name in ("assignment", "embedding"):
            assert_close(getattr(found, name)[nodes], getattr(wanted, name)[nodes])
        assert_close(found.unpool(found.x), wanted.unpool(wanted.x))


def test_a_batch_is_taken_apart():
    problem = make_problem((9, 6), num_features=3, weights="positive")
    pooled = run(layers("blocks", 3, 6, assignment="sparsemax")[0], problem)
    batch = pooled.to_batch()
    graphs = batch.to_data_list()
    assert [graph.num_nodes for graph in graphs] == [5, 3]
    rows, mask = to_dense_batch(pooled.x, pooled.batch)
    assert_close(graphs[1].x, rows[1][mask[1]])
    assert sum(graph.num_edges for graph in graphs) == pooled.edge_weight.numel()
    assert graphs[1].edge_index.max() < 3


def test_the_surrogate_gets_the_gradient_of_each_node_s_own_cluster():
    """Straight-through: the softmax's derivative, times the gradient on the support alone."""
    problem = make_problem((7,), num_features=3, num_clusters=4, weights="positive")
    layer = layers("convolutions", 3, 4, assignment="straight-through", ratio=None)[0]
    pooled = run(layer, problem)
    logits = leaf(layer.assign(problem.x, problem.edge_index, problem.edge_weight))
    total = projection(pooled.x, pooled.adjacency.weight)
    (found,) = torch.autograd.grad(total, layer.assign.lin_l.weight, retain_graph=True)

    soft, s = logits.softmax(1), leaf(pooled.assignment.to_dense())
    z = layer.embed(problem.x, problem.edge_index, problem.edge_weight)
    adjacency = s.t() @ problem.adjacency(0) @ s
    edges = adjacency[pooled.adjacency.col, pooled.adjacency.target]
    (onto,) = torch.autograd.grad(projection(s.t() @ z, edges), s)
    (onto_logits,) = torch.autograd.grad((soft * (onto * s.detach())).sum(), logits)
    again = layer.assign(problem.x, problem.edge_index, problem.edge_weight)
    (wanted,) = torch.autograd.grad((again * onto_logits).sum(), layer.assign.lin_l.weight)
    assert_close(found, wanted)


def test_an_explanation_of_the_input_graph_leaves_pooled_levels_alone():
    problem = make_problem((9,), num_features=3, weights="none", duplicates=False)
    options = {"ratio": 0.5, "assignment": "sparsemax", "sparse_level": True}
    net = DiffPoolNet(3, 4, 2, max_clusters=[5, 3], batch_norm=False, **options)

    class Logits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, x, edge_index):
            return self.net(x, edge_index).logits

    explainer = Explainer(
        Logits(),
        GNNExplainer(epochs=2),
        explanation_type="model",
        edge_mask_type="object",
        model_config={
            "mode": "multiclass_classification",
            "task_level": "graph",
            "return_type": "raw",
        },
    )
    found = explainer(problem.x.float(), problem.edge_index)
    assert found.edge_mask.shape == (problem.edge_index.size(1),)
    pooled = net(problem.x.float(), problem.edge_index).levels[0]
    assert is_pooled(pooled.edge_index)
    assert is_pooled(pooled.adjacency)


def test_networks_that_cannot_use_the_weights_warn():
    problem = make_problem((9,), num_features=3)
    pooled = run(layers("blocks", 3, 6, assignment="sparsemax")[0], problem)
    width = pooled.x.size(1)
    embed = GINConv(torch.nn.Linear(width, 2)).double()
    layer = DiffPool(embed, SAGEConv(width, 2).double(), max_clusters=2)
    with pytest.warns(UserWarning, match="cannot use edge weights"):
        layer(pooled.x, pooled.adjacency, batch=pooled.graphs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"assignment": "softmax"}, "expected an assignment of few nonzero entries"),
        ({"assignment": "sparsemax", "convention": "reference"}, "expected convention='paper'"),
        ({"assignment": "sparsemax", "sparse_level": 1}, "expected"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, message):
    networks = SAGEConv(3, 2), SAGEConv(3, 2)
    with pytest.raises((ValueError, TypeError), match=f"sparse_level: {message}"):
        DiffPool(*networks, max_clusters=2, **{"sparse_level": True, **options})


def test_bad_input_names_the_argument():
    layer = layers("blocks", 3, 6, assignment="sparsemax")[0]
    with pytest.raises(ValueError, match="sparse_level: expected a sparse level"):
        layer(torch.zeros(1, 4, 3).double(), torch.zeros(1, 4, 4).double())
    pooled = run(layer, make_problem((9, 6), num_features=3))
    with pytest.raises(ValueError, match=r"rows: expected one row for each of the 8 clusters"):
        pooled.unpool(torch.zeros(2, 5, 3))
    layer.max_clusters = 7
    with pytest.raises(ValueError, match="assign: expected a network with 7 output channels"):
        run(layer, make_problem((9, 6), num_features=3))
