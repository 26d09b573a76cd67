"""One set of weights, a sparse and a dense level: both against the oracle and PyG's operator."""

from dataclasses import replace

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.testing import assert_close
from torch_geometric.nn import MessagePassing
from torch_geometric.nn import SAGEConv as PyGSAGEConv
from torch_geometric.testing import assert_module

from pyg_diffpool import SAGEConv
from tests.formats import FORMATS, adjacency_format
from tests.oracles import sage_oracle
from tests.problems import CORNER_CASES, leaf, make_problem, on_problems, problems, projection

AGGREGATIONS = ["mean", "sum", "max", "min", "var", "std", ("mean", "std")]
EXTREMA = ("max", "min")
EXACT = {"rtol": 1e-8, "atol": 1e-8}
EDGES = torch.tensor([[0, 1], [1, 2]])
ADJ_T = torch.eye(3).to_sparse_csr()


def make_conv(in_channels, aggr="mean", out_channels=4, **options):
    torch.manual_seed(12)
    return SAGEConv(in_channels, out_channels, aggr=aggr, **options).double()


def listed(aggr):
    """Several aggregations as PyG takes them."""
    return list(aggr) if isinstance(aggr, tuple) else aggr


def expected_output(conv, problem, x, weight, aggr):
    out = conv.lin_l(sage_oracle(problem, x, weight, aggr))
    return out + conv.lin_r(x)


@pytest.mark.parametrize("aggr", AGGREGATIONS)
@on_problems()
def test_values_and_gradients_equal_the_oracle(aggr, problem):
    conv = make_conv(problem.x.size(1), aggr)
    x, weight = leaf(problem.x), leaf(problem.weight)
    inputs = (x, conv.lin_l.weight, conv.lin_l.bias, conv.lin_r.weight)
    given_weight = None if problem.edge_weight is None else weight
    if given_weight is not None and aggr not in EXTREMA:
        inputs = (*inputs, weight)
    out = conv(x, problem.edge_index, given_weight)
    expected = expected_output(conv, problem, x, weight, aggr)
    assert_close(out, expected, **EXACT)
    got = torch.autograd.grad(projection(out), inputs, materialize_grads=True)
    wanted = torch.autograd.grad(projection(expected), inputs, materialize_grads=True)
    assert_close(got, wanted, **EXACT)


@pytest.mark.parametrize("aggr", AGGREGATIONS)
@given(problem=problems())
def test_dense_level_agrees_with_the_sparse_one(aggr, problem):
    conv = make_conv(problem.x.size(1), aggr)
    x, weight = leaf(problem.x), leaf(problem.weight)
    sparse_inputs = (x,) if aggr in EXTREMA else (x, weight)
    sparse = conv(x, problem.edge_index, weight)
    sparse_gradients = torch.autograd.grad(
        projection(sparse), sparse_inputs, materialize_grads=True
    )

    dense_x, mask = problem.to_dense(x)
    dense = conv(dense_x, problem.to_dense_adjacency(weight), mask=mask)
    assert_close(dense[mask], sparse, rtol=1e-6, atol=1e-6)
    assert dense[~mask].count_nonzero() == 0
    dense_gradients = torch.autograd.grad(
        projection(dense[mask]), sparse_inputs, materialize_grads=True
    )
    assert_close(dense_gradients, sparse_gradients, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("aggr", AGGREGATIONS)
@pytest.mark.parametrize("normalize", [False, True])
def test_float32_levels_agree(aggr, normalize):
    problem = make_problem((12, 5, 1), num_features=8, edges_per_node=3.0, weights="positive")
    conv = SAGEConv(8, 16, aggr, normalize=normalize)
    sparse = conv(problem.x.float(), problem.edge_index, problem.weight.float())
    dense_x, mask = problem.to_dense(problem.x.float())
    dense = conv(dense_x, problem.to_dense_adjacency().float(), mask=mask)
    assert_close(dense[mask], sparse, rtol=1e-5, atol=1e-6)


def test_direction():
    x = torch.eye(3, dtype=torch.float64)
    conv = make_conv(3, "sum", out_channels=3, root_weight=False, bias=False)
    conv.lin_l.weight.data = torch.eye(3, dtype=torch.float64)
    edge_index = torch.tensor([[0], [2]])
    wanted = torch.zeros(3, 3, dtype=torch.float64)
    wanted[2, 0] = 1.0  # node 2 hears from node 0
    assert_close(conv(x, edge_index), wanted)
    adjacency = wanted.t().unsqueeze(0)
    assert_close(conv(x.unsqueeze(0), adjacency)[0], wanted)


@pytest.mark.parametrize("options", [{}, {"normalize": True}, {"root_weight": False}])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("aggr", AGGREGATIONS)
def test_loads_the_state_of_pygs_operator_and_equals_it(aggr, bias, options):
    problem = make_problem((6, 1, 4), num_features=8, weights="none", duplicates=False)
    theirs = PyGSAGEConv(8, 16, aggr=listed(aggr), bias=bias, **options).double()
    ours = SAGEConv(8, 16, aggr=aggr, bias=bias, **options).double()
    ours.load_state_dict(theirs.state_dict())
    x = leaf(problem.x)
    out, wanted = ours(x, problem.edge_index), theirs(x, problem.edge_index)
    assert_close(out, wanted, **EXACT)
    assert_close(
        torch.autograd.grad(projection(out), x), torch.autograd.grad(projection(wanted), x), **EXACT
    )


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=10)
@given(problem=problems(), aggr=st.sampled_from(AGGREGATIONS))
def test_adjacency_formats_agree(name, problem, aggr):
    assume(problem.num_nodes > 0)
    conv = make_conv(problem.x.size(1), aggr)
    edge_index, edge_weight = adjacency_format(problem, name)
    expected = expected_output(conv, problem, problem.x, problem.weight, aggr)
    assert_close(conv(problem.x, edge_index, edge_weight), expected, **EXACT)


