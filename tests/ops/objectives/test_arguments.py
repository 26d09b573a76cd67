"""All losses take what the link prediction loss takes, and treat it alike."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool import prepare_adjacency
from pyg_diffpool.ops.objectives.arguments import check_cluster_mask, reduce_values
from tests.formats import FORMATS, adjacency_format
from tests.ops.objectives.losses import EXACT, LOSSES, OF_EDGES, OF_NODES, call, oracle_of
from tests.problems import CORNER_CASES, leaf, make_problem

on_losses = pytest.mark.parametrize("name", LOSSES)
NAN = float("nan")


@on_losses
def test_reductions(name):
    problem = make_problem((4, 0, 3), weights="positive")
    values = oracle_of(name, problem, problem.s)
    wanted = {"none": values, "sum": values.sum(), "mean": values.sum() / 3}
    for reduction, expected in wanted.items():
        assert_close(call(name, problem, problem.s, reduction=reduction), expected, **EXACT)


@on_losses
@pytest.mark.parametrize("fill", [0.0, NAN])
def test_a_dense_level_equals_the_sparse_one(name, fill):
    problem = make_problem((5, 0, 1, 3), weights="positive", duplicates=False)
    s, mask = problem.to_dense(problem.s, fill=fill)
    s, adjacency = leaf(s), leaf(problem.to_dense_adjacency(fill=fill))
    loss = LOSSES[name][0](s, adjacency, mask=mask)
    sparse_s, weight = leaf(problem.s), leaf(problem.weight)
    wanted = call(name, problem, sparse_s, edge_weight=weight, reduction="mean")
    assert_close(loss, wanted, **EXACT)
    options = {"allow_unused": True, "materialize_grads": True}
    onto_s, onto_adjacency = torch.autograd.grad(loss, (s, adjacency), **options)
    assert onto_s.isfinite().all()
    assert onto_adjacency.isfinite().all()
    expected, onto_weight = torch.autograd.grad(wanted, (sparse_s, weight), **options)
    assert_close(onto_s[mask], expected, **EXACT)
    assert_close(_at_edges(problem, onto_adjacency), onto_weight, **EXACT)


def _at_edges(problem, matrices):
    """The entries of padded matrices (B, N, N) at the edges of a problem."""
    graph = problem.batch[problem.edge_index[0]]
    starts = torch.tensor([problem.rows(g).start for g in range(problem.batch_size)])
    source, target = problem.edge_index - starts[graph]
    return matrices[graph, source, target]


@pytest.mark.parametrize("name", OF_EDGES)
@pytest.mark.parametrize("form", FORMATS)
def test_adjacency_formats_agree(form, name):
    problem = make_problem((5, 0, 4), weights="positive")
    edge_index, edge_weight = adjacency_format(problem, form)
    found = call(name, problem, problem.s, edge_index=edge_index, edge_weight=edge_weight)
    assert_close(found, oracle_of(name, problem, problem.s), **EXACT)


@pytest.mark.parametrize("name", OF_NODES)
def test_edges_are_optional_where_they_do_not_matter(name):
    problem = make_problem((5, 0, 4))
    found = call(name, problem, problem.s, edge_index=None, edge_weight=None)
    assert_close(found, oracle_of(name, problem, problem.s), **EXACT)
    s, mask = problem.to_dense(problem.s, fill=NAN)
    dense = LOSSES[name][0](s, mask=mask, reduction="none")
    assert_close(dense, found, **EXACT)


@on_losses
def test_independent_of_mates_and_order(name):
    problem = make_problem((5, 0, 1, 4), weights="positive")
    values = call(name, problem, problem.s)
    permuted, order = problem.permute_nodes()
    assert_close(call(name, permuted, problem.s[order]), values, **EXACT)
    assert_close(call(name, problem.permute_edges(), problem.s), values, **EXACT)
    for graph in range(problem.batch_size):
        alone = problem.select(graph)
        assert_close(call(name, alone, alone.s), values[graph : graph + 1], **EXACT)


@on_losses
@pytest.mark.parametrize("dense", [False, True])
def test_first_and_second_derivatives(name, dense):
    problem = make_problem((4, 0, 3), weights="positive", duplicates=False)
    logits, weight = leaf(problem.logits), leaf(problem.weight)
    if dense:
        logits, mask = problem.to_dense(problem.logits)
        logits, adjacency = leaf(logits), leaf(problem.to_dense_adjacency())

        def loss(logits, adjacency):
            return LOSSES[name][0](logits.softmax(-1), adjacency, mask=mask)

        inputs = (logits, adjacency)
    else:

        def loss(logits, weight):
            return call(name, problem, logits.softmax(-1), edge_weight=weight, reduction="sum")

        inputs = (logits, weight)
    assert torch.autograd.gradcheck(loss, inputs)
    assert torch.autograd.gradgradcheck(loss, inputs)


@on_losses
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("case", CORNER_CASES)
def test_finite_everywhere(case, dtype, name):
    problem = CORNER_CASES[case]
    logits = leaf(problem.logits, dtype)
    weight = None if problem.edge_weight is None else leaf(problem.edge_weight, dtype)
    values = call(name, problem, logits.softmax(-1), edge_weight=weight)
    assert values.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    (gradient,) = torch.autograd.grad(values.sum(), logits, materialize_grads=True)
    assert gradient.isfinite().all()
    # Sums of signed weights cancel: of their quotients, half precision leaves nothing to compare.
    if dtype in (torch.float64, torch.float32) or case != "directed, signed weights":
        tolerance = 1e-4 if dtype in (torch.float64, torch.float32) else 3e-2
        wanted = oracle_of(name, problem, problem.s)
        assert_close(values.double(), wanted, rtol=tolerance, atol=tolerance)


@on_losses
def test_bad_numbers_are_not_hidden(name):
    problem = make_problem((4, 3), weights="positive", seed=1)
    assert call(name, problem, torch.full_like(problem.s, NAN)).isnan().all()


@on_losses
@pytest.mark.parametrize(
    ("argument", "changes"),
    [
        ("reduction", {"reduction": "average"}),
        ("batch", {"batch": torch.tensor([0, 1, 0, 1, 1])}),
        ("batch_size", {"batch_size": 1}),
        ("edge_index", {"edge_index": torch.tensor([[0], [4]]), "edge_weight": None}),
        ("edge_weight", {"edge_weight": torch.ones(1)}),
        ("mask", {"mask": torch.ones(5, dtype=torch.bool)}),
        ("validate", {"validate": "yes"}),
    ],
)
def test_bad_input_names_the_argument(argument, changes, name):
    problem = make_problem((3, 2))
    with pytest.raises((ValueError, TypeError), match=rf"\b{argument}\b"):
        call(name, problem, problem.s, **changes)


@on_losses
def test_logits_are_refused(name):
    problem = make_problem((3, 2))
    with pytest.raises(ValueError, match="s: expected probabilities"):
        call(name, problem, problem.logits)


@pytest.mark.parametrize("name", OF_NODES)
def test_weights_need_edges(name):
    problem = make_problem((3, 2))
    with pytest.raises(ValueError, match="edge_weight: expected None without edges"):
        call(name, problem, problem.s, edge_index=None)


@pytest.mark.parametrize(
    ("error", "mask"),
    [
        (TypeError, [[True, False]]),
        (TypeError, torch.ones(1, 2)),
        (ValueError, torch.ones(2, 2, dtype=torch.bool)),
    ],
)
def test_cluster_masks(error, mask):
    with pytest.raises(error, match="cluster_mask: expected"):
        check_cluster_mask(mask, (1, 2))
    check_cluster_mask(torch.ones(1, 2, dtype=torch.bool), (1, 2))


def test_the_mean_over_no_graphs():
    assert reduce_values(torch.ones(0), "mean") == 0


@pytest.mark.parametrize("name", OF_EDGES)
def test_unsummed_duplicates_as_on_a_gpu(name):
    problem = make_problem((4, 3), directed=False, weights="positive")
    adjacency = prepare_adjacency(problem.edge_index, problem.edge_weight, problem.num_nodes)
    order = torch.cat([adjacency.target, adjacency.target]).argsort(stable=True)
    twice = adjacency._replace(
        rowptr=2 * adjacency.rowptr,
        col=torch.cat([adjacency.col, adjacency.col])[order],
        target=torch.cat([adjacency.target, adjacency.target])[order],
        weight=torch.cat([0.25 * adjacency.weight, 0.75 * adjacency.weight])[order],
        coalesced=False,
    )
    found = call(name, problem, problem.s, edge_index=twice, edge_weight=None)
    assert_close(found, oracle_of(name, problem, problem.s), **EXACT)
