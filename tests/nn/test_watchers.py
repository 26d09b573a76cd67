"""Edge masks, hooks and message functions of one's own: they see the edges as they were given."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close
from torch_geometric import EdgeIndex
from torch_geometric.explain import Explainer, GNNExplainer, PGExplainer
from torch_geometric.explain.algorithm.captum import CaptumModel, to_captum_input
from torch_geometric.explain.algorithm.utils import clear_masks, set_masks
from torch_geometric.nn import GCNConv, GraphConv
from torch_geometric.nn import SAGEConv as PyGSAGEConv

from pyg_diffpool import DiffPool, DiffPoolNet, SAGEConv, prepare_adjacency
from pyg_diffpool.nn import Assignment, GNNBlock
from pyg_diffpool.ops.sparse_product import spmm
from tests.formats import FORMATS, adjacency_format
from tests.problems import make_problem, projection

AGGREGATIONS = ["mean", "sum", "max"]
MORE = [*AGGREGATIONS, "min", "var", "std", ["mean", "std"], "median", ["sum", "softmax"]]
EXACT = {"rtol": 1e-8, "atol": 1e-8}
PROBLEM = make_problem((5, 3), num_features=3, edges_per_node=2.5, weights="positive")
EDGES = PROBLEM.edge_index
NUM_EDGES = EDGES.size(1)
ARGUMENTS = (PROBLEM.x, EDGES)


def random_mask(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(NUM_EDGES, generator=generator, dtype=torch.float64).requires_grad_()


def masked(module, mask, *arguments, edge_index=EDGES, **options):
    set_masks(module, mask, edge_index, apply_sigmoid=False)
    try:
        return module(*arguments, **options)
    finally:
        clear_masks(module)


def test_the_problem_has_duplicates_and_is_unsorted():
    assert torch.unique(EDGES, dim=1).size(1) < NUM_EDGES
    assert not torch.equal(EDGES, EDGES[:, EDGES[1].argsort(stable=True)])


@pytest.mark.parametrize("aggr", AGGREGATIONS)
def test_an_edge_mask_meets_the_edge_it_was_made_for(aggr):
    conv = SAGEConv(1, 1, aggr, root_weight=False, bias=False)
    nn.init.ones_(conv.lin_l.weight)
    x, edges = torch.tensor([[1.0], [2.0]]), torch.tensor([[0, 1], [1, 0]])
    out = masked(conv, torch.tensor([1.0, 0.0]), x, edges, edge_index=edges)
    assert out.flatten().tolist() == [0.0, 1.0]


@pytest.mark.parametrize("aggr", MORE)
def test_a_masked_layer_equals_pygs(aggr):
    ours, theirs = SAGEConv(3, 4, aggr).double(), PyGSAGEConv(3, 4, aggr=aggr).double()
    ours.load_state_dict(theirs.state_dict())
    mask = random_mask()
    out, expected = masked(ours, mask, *ARGUMENTS), masked(theirs, mask, *ARGUMENTS)
    assert_close(out, expected, **EXACT)
    assert_close(*(torch.autograd.grad(projection(v), mask) for v in (out, expected)), **EXACT)
    assert_close(ours(*ARGUMENTS), theirs(*ARGUMENTS), **EXACT)


def masked_oracle(x, edges, weight, mask, aggr):
    """Messages times mask, aggregated by loops; weights count in a mean, masks do not."""
    rows = []
    if isinstance(aggr, list):
        return torch.cat([masked_oracle(x, edges, weight, mask, name) for name in aggr], 1)
    for node in range(len(x)):
        into = [e for e in range(edges.size(1)) if edges[1, e] == node]
        if aggr == "max":
            # Duplicates add up: whether two nodes are joined is a matter of their sum.
            pairs = {e: weight[(edges == edges[:, e : e + 1]).all(0)].sum() for e in into}
            kept = [mask[e] * x[edges[0, e]] for e in into if pairs[e] != 0]
            rows.append(torch.stack(kept).amax(0) if kept else torch.zeros_like(x[0]))
            continue
        if aggr == "std":
            # The masked features are the values; weights count in both moments.
            total = sum((weight[e] for e in into), torch.zeros(()))
            moments = [
                sum((weight[e] * (mask[e] * x[edges[0, e]]) ** k for e in into), 0 * x[0])
                for k in (1, 2)
            ]
            mean, squares = (m / total if total != 0 else 0 * m for m in moments)
            variance = squares - mean**2
            rows.append(torch.where(variance > 1e-5, variance.clamp(min=0).sqrt(), 0.0))
            continue
        total = sum((mask[e] * weight[e] * x[edges[0, e]] for e in into), torch.zeros_like(x[0]))
        weights = sum(weight[e] for e in into)
        if aggr == "mean":
            total = total / weights if into and weights != 0 else torch.zeros_like(total)
        rows.append(total)
    return torch.stack(rows)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("aggr", [*AGGREGATIONS, "std", ["mean", "std"]])
def test_weights_and_mask_against_loops(aggr, seed):
    problem = make_problem((6,), num_features=3, edges_per_node=3.0, seed=seed)  # signed, with 0
    conv = SAGEConv(3, 3, aggr, root_weight=False, bias=False).double()
    conv.lin_l = nn.Identity()
    mask = torch.rand(problem.edge_index.size(1), dtype=torch.float64)
    arguments = problem.x, problem.edge_index, problem.edge_weight
    out = masked(conv, mask, *arguments, edge_index=problem.edge_index)
    assert_close(out, masked_oracle(*arguments, mask, aggr), **EXACT)
    ones = masked(conv, torch.ones_like(mask), *arguments, edge_index=problem.edge_index)
    assert_close(ones, conv(*arguments), **EXACT)


def stored_edges(edge_index):
    """The edges of a format in the order in which it holds them."""
    if isinstance(edge_index, tuple):
        return torch.stack([edge_index.col, edge_index.target])
    if isinstance(edge_index, EdgeIndex):
        return edge_index.as_tensor()
    if edge_index.layout == torch.strided:
        return edge_index
    if edge_index.layout == torch.sparse_csc:
        source = torch.repeat_interleave(edge_index.ccol_indices().diff())
        return torch.stack([source, edge_index.row_indices()])
    if edge_index.layout == torch.sparse_csr:
        target = torch.repeat_interleave(edge_index.crow_indices().diff())
        return torch.stack([edge_index.col_indices(), target])
    return edge_index.coalesce().indices().flip(0)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_in_its_own_order(name):
    edge_index, weight = adjacency_format(PROBLEM, name)
    edges = stored_edges(edge_index)
    mask = torch.rand(edges.size(1), dtype=torch.float64)
    pool = DiffPool(SAGEConv(3, 4), SAGEConv(3, 2), max_clusters=2).double()
    options = {"batch": PROBLEM.batch}
    out = masked(pool, mask, PROBLEM.x, edge_index, weight, edge_index=edges, **options)
    by_hand = weight
    if weight is None:
        by_hand = prepare_adjacency(edge_index, num_nodes=8).weight
        dense = torch.zeros(8, 8).double()
        adjacency = prepare_adjacency(edge_index, num_nodes=8)
        dense[adjacency.col, adjacency.target] = by_hand
        by_hand = dense[edges[0], edges[1]]
    expected = masked(pool, mask, PROBLEM.x, edges, by_hand, edge_index=edges, **options)
    assert_close(out.x, expected.x, **EXACT)
    assert_close(out.adj, expected.adj, **EXACT)


def block(width=4):
    return GNNBlock(3, width, width, 2, jump="last")


NETWORKS = {
    "SAGEConv": lambda: SAGEConv(3, 4),
    "SAGEConv, max": lambda: SAGEConv(3, 4, "max"),
    "SAGEConv, mean and std": lambda: SAGEConv(3, 4, ("mean", "std")),
    "SAGEConv, softmax": lambda: SAGEConv(3, 4, "softmax"),
    "GNNBlock": block,
    "Assignment": lambda: Assignment(block(), 2),
    "DiffPool": lambda: DiffPool(SAGEConv(3, 4), Assignment(block(), 2), max_clusters=2),
    "DiffPoolNet": lambda: DiffPoolNet(3, 4, 2, max_clusters=[3, 2]),
    "flat DiffPoolNet": lambda: DiffPoolNet(3, 4, 2, max_clusters=[]),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_hooks_see_the_edges_as_they_were_given(name):
    network = NETWORKS[name]().double().eval()
    unwatched = network(*ARGUMENTS, PROBLEM.edge_weight)
    convs = [layer for layer in network.modules() if isinstance(layer, SAGEConv)]
    seen = []
    for conv in convs:
        conv.register_propagate_forward_pre_hook(lambda _, given: seen.append(("edges", given)))
        conv.register_message_forward_hook(lambda _, given, out: seen.append(("messages", out)))
        conv.register_aggregate_forward_hook(lambda _, given, out: seen.append(("rows", out)))
    watched = network(*ARGUMENTS, PROBLEM.edge_weight)
    edges = [given for kind, given in seen if kind == "edges"]
    assert len(edges) == len([kind for kind, _ in seen if kind == "rows"]) > 0
    for edge_index, _, options in edges:
        assert torch.equal(edge_index, EDGES)
        assert torch.equal(options["edge_weight"], PROBLEM.edge_weight)
    assert all(len(out) == NUM_EDGES for kind, out in seen if kind == "messages")
    first, second = (
        tuple(out) if isinstance(out, tuple) else (out,) for out in (unwatched, watched)
    )
    assert_close(first[0], second[0], **EXACT)


@pytest.mark.parametrize("name", NETWORKS)
def test_attributions_follow_the_edges_into_another_order(name):
    """Captum's way: a mask, of which the gradient at one is the saliency."""
    network = NETWORKS[name]().double().eval()

    class Scores(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, x, edge_index):
            out = self.network(x, edge_index)
            rows = out[0] if isinstance(out, tuple) else out
            return projection(rows).view(1, 1)

    def saliency(edge_index):
        (mask,), rest = to_captum_input(PROBLEM.x, edge_index, "edge")
        return torch.autograd.grad(CaptumModel(Scores(), "edge")(mask, *rest).sum(), mask)[0][0]

    order = torch.randperm(NUM_EDGES)
    found = saliency(EDGES)
    assert found.count_nonzero() > 0
    assert_close(saliency(EDGES[:, order]), found[order], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("aggr", [*AGGREGATIONS, "std", "median"])
def test_decomposed_layers(aggr):
    conv = SAGEConv(4, 5, aggr).double()
    x = torch.randn(8, 4).double()
    expected = conv(x, EDGES)
    widths = []
    conv.register_message_forward_hook(lambda _, given, out: widths.append(out.size(1)))
    conv.decomposed_layers = 2
    assert_close(conv(x, EDGES), expected, **EXACT)
    assert widths == [2, 2]


class Doubled(SAGEConv):
    def message(self, x_j, edge_weight):
        return 2 * super().message(x_j, edge_weight)


def test_messages_made_by_a_subclass_or_put_in_place_count():
    plain, doubled = SAGEConv(3, 3).double(), Doubled(3, 3).double()
    doubled.load_state_dict(plain.state_dict())
    expected = plain(2 * PROBLEM.x, EDGES) - plain.lin_r(PROBLEM.x)
    assert_close(doubled(*ARGUMENTS), expected, **EXACT)
    plain.message = lambda x_j, edge_weight: 2 * x_j
    assert_close(plain(*ARGUMENTS), expected, **EXACT)


def test_nobody_watches_so_no_message_is_formed(monkeypatch):
    calls = []
    monkeypatch.setattr(
        "pyg_diffpool.ops.aggregation.spmm",
        lambda *arguments: calls.append(1) or spmm(*arguments),
    )
    net = DiffPoolNet(3, 4, 2, max_clusters=[3]).double()
    for layer in net.modules():
        if isinstance(layer, SAGEConv):
            layer.propagate = None
    net(*ARGUMENTS)
    # Both networks of a level share the products of all three layers.
    assert len(calls) == 3


POOLED_BY = {
    "SAGEConv": SAGEConv,
    "GNNBlock": lambda i, o: GNNBlock(i, o, o, 2, jump="last"),
    "PyG's SAGEConv": PyGSAGEConv,
    "GraphConv": GraphConv,
}


@pytest.mark.filterwarnings("ignore:.*cannot use edge weights")
@pytest.mark.parametrize("convention", ["paper", "pyg", "reference"])
@pytest.mark.parametrize("name", POOLED_BY)
def test_with_every_edge_masked_the_graph_has_no_edges(name, convention):
    make = POOLED_BY[name]
    pool = DiffPool(make(3, 4), make(3, 2), max_clusters=2, convention=convention).double().eval()
    arguments = {"batch": PROBLEM.batch, "edge_weight": PROBLEM.edge_weight}
    nothing = torch.zeros(NUM_EDGES).double()
    out = masked(pool, nothing, *ARGUMENTS, **arguments)
    expected = pool(PROBLEM.x, EDGES[:, :0], batch=PROBLEM.batch)
    assert_close(tuple(out), tuple(expected), **EXACT)
    assert out.adj.count_nonzero() == 0


@pytest.mark.parametrize("sigmoid", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_mask_weighs_the_pooled_adjacency_and_the_losses(weighted, sigmoid):
    class Rows(nn.Module):  # Hears of no edge, so that the mask acts through SᵀAS alone.
        def __init__(self, width):
            super().__init__()
            self.lin = nn.Linear(3, width)

        def forward(self, x, edge_index, edge_weight=None):
            return self.lin(x)

    pool = DiffPool(Rows(4), Rows(2), max_clusters=2).double()
    weight = PROBLEM.edge_weight if weighted else torch.ones(NUM_EDGES).double()
    mask = random_mask()
    given = PROBLEM.edge_weight if weighted else None
    set_masks(pool, mask, EDGES, apply_sigmoid=sigmoid)
    out = pool(*ARGUMENTS, given, PROBLEM.batch)
    clear_masks(pool)
    factor = mask.sigmoid() if sigmoid else mask
    expected = pool(*ARGUMENTS, weight * factor, PROBLEM.batch)
    s = pool.assign(*ARGUMENTS).softmax(-1)
    for graph in range(2):
        rows = s[PROBLEM.rows(graph)]
        adjacency = PROBLEM.adjacency(graph, weight * factor)
        assert_close(out.adj[graph], rows.t() @ adjacency @ rows, **EXACT)
        assert_close(out.losses["link"][graph], (adjacency - rows @ rows.t()).norm(), **EXACT)
    gradients = [
        torch.autograd.grad(projection(o.adj, o.losses["link"]), mask, retain_graph=True)[0]
        for o in (out, expected)
    ]
    assert_close(*gradients, **EXACT)
    assert gradients[0].count_nonzero() == NUM_EDGES


def test_a_pooling_left_out_of_the_explanation_keeps_its_weights():
    pool = DiffPool(SAGEConv(3, 4), SAGEConv(3, 2), max_clusters=2).double()
    pool.explain = False
    out = masked(pool, torch.zeros(NUM_EDGES).double(), *ARGUMENTS)
    assert out.adj.count_nonzero() > 0


class Deep(nn.Module):
    """Two poolings, of which the second meets the first's clusters in one form or another."""

    def __init__(self, make, form):
        super().__init__()
        self.first = DiffPool(SAGEConv(3, 4), SAGEConv(3, 3), max_clusters=3)
        self.second = DiffPool(make(4, 5), make(4, 2), max_clusters=2)
        self.conv = SAGEConv(4, 5)
        self.form = form

    def forward(self, x, edge_index):
        pooled = self.first(x, edge_index)
        if self.form == "dense":
            return self.second(pooled.x, pooled.adj).x
        level = pooled.to_batch()
        if self.form == "batch":
            edges = level.edge_index, level.edge_weight
            return self.second(level.x, *edges, level.batch).x
        return self.conv(level.x, level.edge_index, level.edge_weight)


@pytest.mark.filterwarnings("ignore:.*cannot use edge weights")
@pytest.mark.parametrize("form", ["dense", "batch", "a layer on the batch"])
@pytest.mark.parametrize("name", POOLED_BY)
@pytest.mark.parametrize("num_edges", [NUM_EDGES, 9])
def test_pooled_levels_do_not_meet_the_mask_of_the_input(name, form, num_edges):
    """Not even with nine edges, as many as three clusters have."""
    model = Deep(POOLED_BY[name], form).double().eval()
    edges = EDGES[:, :num_edges]
    mask = torch.rand(num_edges).double().requires_grad_()
    out = masked(model, mask, PROBLEM.x, edges, edge_index=edges)
    # The first level alone is explained: the mask goes on in the weights of the pooled level.
    for layer in [*model.second.modules(), model.conv]:
        if hasattr(layer, "explain"):
            layer.explain = False
    expected = masked(model, mask, PROBLEM.x, edges, edge_index=edges)
    assert_close(out, expected, **EXACT)
    assert_close(*(torch.autograd.grad(projection(v), mask)[0] for v in (out, expected)), **EXACT)
    assert all(getattr(layer, "_edge_mask", None) is None for layer in model.modules())


def test_pygs_layers_on_a_batch_of_clusters_are_left_out_by_hand():
    """PyG multiplies messages by the mask of the input unless a layer says otherwise."""

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.pool = DiffPool(SAGEConv(3, 4), SAGEConv(3, 3), max_clusters=3)
            self.conv = GraphConv(4, 5)
            self.conv.explain = False

        def forward(self, x, edge_index, edge_weight=None):
            level = self.pool(x, edge_index, edge_weight).to_batch()
            return self.conv(level.x, level.edge_index, level.edge_weight)

    model = Model().double()
    mask = random_mask()
    out = masked(model, mask, *ARGUMENTS)
    level = masked(model.pool, mask, *ARGUMENTS).to_batch()
    expected = model.conv(level.x, level.edge_index, level.edge_weight)
    assert_close(out, expected, **EXACT)
    assert torch.autograd.grad(projection(out), mask)[0].count_nonzero() == NUM_EDGES


def test_a_mask_of_other_edges_is_refused():
    conv = SAGEConv(3, 4).double()
    mask = torch.ones(NUM_EDGES).double()
    expected = f"edge_index: expected the {NUM_EDGES} edges .* explain = False"
    with pytest.raises(ValueError, match=expected):
        masked(conv, mask, PROBLEM.x, EDGES[:, 1:])
    pool = DiffPool(GCNConv(3, 4), GCNConv(3, 2), max_clusters=2).double()
    for layer in (pool.embed, pool.assign):
        layer.explain = False
    with pytest.raises(ValueError, match=expected):
        masked(pool, mask, PROBLEM.x, EDGES[:, 1:])


def test_self_loops_added_after_the_edges_are_not_masked():
    edges = torch.tensor([[0, 1, 1, 2], [1, 0, 1, 1]])
    looped = torch.cat([edges[:, edges[0] != edges[1]], torch.arange(3).repeat(2, 1)], 1)
    x, mask = torch.randn(3, 3), torch.tensor([0.5, 0.25, 9.0, 0.0])
    pool = DiffPool(SAGEConv(3, 4), SAGEConv(3, 2), max_clusters=2)
    out = masked(pool, mask, x, looped, edge_index=edges)
    full = torch.tensor([0.5, 0.25, 0.0, 1.0, 1.0, 1.0])
    expected = masked(pool, full, x, looped, edge_index=looped)
    assert_close(tuple(out), tuple(expected))


class Mean(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x, edge_index):
        out = self.network(x, edge_index)
        return (out.logits if isinstance(out, tuple) else out).mean(0, keepdim=True)


def explainer(model, algorithm, mode, kind="model"):
    config = {"mode": mode, "task_level": "graph", "return_type": "raw"}
    return Explainer(
        model, algorithm, explanation_type=kind, edge_mask_type="object", model_config=config
    )


@pytest.mark.parametrize("wrapped", [False, True])
def test_gnn_explainer_finds_the_edge_that_carries_the_feature(wrapped):
    ring, x = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 0]]), torch.eye(4)[:, 3:]
    masks = []
    for make in (SAGEConv, PyGSAGEConv):
        conv = make(1, 1, "sum")
        nn.init.ones_(conv.lin_l.weight), nn.init.zeros_(conv.lin_l.bias)
        nn.init.zeros_(conv.lin_r.weight)
        if wrapped and make is SAGEConv:
            network = GNNBlock(1, 1, 1, 1, normalize=False, batch_norm=False)
            network.convs[0] = conv
            conv = network
        torch.manual_seed(0)
        explain = explainer(Mean(conv), GNNExplainer(epochs=50), "regression")
        masks.append(explain(x, ring).edge_mask)
    assert_close(masks[0], masks[1])
    assert masks[0][:3].count_nonzero() == 0
    assert masks[0][3] > 0.6