@pytest.mark.sparse_tensor
@pytest.mark.parametrize("aggr", AGGREGATIONS)
def test_sparse_tensor_agrees(aggr):
    pytest.importorskip("torch_sparse")
    problem = CORNER_CASES["directed, signed weights"]
    conv = make_conv(problem.x.size(1), aggr)
    edge_index, _ = adjacency_format(problem, "SparseTensor")
    expected = expected_output(conv, problem, problem.x, problem.weight, aggr)
    assert_close(conv(problem.x, edge_index), expected, **EXACT)


@pytest.mark.parametrize("aggr", ["mean", "sum", "var", "std", ("mean", "std", "sum")])
def test_gradcheck(aggr):
    problem = make_problem((4, 2), weights="positive", edges_per_node=2.5)
    conv = make_conv(2, aggr, normalize=True)
    inputs = (leaf(problem.x), leaf(problem.weight))
    assert torch.autograd.gradcheck(lambda x, w: conv(x, problem.edge_index, w), inputs)

    dense_x, mask = problem.to_dense(problem.x)
    # The deviation of a single neighbour jumps from zero where there is some more.
    adjacency = problem.to_dense_adjacency() + (0.5 if "std" in aggr else 0.0)
    dense = (leaf(dense_x), leaf(adjacency))
    assert torch.autograd.gradcheck(lambda x, adj: conv(x, adj, mask=mask)[mask], dense)


@pytest.mark.parametrize("aggr", [*EXTREMA, EXTREMA])
def test_gradcheck_of_extrema(aggr):
    problem = make_problem((4, 2), weights="positive", edges_per_node=2.5)
    conv = make_conv(2, aggr)
    weight = problem.weight
    assert torch.autograd.gradcheck(
        lambda x: conv(x, problem.edge_index, weight), (leaf(problem.x),)
    )


@pytest.mark.parametrize("aggr", AGGREGATIONS)
def test_zero_sums_and_isolated_nodes_aggregate_to_zero(aggr):
    # Node 1's two weights cancel; node 2's only edge weighs nothing; node 3 has no edge.
    edge_index = torch.tensor([[0, 2, 0], [1, 1, 2]])
    weight = torch.tensor([0.5, -0.5, 0.0], dtype=torch.float64, requires_grad=True)
    problem = replace(make_problem((4,)), edge_index=edge_index, edge_weight=weight.detach())
    conv = make_conv(2, aggr, bias=False, root_weight=False)
    out = conv(problem.x, edge_index, weight)
    dense = conv(problem.x.unsqueeze(0), problem.to_dense_adjacency())[0]
    assert_close(out, dense, **EXACT)
    assert out[[0, 2, 3]].count_nonzero() == 0
    if aggr not in ("sum", *EXTREMA):
        assert out[1].count_nonzero() == 0
    if aggr not in EXTREMA:
        out.sum().backward()
        assert weight.grad.isfinite().all()


