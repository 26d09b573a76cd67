"""Pooled edge features against sums over edges, one after the other."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool import coarsen, coarsen_edges, prepare_adjacency
from pyg_diffpool.ops import edge_features
from tests.formats import adjacency_format
from tests.oracles import edge_features_oracle
from tests.problems import CORNER_CASES, leaf, make_problem, on_problems

EXACT = {"rtol": 1e-9, "atol": 1e-9}
on_reductions = pytest.mark.parametrize("reduce", ["mean", "sum"])


def features_of(problem, channels=3):
    generator = torch.Generator().manual_seed(3)
    shape = (problem.edge_index.size(1), channels)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def run(problem, s, edge_attr, **changes):
    arguments = {
        "edge_index": problem.edge_index,
        "edge_weight": problem.edge_weight,
        "batch": problem.batch,
        "batch_size": problem.batch_size,
    }
    return coarsen_edges(s, edge_attr=edge_attr, **{**arguments, **changes})


def compare(problem, reduce, **changes):
    s, weight, attr = leaf(problem.s), leaf(problem.weight), leaf(features_of(problem))
    given = None if problem.edge_weight is None else weight
    found = run(problem, s, attr, edge_weight=given, reduce=reduce, **changes)
    wanted = edge_features_oracle(problem, s, attr, weight, reduce)
    assert_close(found, wanted, **EXACT)
    direction = torch.randn_like(wanted)
    inputs = (s, attr) if given is None else (s, attr, weight)
    options = {"allow_unused": True, "materialize_grads": True}
    if wanted.requires_grad:
        expected = torch.autograd.grad((wanted * direction).sum(), inputs, **options)
        gradients = torch.autograd.grad((found * direction).sum(), inputs, **options)
        assert_close(gradients, expected, **EXACT)


@on_reductions
@on_problems(weights=("none", "positive"))
def test_values_and_gradients(reduce, problem):
    compare(problem, reduce)


@on_reductions
@pytest.mark.parametrize("sizes", [(1,), (2, 1)])
def test_more_parallel_edges_than_pairs_of_nodes(sizes, reduce):
    problem = make_problem(sizes, weights="positive")
    copies = {
        "edge_index": problem.edge_index.repeat(1, 9),
        "edge_weight": problem.weight.repeat(9),
    }
    problem = replace(problem, **copies)
    assert problem.edge_index.size(1) > problem.num_nodes**2
    compare(problem, reduce)


@on_problems(weights=("signed",))
def test_sums_do_not_depend_on_the_weights(problem):
    compare(problem, "sum")


@on_reductions
@pytest.mark.parametrize("entries", [1, 2**20])
def test_channels_in_chunks(entries, reduce, monkeypatch):
    monkeypatch.setattr(edge_features, "CHUNK_ENTRIES", entries)
    visits = []
    visit = edge_features._visit
    monkeypatch.setattr(
        edge_features, "_visit", lambda weights, *rest: visits.append(1) or visit(weights, *rest)
    )
    # With few edges, chunks are of one channel; each is visited again in the backward pass.
    compare(make_problem((4, 0, 3), weights="positive", edges_per_node=1.0), reduce)
    assert len(visits) == (6 if entries == 1 else 1)


@on_reductions
@pytest.mark.parametrize("fill", [0.0, float("nan")])
def test_a_dense_level_equals_the_sparse_one(reduce, fill):
    problem = make_problem((4, 0, 3), weights="positive", duplicates=False)
    attr = features_of(problem)
    s, mask = problem.to_dense(problem.s, fill=fill)
    channels = [
        problem.to_dense_adjacency(attr[:, channel], fill=fill) for channel in range(attr.size(1))
    ]
    s, matrices = leaf(s), leaf(torch.stack(channels, -1))
    adj = leaf(problem.to_dense_adjacency(fill=fill))
    found = coarsen_edges(s, adj, matrices, mask=mask, reduce=reduce)
    assert_close(found, edge_features_oracle(problem, problem.s, attr, reduce=reduce), **EXACT)
    options = {"allow_unused": True, "materialize_grads": True}
    for gradient in torch.autograd.grad(found.sum(), (s, matrices, adj), **options):
        assert gradient.isfinite().all()


@on_reductions
def test_two_levels_give_what_their_product_gives(reduce):
    problem = make_problem((6, 4), weights="positive")
    attr = features_of(problem)
    second = torch.randn(2, 3, 2, dtype=torch.float64).softmax(-1)
    first = run(problem, problem.s, attr, reduce=reduce)
    adj = coarsen(problem.x, problem.s, problem.edge_index, problem.edge_weight, problem.batch).adj
    both = coarsen_edges(second, adj, first, reduce=reduce)
    product = torch.cat([problem.s[:6] @ second[0], problem.s[6:] @ second[1]])
    assert_close(both, edge_features_oracle(problem, product, attr, reduce=reduce), **EXACT)


@on_reductions
def test_equal_features_stay_what_they_are_in_a_mean(reduce):
    problem = make_problem((6, 4), weights="positive")
    attr = torch.full((problem.edge_index.size(1), 1), 2.5, dtype=torch.float64)
    found = run(problem, problem.s, attr, reduce=reduce)
    wanted = torch.full_like(found, 2.5) if reduce == "mean" else None
    if wanted is not None:
        assert_close(found, wanted)
    else:
        assert_close(found.sum(), attr.sum())


@on_reductions
@pytest.mark.parametrize("name", ["csr", "csc", "prepared", "EdgeIndex by column"])
def test_edges_of_a_format_are_in_its_storage_order(name, reduce):
    problem = make_problem((5, 0, 4), weights="positive", duplicates=False)
    # A feature that tells the edge: its ends and its weight.
    edges, weight = adjacency_format(problem, name)

    def attr(source, target):
        return torch.stack([source, target], 1).double()

    if name == "prepared":
        given = attr(edges.col, edges.target)
    elif name == "EdgeIndex by column":
        given = attr(*edges.as_tensor())
    else:
        target, source = edges.to_sparse_coo().coalesce().indices()
        if name == "csc":
            order = source.argsort(stable=True)
            source, target = source[order], target[order]
        given = attr(source, target)
    found = run(problem, problem.s, given, edge_index=edges, edge_weight=weight, reduce=reduce)
    wanted = edge_features_oracle(problem, problem.s, attr(*problem.edge_index), reduce=reduce)
    assert_close(found, wanted, **EXACT)


@on_reductions
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("dense", [False, True])
def test_derivatives(dense, chunked, reduce, monkeypatch):
    if chunked:
        monkeypatch.setattr(edge_features, "CHUNK_ENTRIES", 1)
    problem = make_problem((3, 0, 2), weights="positive", duplicates=not dense, num_clusters=2)
    if dense:
        s, mask = problem.to_dense(problem.s)
        adj = problem.to_dense_adjacency() + 0.1
        matrices = torch.randn(*adj.shape, 2, dtype=torch.float64)
        inputs = (leaf(s), leaf(matrices), leaf(adj))

        def pool(s, matrices, adj):
            return coarsen_edges(s, adj, matrices, mask=mask, reduce=reduce, validate=False)
    else:
        inputs = (leaf(problem.s), leaf(features_of(problem, 2)), leaf(problem.edge_weight))

        def pool(s, attr, weight):
            return run(problem, s, attr, edge_weight=weight, reduce=reduce)

    assert torch.autograd.gradcheck(pool, inputs)
    assert torch.autograd.gradgradcheck(pool, inputs)


@on_reductions
@pytest.mark.parametrize("case", CORNER_CASES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_finite_everywhere(case, dtype, reduce):
    problem = CORNER_CASES[case]
    s, attr = leaf(problem.s, dtype), leaf(features_of(problem), dtype)
    weight = None if problem.edge_weight is None else problem.edge_weight.to(dtype)
    found = run(problem, s, attr, edge_weight=weight, reduce=reduce)
    assert found.dtype == torch.float32
    options = {"allow_unused": True, "materialize_grads": True}
    for gradient in (found, *torch.autograd.grad(found.sum(), (s, attr), **options)):
        assert gradient.isfinite().all()


def test_memory_is_linear_in_edges_times_channels(monkeypatch):
    """The rows of all channels at once would be eight times as many as the features of edges."""
    monkeypatch.setattr(edge_features, "CHUNK_ENTRIES", 1)
    n, k, channels = 2000, 24, 32
    edge_index = torch.randint(n, (2, 3 * n))
    s, attr = leaf(torch.randn(n, k).softmax(-1)), leaf(torch.randn(3 * n, channels))
    saved, rows = {}, []
    visit = edge_features._visit

    def counted(weights, *rest):
        rows.append(n * k * weights.size(0))
        return visit(weights, *rest)

    monkeypatch.setattr(edge_features, "_visit", counted)

    def pack(tensor):
        if tensor.layout == torch.strided:
            saved[tensor.untyped_storage().data_ptr()] = tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        found = coarsen_edges(s, edge_index, attr)
    assert found.requires_grad
    assert sum(saved.values()) <= 3 * edge_index.size(1) * channels
    found.sum().backward()
    assert len(rows) == 2 * 8
    assert max(rows) <= edge_index.size(1) * channels


@pytest.mark.parametrize(
    ("error", "words", "changes"),
    [
        (
            ValueError,
            "edge_attr: expected one row for each of the",
            {"edge_attr": torch.ones(1, 2)},
        ),
        (ValueError, "edge_attr: expected 2 dimensions", {"edge_attr": torch.ones(5)}),
        (TypeError, "edge_attr: expected a floating point dtype", {"edge_attr": None}),
        (ValueError, "reduce: expected one of 'mean', 'sum'", {"reduce": "max"}),
    ],
)
def test_bad_input_names_the_argument(error, words, changes):
    problem = make_problem((3, 2))
    integers = torch.ones(problem.edge_index.size(1), 2, dtype=torch.long)
    changes = {k: integers if v is None else v for k, v in changes.items()}
    given = {"edge_attr": features_of(problem), **changes}
    with pytest.raises(error, match=words):
        run(problem, problem.s, **given)


def test_a_dense_level_takes_matrices_of_its_size():
    s, adj = torch.rand(2, 3, 2), torch.rand(2, 3, 3)
    with pytest.raises(ValueError, match=r"edge_attr: expected shape \[2, 3, 3, 'C'\]"):
        coarsen_edges(s, adj, torch.rand(2, 3, 2, 1))
    assert coarsen_edges(s, adj, torch.rand(3, 3, 1)).shape == (2, 2, 2, 1)


def test_a_prepared_adjacency_holds_its_own_weights():
    problem = make_problem((4, 3), weights="positive", duplicates=False)
    prepared = prepare_adjacency(problem.edge_index, problem.edge_weight, 7)
    attr = features_of(problem)[: prepared.col.numel()]
    found = run(problem, problem.s, attr, edge_index=prepared, edge_weight=None)
    edges = torch.stack([prepared.col, prepared.target])
    wanted = run(problem, problem.s, attr, edge_index=edges, edge_weight=prepared.weight)
    assert_close(found, wanted, **EXACT)
