"""Edge features through a pooling: into the networks that take them, and on to the next level."""

import warnings

import pytest
import torch
from torch import nn
from torch.testing import assert_close
from torch_geometric.nn import (
    GAT,
    GATv2Conv,
    GCNConv,
    GINConv,
    GINEConv,
    NNConv,
    TransformerConv,
)
from torch_geometric.nn import Sequential as NamedSequential

from pyg_diffpool import DiffPool, DiffPoolNet, GNNBlock, SAGEConv, coarsen_edges, prepare_adjacency
from pyg_diffpool.nn import Assignment
from tests.formats import adjacency_format
from tests.problems import leaf, make_problem

EXACT = {"rtol": 1e-8, "atol": 1e-8}
PROBLEM = make_problem((5, 0, 3), weights="positive", duplicates=False)
UNWEIGHTED = make_problem((5, 0, 3), weights="none", duplicates=False)
CHANNELS = 3


def features_of(problem, channels=CHANNELS):
    generator = torch.Generator().manual_seed(3)
    shape = (problem.edge_index.size(1), channels)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def gine(width, out, edge_dim):
    return GINEConv(nn.Linear(width, out), edge_dim=edge_dim)


def nnconv(width, out, edge_dim):
    return NNConv(width, out, nn.Linear(edge_dim, width * out))


def gatv2(width, out, edge_dim):
    return GATv2Conv(width, out, edge_dim=edge_dim)


def gat(width, out, edge_dim):
    return GAT(width, out, 2, edge_dim=edge_dim)


def transformer(width, out, edge_dim):
    return TransformerConv(width, out, edge_dim=edge_dim)


def named(width, out, edge_dim):
    return NamedSequential(
        "x, edge_index, edge_attr", [(gine(width, out, edge_dim), "x, edge_index, edge_attr -> x")]
    )


class Wrapper(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, *args, **kwargs):
        return self.inner(*args, **kwargs)


NETWORKS = {
    "GINEConv": gine,
    "NNConv": nnconv,
    "GATv2Conv": gatv2,
    "TransformerConv": transformer,
    "GAT": gat,
    "Sequential": named,
    "wrapped": lambda *widths: Wrapper(gatv2(*widths)),
}
on_networks = pytest.mark.parametrize("name", NETWORKS)


def layer_of(make, edge_dim, width=2, clusters=4, **options):
    embed, assign = make(width, 3, edge_dim), make(width, clusters, edge_dim)
    return DiffPool(embed, assign, max_clusters=clusters, **options).double()


def run(layer, problem, **changes):
    given = {
        "edge_index": problem.edge_index,
        "edge_weight": problem.edge_weight,
        "batch": problem.batch,
        "batch_size": problem.batch_size,
        "edge_attr": features_of(problem),
    }
    return layer(problem.x, **{**given, **changes})


@on_networks
def test_networks_get_the_features(name):
    layer = layer_of(NETWORKS[name], CHANNELS)
    attr = features_of(UNWEIGHTED)
    pooled = run(layer, UNWEIGHTED, edge_attr=attr)
    called = {"edge_attr": attr}
    assert_close(pooled.embedding, layer.embed(UNWEIGHTED.x, UNWEIGHTED.edge_index, **called))
    assert_close(
        pooled.assignment,
        layer.assign(UNWEIGHTED.x, UNWEIGHTED.edge_index, **called).softmax(-1),
    )
    wanted = coarsen_edges(
        pooled.assignment,
        UNWEIGHTED.edge_index,
        attr,
        batch=UNWEIGHTED.batch,
    )
    assert_close(pooled.edge_attr, wanted, **EXACT)