@pytest.mark.parametrize("aggr", [*AGGREGATIONS, "median", "softmax"])
def test_without_edges(aggr):
    conv = make_conv(2, aggr)
    x = torch.randn(3, 2, dtype=torch.float64)
    no_edges = torch.empty(2, 0, dtype=torch.long)
    assert_close(conv(x, no_edges), conv.lin_l.bias + conv.lin_r(x), **EXACT)
    assert conv(x[:0], no_edges).shape == (0, 4)


@pytest.mark.parametrize("fill", [float("nan"), float("inf"), 5.0])
@pytest.mark.parametrize("aggr", AGGREGATIONS)
def test_masked_rows_are_zero_and_nobodys_neighbours(aggr, fill):
    problem = make_problem((5, 0, 2), edges_per_node=2.5, weights="positive")
    conv = make_conv(2, aggr, normalize=True)
    x, mask = problem.to_dense(problem.x, 7, fill)
    x = leaf(x)
    adjacency = leaf(problem.to_dense_adjacency(max_num_nodes=7, fill=fill))
    out = conv(x, adjacency, mask=mask)
    expected = conv(problem.x, problem.edge_index, problem.weight)
    assert_close(out[mask], expected, **EXACT)
    assert out[~mask].count_nonzero() == 0

    inputs = (x, adjacency)
    options = {"materialize_grads": True, "retain_graph": True}
    for gradient in torch.autograd.grad(projection(out), inputs, **options):
        assert gradient.isfinite().all()
        assert gradient[~mask].count_nonzero() == 0
    weights = tuple(conv.parameters())
    got = torch.autograd.grad(projection(out[mask]), weights)
    assert_close(got, torch.autograd.grad(projection(expected), weights), **EXACT)


@pytest.mark.parametrize("aggr", AGGREGATIONS)
def test_pygs_module_test(aggr):
    x = torch.randn(4, 8)
    edge_index = torch.tensor([[0, 1, 2, 3, 0], [0, 0, 1, 1, 3]])
    assert_module(SAGEConv(8, 16, aggr), x, edge_index, expected_size=(4, 16), atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("aggr", AGGREGATIONS)
def test_reduced_precision(aggr, dtype):
    problem = make_problem((8, 3), weights="positive")
    conv = SAGEConv(2, 4, aggr).to(dtype)
    out = conv(problem.x.to(dtype), problem.edge_index, problem.weight.to(dtype))
    exact = SAGEConv(2, 4, aggr).double()
    exact.load_state_dict(conv.state_dict())
    expected = exact(problem.x, problem.edge_index, problem.weight)
    assert out.dtype == dtype
    assert (out - expected).norm() <= 3e-2 * expected.norm()


def test_repr_and_class():
    conv = SAGEConv(8, 16)
    assert str(conv) == "SAGEConv(8, 16, aggr=mean)"
    assert str(SAGEConv(8, 16, aggr="max")) == "SAGEConv(8, 16, aggr=max)"
    assert isinstance(conv, MessagePassing)


def test_add_is_pygs_other_name_for_sum():
    conv, other = make_conv(2, "add"), make_conv(2, "sum")
    x = torch.randn(3, 2).double()
    assert torch.equal(conv(x, EDGES), other(x, EDGES))
    assert str(conv) == str(PyGSAGEConv(2, 4, aggr="add")) == "SAGEConv(2, 4, aggr=add)"


@pytest.mark.parametrize("in_channels", [(-1, -1), [-1, -1], (2, 2)])
def test_a_pair_of_sizes(in_channels):
    theirs = PyGSAGEConv(in_channels, 4)
    ours = SAGEConv(in_channels, 4)
    x = torch.randn(3, 2)
    theirs(x, EDGES)
    assert ours(x, EDGES).shape == (3, 4)
    ours.load_state_dict(theirs.state_dict())
    assert_close(ours(x, EDGES), theirs(x, EDGES))
    assert str(ours) == str(theirs)


def test_reset_parameters():
    conv = SAGEConv(8, 16)
    before = {name: value.clone() for name, value in conv.state_dict().items()}
    conv.reset_parameters()
    assert before.keys() == conv.state_dict().keys()
    for name, value in conv.state_dict().items():
        assert not torch.equal(value, before[name]), name


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("aggr", lambda: SAGEConv(2, 4, aggr="medium")),
        ("aggr", lambda: SAGEConv(2, 4, aggr=None)),
        ("aggr", lambda: SAGEConv(2, 4, aggr=[])),
        ("aggr", lambda: SAGEConv(2, 4, aggr="median", aggr_kwargs={"median": 1})),
        ("flow", lambda: SAGEConv(2, 4, flow="down")),
        ("node_dim", lambda: SAGEConv(2, 4, node_dim=1)),
        ("in_channels", lambda: SAGEConv((2, 2, 2), 4)),
        ("in_channels", lambda: SAGEConv(-2, 4)),
        ("in_channels", lambda: SAGEConv("2", 4)),
        ("in_channels", lambda: SAGEConv((), 4)),
        ("edge_weight", lambda: SAGEConv(2, 4)(torch.randn(3, 2), EDGES, torch.ones(5))),
        ("edge_weight", lambda: SAGEConv(2, 4)(torch.randn(3, 2), ADJ_T, torch.ones(9))),
        (
            "edge_weight",
            lambda: SAGEConv(2, 4)(torch.randn(1, 3, 2), torch.ones(1, 3, 3), torch.ones(5)),
        ),
        ("x", lambda: SAGEConv(2, 4)((torch.randn(3, 2),), EDGES)),
        ("size", lambda: SAGEConv(2, 4)(torch.randn(3, 2), EDGES, size=(3, 4))),
        ("size", lambda: SAGEConv(2, 4)(torch.randn(3, 2), EDGES, size=3)),
        ("size", lambda: SAGEConv(2, 4)(torch.randn(3, 2), EDGES, (3, 3), size=(3, 3))),
        ("size", lambda: SAGEConv(2, 4)(torch.randn(1, 3, 2), torch.ones(1, 3, 3), (3, 3))),
        (
            "mask",
            lambda: SAGEConv(2, 4)(
                torch.randn(1, 3, 2), torch.ones(1, 3, 3), mask=torch.ones(1, 2, dtype=torch.bool)
            ),
        ),
    ],
)
def test_bad_input_names_the_argument(name, call):
    with pytest.raises((ValueError, TypeError), match=rf"\b{name}\b"):
        call()


