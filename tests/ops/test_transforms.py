"""``torch.func``, forward mode and tracers, on functions: right, or refused by name."""

import pytest
import torch
from torch.autograd import forward_ad, gradcheck
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vmap
from torch.fx.experimental.proxy_tensor import make_fx
from torch.testing import assert_close

from pyg_diffpool import (
    assignment_entropy,
    coarsen,
    dense_diff_pool,
    diff_pool,
    link_prediction_loss,
    prepare_adjacency,
)
from pyg_diffpool.ops.soft_assignment import soft_assignment
from pyg_diffpool.ops.sparse_product import sparse_product
from tests.problems import CORNER_CASES, leaf, make_problem

PROBLEM = CORNER_CASES["directed, signed weights"]
POSITIVE = make_problem((6, 0, 4), num_clusters=4, weights="positive", duplicates=False)
UNDIRECTED = CORNER_CASES["undirected, unit weights"]
CONVENTIONS = ["paper", "reference", "pyg"]


def weighed(out):
    """A scalar whose gradient shows every entry; no number is drawn under ``vmap``."""
    return out @ torch.arange(1, out.numel() + 1, dtype=out.dtype).cos()


def problem_of(convention):
    return POSITIVE if convention == "reference" else PROBLEM


def sparse_level(convention):
    problem = problem_of(convention)

    def function(x, s, weight):
        given = (problem.edge_index, weight, problem.batch, problem.batch_size)
        return torch.cat(
            [part.flatten() for part in diff_pool(x, s, *given, convention=convention)]
        )

    return function, (problem.x, problem.logits, problem.weight)


def dense_level(convention):
    problem = problem_of(convention)
    (x, mask), (s, _) = problem.to_dense(problem.x), problem.to_dense(problem.logits)

    def function(x, s, adj):
        return torch.cat(
            [part.flatten() for part in diff_pool(x, s, adj, mask=mask, convention=convention)]
        )

    return function, (x, s, problem.to_dense_adjacency())


def pieces(convention):
    """The other functions: coarsening, both losses, the sparse product."""
    problem = problem_of(convention)
    given = {"batch": problem.batch, "batch_size": problem.batch_size}

    def function(x, s, weight):
        s = s.softmax(-1)
        adjacency = prepare_adjacency(problem.edge_index, weight, problem.num_nodes)
        parts = (
            *coarsen(x, s, adjacency, **given),
            sparse_product(adjacency, x),
            link_prediction_loss(s, problem.edge_index, weight, **given, convention=convention),
            assignment_entropy(s, **given, convention=convention),
        )
        return torch.cat([part.flatten() for part in parts])

    return function, (problem.x, problem.logits, problem.weight)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("make", [sparse_level, dense_level, pieces])
class TestFunctions:
    def test_grad_and_jacobians(self, make, convention):
        function, inputs = make(convention)
        leaves = tuple(map(leaf, inputs))
        wanted = torch.autograd.grad(weighed(function(*leaves)), leaves)
        found = grad(lambda *inputs: weighed(function(*inputs)), (0, 1, 2))(*inputs)
        assert_close(found, wanted)
        rows = jacrev(function, (0, 1, 2))(*inputs)
        assert_close(rows, torch.autograd.functional.jacobian(function, inputs))
        assert_close(rows, torch.autograd.functional.jacobian(function, inputs, vectorize=True))
        assert_close(jacfwd(function, (0, 1, 2))(*inputs), rows)

    def test_jvp_and_forward_mode(self, make, convention):
        function, inputs = make(convention)
        tangents = tuple(torch.randn_like(value) for value in inputs)
        out, found = jvp(function, inputs, tangents)
        jacobians = jacrev(function, (0, 1, 2))(*inputs)
        wanted = sum(
            torch.tensordot(jacobian, tangent, tangent.dim())
            for jacobian, tangent in zip(jacobians, tangents, strict=True)
        )
        assert_close(out, function(*inputs))
        assert_close(found, wanted)
        with forward_ad.dual_level():
            duals = map(forward_ad.make_dual, inputs, tangents)
            assert_close(forward_ad.unpack_dual(function(*duals)).tangent, wanted)

    def test_vmap(self, make, convention):
        function, inputs = make(convention)
        copies = tuple(torch.stack([v, 0.5 * v, 0.25 * v]) for v in inputs)
        each = torch.stack([function(*one) for one in zip(*copies, strict=True)])
        assert_close(vmap(function)(*copies), each)
        slopes = grad(lambda *inputs: weighed(function(*inputs)), (0, 1, 2))
        each = [slopes(*one) for one in zip(*copies, strict=True)]
        assert_close(vmap(slopes)(*copies), tuple(map(torch.stack, zip(*each, strict=True))))
        for argument in range(3):
            axes = tuple(0 if i == argument else None for i in range(3))
            given = [copies[i] if i == argument else inputs[i] for i in range(3)]
            found = vmap(function, axes)(*given)
            assert_close(found[0], function(*inputs))

    def test_second_derivatives(self, make, convention):
        function, inputs = make(convention)

        def value(s):
            return weighed(function(inputs[0], s, inputs[2]))

        wanted = torch.autograd.functional.hessian(value, inputs[1])
        assert_close(hessian(value)(inputs[1]), wanted)


