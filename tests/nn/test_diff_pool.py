"""The paper's layer, Eq. 3 to 6, over two levels and with clusters by each graph's size."""

import warnings
from fractions import Fraction
from math import ceil

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close
from torch_geometric.data import Batch
from torch_geometric.nn import GATConv, GCNConv, GINConv
from torch_geometric.nn.models import GCN, GIN, GraphSAGE
from torch_geometric.testing import assert_module

from pyg_diffpool import DiffPool, PooledGraph, SAGEConv
from tests.ops.assignments.oracle import projection_oracle
from tests.ops.objectives.losses import oracle_of
from tests.oracles import frobenius, link_oracle, masked_softmax_oracle, number_of_clusters
from tests.problems import Problem, leaf, make_problem, on_problems, projection

EXACT = {"rtol": 1e-8, "atol": 1e-8}
NEAR = {"rtol": 1e-7, "atol": 1e-6}


class NeighbourSum(nn.Module):
    """The plainest convolution: ``x W_root + A^T x W_neighbour``, called as PyG's are."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.root = nn.Linear(in_channels, out_channels, bias=False)
        self.neighbour = nn.Linear(in_channels, out_channels, bias=False)

    def reset_parameters(self) -> None:
        self.root.reset_parameters()
        self.neighbour.reset_parameters()

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor | None = None) -> Tensor:
        source, target = edge_index
        messages = x[source] if edge_weight is None else edge_weight.unsqueeze(-1) * x[source]
        gathered = torch.zeros_like(x).index_add(0, target, messages)
        return self.root(x) + self.neighbour(gathered)

    def on_matrix(self, x: Tensor, adjacency: Tensor) -> Tensor:
        return self.root(x) + self.neighbour(adjacency.t() @ x)


def make_layer(in_channels: int, hidden: int = 3, max_clusters: int = 4, **options) -> DiffPool:
    embed, assign = NeighbourSum(in_channels, hidden), NeighbourSum(in_channels, max_clusters)
    return DiffPool(embed, assign, max_clusters=max_clusters, **options).double()


def run(layer: DiffPool, problem: Problem, **changes) -> PooledGraph:
    arguments = {
        "x": problem.x,
        "edge_index": problem.edge_index,
        "edge_weight": problem.edge_weight,
        "batch": problem.batch,
        "batch_size": problem.batch_size,
    }
    return layer(**{**arguments, **changes})


def pool_matrix(layer: DiffPool, x: Tensor, adjacency: Tensor, clusters: int) -> dict[str, Tensor]:
    """One graph, one level, as the paper writes it; the graph may have no nodes."""
    s = layer.assign.on_matrix(x, adjacency)[:, :clusters].softmax(dim=-1)
    z = layer.embed.on_matrix(x, adjacency)
    return {
        "x": s.t() @ z,
        "adj": s.t() @ adjacency @ s,
        "s": s,
        "link": frobenius(adjacency - s @ s.t()),
        "entropy": -(s * s.log()).sum() / max(len(x), 1),
    }


def check_level(pooled: PooledGraph, graphs: list[dict[str, Tensor]]) -> None:
    for graph, expected in enumerate(graphs):
        k = len(expected["x"])
        assert pooled.mask[graph].tolist() == [c < k for c in range(pooled.mask.size(1))]
        assert_close(pooled.x[graph, :k], expected["x"], **EXACT)
        assert_close(pooled.adj[graph, :k, :k], expected["adj"], **EXACT)
        assert pooled.x[graph, k:].count_nonzero() == 0
        assert pooled.adj[graph, k:].count_nonzero() == 0
        assert pooled.adj[graph, :, k:].count_nonzero() == 0
        assert_close(pooled.losses["link"][graph], expected["link"], **NEAR)
        assert_close(pooled.losses["entropy"][graph], expected["entropy"], **EXACT)


@pytest.mark.parametrize("percent", [None, 50])
@on_problems()
def test_two_levels_equal_the_papers_equations(percent, problem):
    torch.manual_seed(3)
    ratio = None if percent is None else percent / 100
    first = make_layer(problem.x.size(1), 3, 4, ratio=ratio)
    second = make_layer(3, 2, 2, ratio=ratio)
    x, weight = leaf(problem.x), leaf(problem.weight)

    def clusters(n, most):
        return most if percent is None else number_of_clusters(n, percent, most)

    level_1, level_2 = [], []
    for graph, n in enumerate(problem.sizes):
        rows, adjacency = x[problem.rows(graph)], problem.adjacency(graph, weight)
        level_1.append(pool_matrix(first, rows, adjacency, clusters(n, 4)))
        coarse = level_1[-1]
        level_2.append(
            pool_matrix(second, coarse["x"], coarse["adj"], clusters(len(coarse["x"]), 2))
        )

    given_weight = None if problem.edge_weight is None else weight
    pooled = run(first, problem, x=x, edge_weight=given_weight)
    check_level(pooled, level_1)
    assert_close(pooled.assignment.sum(), torch.tensor(float(problem.num_nodes)).double())
    coarsest = second(pooled.x, pooled.adj, mask=pooled.mask)
    check_level(coarsest, level_2)

    losses = torch.stack([level["link"] + level["entropy"] for level in level_1])
    assert_close(pooled.loss, losses.mean(), **NEAR)

    # Gradients reach the features, the weights and both layers through the coarse adjacency.
    inputs = [x, *first.parameters(), *second.parameters()]
    inputs += [] if given_weight is None else [weight]
    got = projection(coarsest.x, coarsest.adj) + coarsest.losses["entropy"].sum()
    flat = torch.zeros_like(coarsest.x), torch.zeros_like(coarsest.adj)
    for graph, level in enumerate(level_2):
        k = len(level["x"])
        flat[0][graph, :k] = level["x"]
        flat[1][graph, :k, :k] = level["adj"]
    wanted = projection(*flat) + sum(level["entropy"] for level in level_2)
    options = {"materialize_grads": True}
    assert_close(
        torch.autograd.grad(got, inputs, **options),
        torch.autograd.grad(wanted, inputs, **options),
        rtol=1e-6,
        atol=1e-6,
    )


@pytest.mark.parametrize("ratio", [0.01, 0.07, 0.1, 0.14, 0.25, 0.29, 0.55, 1.0])
def test_number_of_clusters_is_exact(ratio):
    """Floating point has 0.07 * 100 > 7, for which a bare ceiling would give 8 clusters."""
    sizes = torch.arange(121)
    layer = DiffPool(SAGEConv(2, 2), SAGEConv(2, 40), max_clusters=40, ratio=ratio)
    x = torch.randn(int(sizes.sum()), 2)
    no_edges = torch.empty(2, 0, dtype=torch.long)
    pooled = layer(x, no_edges, batch=sizes.repeat_interleave(sizes), batch_size=121)
    expected = [min(40, max(1, ceil(Fraction(str(ratio)) * n))) for n in range(121)]
    assert pooled.mask.sum(dim=1).tolist() == expected


def test_a_tenth_of_thirty_nodes_is_three_clusters():
    problem = make_problem((30, 31, 1, 0))
    assert run(make_layer(2, ratio=0.1), problem).mask.sum(dim=1).tolist() == [3, 4, 1, 1]


def test_masked_clusters_stay_out_of_everything():
    problem = make_problem((2, 6), weights="positive")
    layer = make_layer(2, 3, 4, ratio=0.5)
    pooled = run(layer, problem)
    logits = layer.assign(problem.x, problem.edge_index, problem.edge_weight)
    s = masked_softmax_oracle(problem, logits, [1, 3])
    assert_close(pooled.assignment, s, **EXACT)
    assert_close(pooled.losses["link"], link_oracle(problem, s), **NEAR)
    assert pooled.mask.tolist() == [[True, False, False, False], [True, True, True, False]]

    batch = pooled.to_batch()
    assert batch.batch.tolist() == [0, 1, 1, 1]
    assert_close(batch.x, pooled.x[pooled.mask], **EXACT)
    # The last column is nobody's cluster, so the weights that produce it get no gradient.
    pooled.loss.backward()
    assert layer.assign.root.weight.grad[3].count_nonzero() == 0
    assert layer.assign.root.weight.grad[:3].count_nonzero() > 0


@pytest.mark.parametrize("ratio", [None, 0.5])
@on_problems()
def test_to_batch_carries_the_same_graphs_as_the_dense_level(ratio, problem):
    torch.manual_seed(4)
    pooled = run(make_layer(problem.x.size(1), 3, 4, ratio=ratio), problem)
    batch = pooled.to_batch()
    assert isinstance(batch, Batch)
    assert batch.num_graphs == problem.batch_size
    assert batch.num_nodes == pooled.mask.sum()
    dense = torch.zeros(batch.num_nodes, batch.num_nodes, dtype=torch.float64)
    dense[batch.edge_index[0], batch.edge_index[1]] = batch.edge_weight
    assert_close(dense, torch.block_diag(*[a[m][:, m] for a, m in pairs(pooled)]), **EXACT)

    second = make_layer(3, 2, 2, ratio=ratio)
    from_dense = second(pooled.x, pooled.adj, mask=pooled.mask)
    from_batch = second(batch.x, batch.edge_index, batch.edge_weight, batch.batch)
    assert_close(from_batch.x, from_dense.x, **EXACT)
    assert_close(from_batch.adj, from_dense.adj, **EXACT)
    assert_close(from_batch.losses, from_dense.losses, **NEAR)
    assert torch.equal(from_batch.mask, from_dense.mask)


def pairs(pooled: PooledGraph) -> list[tuple[Tensor, Tensor]]:
    return list(zip(pooled.adj, pooled.mask, strict=True))


def gin(in_channels: int, out_channels: int) -> GINConv:
    return GINConv(nn.Sequential(nn.Linear(in_channels, 8), nn.ReLU(), nn.Linear(8, out_channels)))


MODULES = {
    "SAGEConv": SAGEConv,
    "GCNConv": GCNConv,
    "GINConv": gin,
    "GATConv": GATConv,
    "GraphSAGE": lambda i, o: GraphSAGE(i, 8, 2, o),
    "GCN": lambda i, o: GCN(i, 8, 2, o),
    "GIN": lambda i, o: GIN(i, 8, 2, o),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("ratio", [None, 0.5])
@pytest.mark.parametrize("name", MODULES)
def test_any_pyg_module_embeds_and_assigns_on_both_levels(name, ratio):
    make = MODULES[name]
    problem = make_problem((6, 1, 4), directed=False, weights="none", duplicates=False)
    first = DiffPool(make(2, 3), make(2, 4), max_clusters=4, ratio=ratio).double()
    second = DiffPool(make(3, 5), make(3, 2), max_clusters=2, ratio=ratio).double()

    pooled = run(first, problem)
    z = first.embed(problem.x, problem.edge_index)
    for graph in range(problem.batch_size):
        rows = problem.rows(graph)
        assert_close(pooled.x[graph], pooled.assignment[rows].t() @ z[rows], **EXACT)

    coarsest = second(pooled.x, pooled.adj, mask=pooled.mask)
    batch = pooled.to_batch()
    again = second(batch.x, batch.edge_index, batch.edge_weight, batch.batch)
    assert_close(coarsest.x, again.x, **EXACT)
    assert_close(coarsest.adj, again.adj, **EXACT)

    (projection(coarsest.x, coarsest.adj) + pooled.loss + coarsest.loss).backward()
    for layer in (first, second):
        for parameter in layer.parameters():
            assert parameter.grad is not None
            assert parameter.grad.isfinite().all()


@pytest.mark.parametrize("percent", [None, 50])
@pytest.mark.parametrize("assignment", ["sparsemax", "entmax15", "straight-through"])
@on_problems()
def test_other_assignments_on_both_kinds_of_levels(assignment, percent, problem):
    torch.manual_seed(3)
    ratio = None if percent is None else percent / 100
    layer = make_layer(2, ratio=ratio, assignment=assignment, temperature=0.5)
    layer.embed = NeighbourSum(problem.x.size(1), 3).double()
    layer.assign = NeighbourSum(problem.x.size(1), 4).double()
    pooled = run(layer, problem)
    logits = 2 * layer.assign(problem.x, problem.edge_index, problem.edge_weight)
    z = layer.embed(problem.x, problem.edge_index, problem.edge_weight)
    for graph, n in enumerate(problem.sizes):
        rows, adjacency = problem.rows(graph), problem.adjacency(graph)
        k = 4 if percent is None else number_of_clusters(n, percent, 4)
        if assignment == "straight-through":
            s = nn.functional.one_hot(logits[rows, :k].argmax(1), k).double()
            soft = logits[rows, :k].softmax(1)
            entropy = -(soft * soft.log()).sum()
        else:
            power = {"sparsemax": 1, "entmax15": 2}[assignment]
            s = projection_oracle(logits[rows, :k], power) if n > 0 else logits[rows, :k]
            entropy = -(s * s.clamp(min=1e-300).log()).sum()
        assert_close(pooled.assignment[rows, :k], s, **EXACT)
        assert_close(pooled.x[graph, :k], s.t() @ z[rows], **EXACT)
        assert_close(pooled.adj[graph, :k, :k], s.t() @ adjacency @ s, **EXACT)
        assert_close(pooled.losses["link"][graph], frobenius(adjacency - s @ s.t()), **NEAR)
        assert_close(pooled.losses["entropy"][graph], entropy / max(n, 1), **NEAR)

    (x, mask), adj = problem.to_dense(problem.x), problem.to_dense_adjacency()
    if x.size(1) > 0:
        dense = layer(x, adj, mask=mask)
        assert_close(dense.x, pooled.x, **NEAR)
        assert_close(dense.losses, pooled.losses, **NEAR)


@pytest.mark.parametrize("name", ["GCNConv", "GCN"])
def test_coarse_weights_reach_modules_that_can_use_them(name):
    make = MODULES[name]
    layer = DiffPool(make(2, 3), make(2, 2), max_clusters=2).double()
    adjacency = torch.tensor([[[0.0, 1.0], [1.0, 0.0]]], dtype=torch.float64)
    x = torch.randn(1, 2, 2, dtype=torch.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        light, heavy = layer(x, adjacency), layer(x, 10 * adjacency)
    assert not torch.allclose(light.x, heavy.x)


@pytest.mark.parametrize("name", ["GINConv", "GIN"])
def test_a_module_that_cannot_use_the_weights_warns_once(name):
    layer = DiffPool(MODULES[name](2, 3), SAGEConv(2, 2), max_clusters=2)
    x, adjacency = torch.randn(1, 3, 2), torch.rand(1, 3, 3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            layer(x, adjacency)
    assert len([w for w in caught if "weight" in str(w.message)]) == 1


def test_losses_and_their_weights():
    problem = make_problem((5, 0, 3), weights="positive", duplicates=False)
    layers = {
        convention: make_layer(2, convention=convention, link_weight=2.0, entropy_weight=0.5)
        for convention in ("paper", "reference", "pyg")
    }
    for convention, layer in layers.items():
        pooled = run(layer, problem)
        link, entropy = pooled.losses["link"], pooled.losses["entropy"]
        assert set(pooled.losses) == {"link", "entropy"}
        assert link.shape == entropy.shape == (() if convention == "pyg" else (3,))
        assert pooled.loss.shape == ()
        if convention == "paper":
            expected = 2.0 * link.mean() + 0.5 * entropy.mean()
        elif convention == "pyg":
            expected = 2.0 * link + 0.5 * entropy
        else:
            expected = 2.0 * link.sum() / (25 + 9) + 0.5 * entropy.sum() / 8
        assert_close(pooled.loss, expected, **EXACT)


@pytest.mark.parametrize("convention", ["paper", "reference", "pyg"])
def test_objectives_by_name(convention):
    problem = make_problem((5, 0, 3), weights="positive", duplicates=False)
    weights = {"link": 0.5, "cut": 1.0, "orthogonality": 2.0, "modularity": 0.0}
    layer = make_layer(2, convention=convention, objectives=weights)
    pooled = run(layer, problem)
    assert list(pooled.losses) == list(weights)
    for name in ("cut", "orthogonality", "modularity"):
        assert_close(pooled.losses[name], oracle_of(name, problem, pooled.assignment), **EXACT)
    link = pooled.losses["link"]
    means = {name: values.sum() / 3 for name, values in pooled.losses.items()}
    if convention == "reference":
        means["link"] = link.sum() / (25 + 9)
    elif convention == "pyg":
        means["link"] = link
    assert_close(pooled.loss, sum(w * means[name] for name, w in weights.items()), **EXACT)


def test_objectives_reach_the_assignment_network_on_both_kinds_of_level():
    problem = make_problem((5, 0, 3), weights="positive", duplicates=False)
    layer = make_layer(2, objectives={"balance": 1.0})
    second = make_layer(3, objectives={"collapse": 1.0})
    pooled = run(layer, problem)
    deeper = second(pooled.x, pooled.adj, mask=pooled.mask)
    assert deeper.losses["collapse"].shape == (3,)
    (pooled.loss + deeper.loss).backward()
    for network in (layer.assign, second.assign):
        assert all(p.grad.isfinite().all() for p in network.parameters())
        assert any(p.grad.count_nonzero() > 0 for p in network.parameters())


def test_a_function_of_the_users_and_clusters_of_each_graph():
    problem = make_problem((5, 0, 3), weights="positive", duplicates=False)

    def overlap(pooling):
        assert pooling.clusters is not None
        gram = pooling.coarsening.gram
        return gram.sum((1, 2)) - gram.diagonal(dim1=1, dim2=2).sum(1)

    layer = make_layer(2, ratio=0.5, objectives={"overlap": (overlap, 0.1), "balance": 1.0})
    pooled = run(layer, problem)
    assert_close(
        pooled.loss,
        0.1 * pooled.losses["overlap"].sum() / 3 + pooled.losses["balance"].sum() / 3,
        **EXACT,
    )
    gram = pooled.assignment[:5].t() @ pooled.assignment[:5]
    assert_close(pooled.losses["overlap"][0], gram.sum() - gram.trace(), **EXACT)
    wanted = -gram.diagonal()[:3].sqrt().sum() / (5 * 3) ** 0.5
    assert_close(pooled.losses["balance"][0], wanted, **EXACT)


def test_weights_can_be_changed_during_training():
    layer = make_layer(2)
    assert (layer.link_weight, layer.entropy_weight) == (1.0, 1.0)
    layer.link_weight, layer.entropy_weight = 0.0, 3.0
    pooled = run(layer, make_problem((5, 3)))
    assert_close(pooled.loss, 3.0 * pooled.losses["entropy"].mean(), **EXACT)
    other = make_layer(2, objectives={"cut": 1.0})
    assert (other.link_weight, other.entropy_weight) == (0.0, 0.0)
    other.link_weight = 2.0
    pooled = run(other, make_problem((5, 3)))
    expected = 2.0 * pooled.losses["link"].mean() + pooled.losses["cut"].mean()
    assert_close(pooled.loss, expected, **EXACT)


def test_an_unknown_objective_is_named():
    with pytest.raises(ValueError, match=r"objectives: expected one of 'link'.*got 'cuts'"):
        make_layer(2, objectives={"cuts": 1.0})


def test_scale_divides_the_link_loss_by_the_number_of_nodes():
    problem = make_problem((5, 0, 3))
    plain_layer, scaled_layer = make_layer(2), make_layer(2, scale="nodes")
    scaled_layer.load_state_dict(plain_layer.state_dict())
    plain = run(plain_layer, problem).losses["link"]
    scaled = run(scaled_layer, problem).losses["link"]
    assert_close(scaled[[0, 2]], plain[[0, 2]] / torch.tensor([5.0, 3.0]), **EXACT)
    assert scaled[1] == 0


def test_reference_convention_has_no_link_loss_on_deeper_levels():
    layer = make_layer(2, convention="reference")
    x = torch.randn(2, 3, 2, dtype=torch.float64)
    adjacency = 5 * torch.rand(2, 3, 3, dtype=torch.float64)
    pooled = layer(x, adjacency)
    assert pooled.losses["link"].tolist() == [0.0, 0.0]
    assert pooled.loss.isfinite()


def test_batch_of_empty_graphs():
    layer = make_layer(2, ratio=0.5)
    no_edges, no_nodes = torch.empty(2, 0, dtype=torch.long), torch.empty(0, dtype=torch.long)
    pooled = layer(torch.empty(0, 2).double(), no_edges, batch=no_nodes, batch_size=2)
    assert pooled.x.shape == (2, 4, 3)
    assert pooled.x.count_nonzero() == pooled.adj.count_nonzero() == 0
    assert pooled.loss == 0


@pytest.mark.parametrize("name", ["SAGEConv", "GCNConv"])
def test_pygs_module_test(name):
    class Features(nn.Module):
        def __init__(self):
            super().__init__()
            make = MODULES[name]
            self.layer = DiffPool(make(8, 16), make(8, 3), max_clusters=3)

        def forward(self, x, edge_index, **options):
            return self.layer(x, edge_index, **options).x

    x = torch.randn(4, 8)
    edge_index = torch.tensor([[0, 1, 2], [1, 0, 3]])
    batch = torch.tensor([0, 0, 1, 1])
    assert_module(Features(), x, edge_index, expected_size=(2, 3, 16), atol=1e-5, batch=batch)


def test_reset_parameters_reaches_both_networks():
    layer = DiffPool(SAGEConv(2, 3), GCN(2, 8, 2, 4), max_clusters=4)
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    layer.reset_parameters()
    for name, value in layer.state_dict().items():
        if name.endswith("weight"):
            assert not torch.equal(value, before[name]), name


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("max_clusters", {"max_clusters": 0}),
        ("ratio", {"ratio": 0.0}),
        ("ratio", {"ratio": -0.5}),
        ("ratio", {"ratio": float("nan")}),
        ("assignment", {"assignment": "hardmax"}),
        ("temperature", {"temperature": -1.0}),
        ("convention", {"convention": "authors"}),
        ("scale", {"scale": "edges"}),
        ("backend", {"backend": "dense"}),
    ],
)
def test_bad_settings_name_the_argument(name, options):
    with pytest.raises((ValueError, TypeError), match=rf"\b{name}\b"):
        DiffPool(SAGEConv(2, 3), SAGEConv(2, 4), **{"max_clusters": 4, **options})


def test_width_of_the_assignment_network():
    layer = DiffPool(SAGEConv(2, 3), SAGEConv(2, 5), max_clusters=4)
    problem = make_problem((5,))
    with pytest.raises(ValueError, match=r"assign|max_clusters"):
        layer(problem.x.float(), problem.edge_index)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("batch", {"batch": torch.tensor([0, 1, 0, 1, 1])}),
        ("edge_index", {"edge_index": torch.tensor([[0], [4]]), "edge_weight": None}),
        ("edge_index", {"edge_index": torch.tensor([[0], [5]]), "edge_weight": None}),
        ("edge_weight", {"edge_weight": torch.ones(1).double()}),
    ],
)
def test_bad_input_names_the_argument(name, changes):
    problem = make_problem((3, 2))
    with pytest.raises((ValueError, TypeError), match=rf"\b{name}\b"):
        run(make_layer(2), problem, **changes)