@on_networks
def test_a_network_of_one_feature_more_gets_the_weight_too(name):
    layer = layer_of(NETWORKS[name], CHANNELS + 1)
    attr = features_of(PROBLEM)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pooled = run(layer, PROBLEM, edge_attr=attr)
        alone = run(layer, UNWEIGHTED, edge_attr=features_of(UNWEIGHTED))
    both = torch.cat([attr, PROBLEM.edge_weight.unsqueeze(1)], 1)
    assert_close(pooled.embedding, layer.embed(PROBLEM.x, PROBLEM.edge_index, edge_attr=both))
    ones = torch.cat([features_of(UNWEIGHTED), torch.ones(UNWEIGHTED.edge_index.size(1), 1)], 1)
    wanted = layer.embed(UNWEIGHTED.x, UNWEIGHTED.edge_index, edge_attr=ones)
    assert_close(alone.embedding, wanted)


@on_networks
def test_the_next_level_takes_pooled_features_and_weights(name):
    first = layer_of(NETWORKS[name], CHANNELS, ratio=0.5)
    second = layer_of(NETWORKS[name], CHANNELS + 1, width=3, clusters=2)
    pooled = run(first, UNWEIGHTED)
    deeper = second(pooled.x, pooled.adj, mask=pooled.mask, edge_attr=pooled.edge_attr)
    assert deeper.edge_attr.shape == (3, 2, 2, CHANNELS)
    batch = pooled.to_batch()
    attr = torch.cat([batch.edge_attr, batch.edge_weight.unsqueeze(1)], 1)
    rows = second.embed(batch.x, batch.edge_index, edge_attr=attr)
    assert_close(deeper.embedding[pooled.mask], rows)
    total = deeper.x.sum() + deeper.edge_attr.sum() + deeper.loss + pooled.loss
    total.backward()
    for parameter in (*first.parameters(), *second.parameters()):
        assert parameter.grad is None or parameter.grad.isfinite().all()
    assert any(p.grad is not None and p.grad.count_nonzero() > 0 for p in first.parameters())


def test_networks_without_features_are_called_as_before():
    attr = features_of(PROBLEM)
    for make in (
        lambda width, out, _: GCNConv(width, out),
        lambda width, out, _: SAGEConv(width, out),
        lambda width, out, _: GATv2Conv(width, out, edge_dim=1),
        lambda width, out, _: nn.Linear(width, out),
    ):
        layer = layer_of(make, None)
        with_features, without = (
            run(layer, PROBLEM, edge_attr=attr),
            run(layer, PROBLEM, edge_attr=None),
        )
        assert_close(with_features.embedding, without.embedding)
        assert_close(with_features.loss, without.loss)
        assert without.edge_attr is None
        assert with_features.edge_attr.shape == (3, 4, 4, CHANNELS)


def test_a_layer_made_without_features_does_not_get_them():
    layer = layer_of(lambda width, out, _: GATv2Conv(width, out), None)
    with pytest.warns(UserWarning, match="cannot use edge weights"):
        with_features = run(layer, PROBLEM)
    assert_close(with_features.embedding, run(layer, PROBLEM, edge_attr=None).embedding)
    plain = layer_of(lambda width, out, _: GINConv(nn.Linear(width, out)), None)
    run(plain, UNWEIGHTED)


def test_blocks_side_by_side_pool_features():
    embed = GNNBlock(2, 4, 4, 2)
    layer = DiffPool(embed, Assignment(GNNBlock(2, 4, 4, 2), 3), max_clusters=3).double()
    pooled = run(layer, PROBLEM)
    wanted = coarsen_edges(
        pooled.assignment,
        PROBLEM.edge_index,
        features_of(PROBLEM),
        PROBLEM.edge_weight,
        PROBLEM.batch,
    )
    assert_close(pooled.edge_attr, wanted, **EXACT)