@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad")
@pytest.mark.parametrize("name", ["SAGEConv", "GNNBlock"])
def test_pg_explainer_does_not_depend_on_the_order_of_the_edges(name):
    network = NETWORKS[name]()
    found = []
    order = torch.arange(NUM_EDGES).flip(0)
    for edges in (EDGES, EDGES[:, order]):
        torch.manual_seed(0)
        algorithm = PGExplainer(epochs=1)
        mode = "multiclass_classification"
        explain = explainer(Mean(network).eval(), algorithm, mode, kind="phenomenon")
        algorithm.coeffs = {**algorithm.coeffs, "bias": 0.5}  # No noise.
        target = torch.tensor([1])
        x = PROBLEM.x.float()
        algorithm.train(0, explain.model, x, edges, target=target)
        found.append(explain(x, edges, target=target).edge_mask)
    assert_close(found[1], found[0][order], rtol=1e-4, atol=1e-5)


def test_a_whole_network_is_explained():
    net = DiffPoolNet(3, 4, 2, max_clusters=[3, 2]).eval()
    explain = explainer(Mean(net), GNNExplainer(epochs=3), "multiclass_classification")
    mask = explain(PROBLEM.x.float(), EDGES).edge_mask
    assert mask.shape == (NUM_EDGES,)
    assert mask.count_nonzero() == NUM_EDGES