def test_numerical_forward_and_batched_gradients():
    function, inputs = sparse_level("paper")
    assert gradcheck(
        function, tuple(map(leaf, inputs)), check_forward_ad=True, check_batched_grad=True
    )


def test_pygs_function_has_a_counterpart_for_single_graphs():
    """vmap over graphs, as PyG's function allows it."""
    x, adj, s = torch.randn(5, 4, 3), torch.rand(5, 4, 4), torch.randn(5, 4, 2)
    found = vmap(dense_diff_pool)(x, adj, s)
    wanted = [torch.stack(parts) for parts in zip(*map(dense_diff_pool, x, adj, s), strict=True)]
    assert_close(found, tuple(wanted))


def test_the_structure_may_not_be_batched():
    edges = torch.stack([UNDIRECTED.edge_index] * 2)
    x, s = UNDIRECTED.x, UNDIRECTED.s
    with pytest.raises(NotImplementedError, match=r"edge_index: expected the same edges .*vmap"):
        vmap(lambda edges: coarsen(x, s, edges).x)(edges)
    batches = torch.stack([UNDIRECTED.batch] * 2)
    with pytest.raises(NotImplementedError, match=r"batch: expected the same edges .*vmap"):
        vmap(lambda batch: assignment_entropy(s, batch, 2))(batches)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_plain_operations_equal_the_kernels(dtype):
    """In every dtype: the results of one format, and of nearly the same value."""
    problem = PROBLEM
    x, s, weight = (rows.to(dtype) for rows in (problem.x, problem.s, problem.weight))

    def function(x):
        return tuple(coarsen(x, s, problem.edge_index, weight, problem.batch))

    plain, kernel = vmap(function)(x.unsqueeze(0)), function(x)
    for one, other in zip(plain, kernel, strict=True):
        assert one.dtype == other.dtype
        assert_close(one[0], other, rtol=1e-2, atol=1e-2)


FUNCTIONS = {
    "coarsen": lambda x, s, edges, batch: coarsen(x, s, edges, batch=batch)[:3],
    "diff_pool": lambda x, s, edges, batch: diff_pool(x, s, edges, batch=batch),
    "link_prediction_loss": lambda x, s, edges, batch: link_prediction_loss(s, edges, batch=batch),
    "assignment_entropy": lambda x, s, edges, batch: assignment_entropy(s, batch),
    "prepare_adjacency": lambda x, s, edges, batch: prepare_adjacency(edges).col,
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_jit_trace_is_refused_on_sparse_levels(name):
    inputs = (UNDIRECTED.x, UNDIRECTED.s, UNDIRECTED.edge_index, UNDIRECTED.batch)
    with pytest.raises(NotImplementedError, match=r"torch.jit.trace: .*torch.export.export"):
        torch.jit.trace(FUNCTIONS[name], inputs)
    adjacency = prepare_adjacency(UNDIRECTED.edge_index, num_nodes=UNDIRECTED.num_nodes)
    with pytest.raises(NotImplementedError, match=r"torch.jit.trace: .*torch.export.export"):
        torch.jit.trace(lambda x: sparse_product(adjacency, x), UNDIRECTED.x)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("name", ["dense_diff_pool", *CONVENTIONS, "soft_assignment"])
def test_jit_trace_of_dense_levels_is_right_at_other_sizes(name):
    functions = {
        "dense_diff_pool": dense_diff_pool,
        "soft_assignment": lambda x, adj, s: soft_assignment(s),
        **{
            convention: lambda x, adj, s, convention=convention: diff_pool(
                x, s, adj, convention=convention
            )
            for convention in CONVENTIONS
        },
    }
    traced = torch.jit.trace(
        functions[name], (torch.randn(2, 4, 3), torch.rand(2, 4, 4), torch.randn(2, 4, 2))
    )
    other = (torch.randn(5, 7, 3), torch.rand(5, 7, 7), torch.randn(5, 7, 2))
    assert_close(traced(*other), functions[name](*other))


@pytest.mark.parametrize("differentiated", [False, True])
def test_make_fx_records_operators_that_order_edges_themselves(differentiated):
    def function(x, s, edges):
        def value(s):
            parts = diff_pool(x, s, edges, batch=UNDIRECTED.batch, batch_size=2)
            return weighed(torch.cat([part.flatten() for part in parts]))

        return grad(value)(s) if differentiated else value(s)

    inputs = (UNDIRECTED.x, UNDIRECTED.logits, UNDIRECTED.edge_index)
    recorded = make_fx(function)(*inputs)
    shuffled = UNDIRECTED.permute_edges().edge_index.flip(0)[:, 1:]
    shuffled = torch.cat([shuffled, shuffled[:, :1]], 1)
    assert_close(recorded(*inputs[:2], shuffled), function(*inputs[:2], shuffled))