@pytest.mark.parametrize("aggr", ["mean", "median", ("mean", "std")])
def test_target_to_source_reverses_the_edges(aggr):
    problem = make_problem((5, 3), edges_per_node=2.5, weights="positive")
    weight, reverse = problem.edge_weight, make_conv(2, aggr, flow="target_to_source")
    conv = make_conv(2, aggr)
    expected = conv(problem.x, problem.edge_index.flip(0), weight)
    assert_close(reverse(problem.x, problem.edge_index, weight), expected, **EXACT)
    x, mask = problem.to_dense(problem.x)
    dense = reverse(x, problem.to_dense_adjacency(weight), mask=mask)[mask]
    if aggr != "median":  # A median tells duplicates from one edge of their sum.
        assert_close(dense, expected, **EXACT)
    theirs = PyGSAGEConv(2, 4, aggr=listed(aggr), flow="target_to_source").double()
    theirs.load_state_dict(reverse.state_dict())
    arguments = problem.x, problem.edge_index
    assert_close(reverse(*arguments), theirs(*arguments), **EXACT)
    for wrong in (((problem.x, problem.x[:2]), EDGES), (problem.x, torch.eye(8).to_sparse_csr())):
        with pytest.raises(ValueError, match="target_to_source"):
            reverse(*wrong)


@pytest.mark.parametrize("aggr", ["softmax", "powermean", ["softmax", "mean"]])
def test_other_aggregations_of_a_dense_level_go_through_its_weighted_edges(aggr):
    problem = make_problem((5, 0, 1, 3), edges_per_node=2.0, weights="positive", duplicates=False)
    conv = make_conv(2, aggr, project=True)
    x, weight = leaf(problem.x), leaf(problem.edge_weight)
    sparse = conv(x, problem.edge_index, weight)
    dense_x, mask = problem.to_dense(x, 6, fill=torch.nan)
    dense = conv(dense_x, problem.to_dense_adjacency(weight, 6, fill=5.0), mask=mask)
    assert_close(dense[mask], sparse, **EXACT)
    assert dense[~mask].count_nonzero() == 0
    gradients = [torch.autograd.grad(projection(out), (x, weight)) for out in (sparse, dense[mask])]
    assert_close(*gradients, **EXACT)