def test_sums():
    layer = layer_of(gine, CHANNELS, edge_reduce="sum")
    pooled = run(layer, UNWEIGHTED)
    attr = features_of(UNWEIGHTED)
    wanted = coarsen_edges(
        pooled.assignment, UNWEIGHTED.edge_index, attr, batch=UNWEIGHTED.batch, reduce="sum"
    )
    assert_close(pooled.edge_attr, wanted, **EXACT)
    assert_close(pooled.edge_attr.sum((0, 1, 2)), attr.sum(0), **EXACT)
    with pytest.raises(ValueError, match="edge_reduce: expected one of 'mean', 'sum'"):
        layer_of(gine, CHANNELS, edge_reduce="max")


def test_weights_beside_features_that_leave_no_place_for_them_warn_once():
    layer = layer_of(gatv2, CHANNELS)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            run(layer, PROBLEM)
    messages = [str(w.message) for w in caught if "edge weights" in str(w.message)]
    assert len(messages) == 2  # One for each network.
    assert "takes 3 features per edge, with one more, the last is the weight" in messages[0]


@pytest.mark.parametrize("form", ["csr", "prepared", "EdgeIndex by column"])
def test_features_of_other_formats_are_in_storage_order(form):
    edges, weight = adjacency_format(PROBLEM, form)
    prepared = prepare_adjacency(PROBLEM.edge_index, PROBLEM.edge_weight, PROBLEM.num_nodes)
    layer = layer_of(gatv2, 3)

    def attr(source, target):
        return torch.stack([source, target, source * target], 1).double()

    if form == "EdgeIndex by column":
        given = attr(*edges.as_tensor())
    else:  # Both are sorted by target, then source.
        given = attr(prepared.col, prepared.target)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = run(layer, PROBLEM, edge_index=edges, edge_weight=weight, edge_attr=given)
        wanted = run(layer, PROBLEM, edge_attr=attr(*PROBLEM.edge_index))
    assert_close(found.embedding, wanted.embedding)
    assert_close(found.edge_attr, wanted.edge_attr, **EXACT)


@pytest.mark.parametrize("edge_dim", [1, CHANNELS, CHANNELS + 1])
def test_gradients(edge_dim):
    layer = layer_of(gatv2, edge_dim)
    inputs = leaf(PROBLEM.x), leaf(features_of(PROBLEM)), leaf(PROBLEM.edge_weight)

    def pool(x, attr, weight):
        pooled = layer(
            x, PROBLEM.edge_index, weight, PROBLEM.batch, PROBLEM.batch_size, edge_attr=attr
        )
        return pooled.x, pooled.adj, pooled.edge_attr, pooled.loss

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert torch.autograd.gradcheck(pool, inputs)


def test_an_edge_mask_weighs_the_features():
    layer = layer_of(gine, CHANNELS)
    mask = torch.rand(UNWEIGHTED.edge_index.size(1), dtype=torch.float64)
    layer._explain, layer._edge_mask, layer._apply_sigmoid = True, mask, False
    pooled = run(layer, UNWEIGHTED)
    wanted = coarsen_edges(
        pooled.assignment,
        UNWEIGHTED.edge_index,
        features_of(UNWEIGHTED),
        mask,
        UNWEIGHTED.batch,
    )
    assert_close(pooled.edge_attr, wanted, **EXACT)


def test_pooled_features_are_part_of_the_batch():
    pooled = run(layer_of(gine, CHANNELS, ratio=0.5), UNWEIGHTED)
    batch = pooled.to_batch()
    assert batch.edge_attr.shape == (batch.edge_index.size(1), CHANNELS)
    graphs = batch.to_data_list()
    assert_close(torch.cat([graph.edge_attr for graph in graphs]), batch.edge_attr)
    first = graphs[0]
    source, target = first.edge_index
    assert_close(first.edge_attr, pooled.edge_attr[0, source, target])


def test_features_of_a_wrong_width_are_named():
    layer = layer_of(gatv2, 7)
    words = "edge_attr: expected 7 features of each edge for embed, GATv2Conv, or 6 and the weight"
    with pytest.raises(ValueError, match=words):
        run(layer, PROBLEM)
    with pytest.raises(ValueError, match="edge_attr: expected one row for each"):
        run(layer, PROBLEM, edge_attr=torch.ones(1, 3))


