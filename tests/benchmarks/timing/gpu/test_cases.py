import pytest
import torch

from benchmarks.timing.gpu.cases import case_of, make_case, make_cases, rounded
from benchmarks.timing.oracle import graphs_of, problems
from benchmarks.timing.rivals import PREPARED_EDGES, RAW, UNDIRECTED, edges_as

SIZES = (9, 0, 14)


def test_cases_hand_their_edges_over_in_every_form():
    cases = make_cases(seed=0, quick=True)
    assert {case.form for case in cases.values()} == {RAW, UNDIRECTED, PREPARED_EDGES}
    case = cases["undirected EdgeIndex"]
    assert edges_as(case.problem, case.form).is_undirected
    graphs = graphs_of(case.problem)
    for graph in range(graphs.batch_size):
        adjacency = graphs.adjacency(graph)
        assert (adjacency == adjacency.t()).all()
        assert (adjacency <= 1).all()


@pytest.mark.parametrize("form", [RAW, UNDIRECTED, PREPARED_EDGES])
def test_raw_edges_are_directed_and_repeated_and_others_sorted_both_ways(form):
    problem = make_case(SIZES, 3, 5, seed=0, form=form).problem
    edges = problem.edge_index.t().tolist()
    once = set(map(tuple, edges))
    raw = form == RAW
    assert (len(once) < len(edges)) == raw
    assert ({(target, source) for source, target in once} != once) == raw
    assert (edges != sorted(edges)) == raw
    assert problem.sizes.tolist() == list(SIZES)
    assert (problem.x.shape, problem.logits.shape) == ((23, 5), (23, 3))
    assert (problem.grad_x.shape, problem.grad_adj.shape) == ((3, 3, 5), (3, 3, 3))


def test_weights_are_signed_and_the_seed_decides_all():
    first, again, other = (
        make_case(SIZES, 3, 5, seed=seed, weights=True).problem for seed in (1, 1, 2)
    )
    assert first.edge_weight.min() < 0 < first.edge_weight.max()
    assert make_case(SIZES, 3, 5, seed=1).problem.edge_weight is None
    for name in ("x", "logits", "edge_index", "edge_weight", "grad_x", "grad_adj"):
        assert torch.equal(getattr(first, name), getattr(again, name)), name
    assert not torch.equal(first.x, other.x)
    assert not torch.equal(first.grad_x, other.grad_x)


def test_the_tests_corner_cases_are_among_them_and_quick_draws_fewer():
    quick, whole = (make_cases(seed=0, quick=quick) for quick in (True, False))
    drawn = [[name for name in cases if name.startswith("random")] for cases in (quick, whole)]
    assert [len(names) for names in drawn] == [3, 12]
    for name, graphs in problems().CORNER_CASES.items():
        assert torch.equal(quick[name].problem.x, case_of(graphs).problem.x)
    for name, (problem, form) in whole.items():
        assert (problem.edge_weight is None) or form == RAW, name
        assert problem.x.dtype == torch.double


@pytest.mark.parametrize(
    ("dtype", "of_weights"),
    [(torch.double, torch.double), (torch.float, torch.float), (torch.bfloat16, torch.float)],
)
def test_inputs_are_rounded_and_weights_to_no_less_than_float32(dtype, of_weights):
    exact = make_case(SIZES, 3, 5, seed=0, weights=True).problem
    found = rounded(exact, dtype)
    assert torch.equal(found.x, exact.x.to(dtype))
    assert torch.equal(found.logits, exact.logits.to(dtype))
    assert torch.equal(found.edge_weight, exact.edge_weight.to(of_weights))
    dtypes = (found.x.dtype, found.logits.dtype, found.edge_weight.dtype)
    assert dtypes == (dtype, dtype, of_weights)
    assert found.grad_x is exact.grad_x
    assert rounded(make_case(SIZES, 3, 5, seed=0).problem, dtype).edge_weight is None