def test_graphs_without_edges_or_nodes():
    layer = layer_of(gine, CHANNELS)
    none = torch.empty(2, 0, dtype=torch.long)
    pooled = layer(
        torch.randn(3, 2).double(),
        none,
        batch=torch.tensor([0, 0, 2]),
        batch_size=3,
        edge_attr=torch.empty(0, CHANNELS).double(),
    )
    assert pooled.edge_attr.shape == (3, 4, 4, CHANNELS)
    assert pooled.edge_attr.count_nonzero() == 0
    pooled.x.sum().backward()


@pytest.mark.parametrize("edge_reduce", ["mean", "sum"])
@pytest.mark.parametrize("problem", [UNWEIGHTED, PROBLEM], ids=["unweighted", "weighted"])
def test_a_sparse_level_has_the_features_of_the_dense_one(problem, edge_reduce):
    options = {"ratio": 0.5, "assignment": "sparsemax", "edge_reduce": edge_reduce}
    found = []
    for sparse_level in (True, False):
        torch.manual_seed(0)
        layer = layer_of(gine, CHANNELS, sparse_level=sparse_level, **options)
        attr = leaf(features_of(problem))
        pooled = run(layer, problem, edge_attr=attr)
        assert pooled.edge_attr.size(-1) == CHANNELS
        dense = pooled.to_padded() if sparse_level else pooled
        matrices = dense.edge_attr[:, : dense.x.size(1), : dense.x.size(1)]
        gradients = torch.autograd.grad(
            matrices.square().sum(),
            (attr, *layer.parameters()),
            materialize_grads=True,
            allow_unused=True,
        )
        found.append((matrices, gradients))
    width = found[0][0].size(1)
    (sparse, first), (dense, second) = found
    assert_close(sparse, dense[:, :width, :width], **EXACT)
    assert_close(first, second, **EXACT)


def test_features_go_on_to_the_next_sparse_level():
    options = {"assignment": "sparsemax", "sparse_level": True, "ratio": 0.5}
    first = layer_of(gatv2, CHANNELS, **options)
    second = layer_of(gatv2, CHANNELS + 1, width=3, clusters=2, **options)
    pooled = run(first, UNWEIGHTED)
    deeper = second(pooled.x, pooled.adjacency, batch=pooled.graphs, edge_attr=pooled.edge_attr)
    assert deeper.edge_attr.shape == (deeper.edge_index.size(1), CHANNELS)
    batch = pooled.to_batch()
    assert torch.equal(batch.edge_attr, pooled.edge_attr)
    assert sum(each.edge_attr.size(0) for each in batch.to_data_list()) == len(pooled.edge_attr)
    attr = torch.cat([batch.edge_attr, batch.edge_weight.unsqueeze(1)], 1)
    assert_close(deeper.embedding, second.embed(batch.x, batch.edge_index, edge_attr=attr))
    (deeper.edge_attr.sum() + deeper.loss).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in first.parameters())


def test_a_network_of_sparse_levels_takes_features():
    def embedding(width, level):
        return gatv2(width, 4, CHANNELS if level == 0 else CHANNELS + 1)

    options = {"assignment": "entmax15", "sparse_level": True, "ratio": 0.5}
    net = DiffPoolNet(2, 4, 2, max_clusters=[3, 2], embedding=embedding, **options).double()
    given = UNWEIGHTED.x, UNWEIGHTED.edge_index, None, UNWEIGHTED.batch, UNWEIGHTED.batch_size
    attr = leaf(features_of(UNWEIGHTED))
    out = net(*given, edge_attr=attr)
    assert [level.edge_attr.size(1) for level in out.levels] == [CHANNELS, CHANNELS]
    (out.logits.sum() + out.loss).backward()
    assert attr.grad.isfinite().all()
    assert attr.grad.count_nonzero() > 0
