"""SAGEConv in place of PyG's: arguments, representations, state and numbers are the same."""

import pytest
import torch
from torch.testing import assert_close
from torch_geometric import EdgeIndex
from torch_geometric.nn import LSTMAggregation, MLPAggregation
from torch_geometric.nn import SAGEConv as PyGSAGEConv
from torch_geometric.utils import to_torch_csc_tensor

from pyg_diffpool import SAGEConv, prepare_adjacency
from tests.problems import leaf, projection
from tests.versions import compiled

# Sorted by target; two nodes receive, as many as there are targets in a pair.
EDGES = torch.tensor([[0, 1, 2, 3, 3], [0, 0, 1, 1, 0]])[:, [0, 1, 4, 2, 3]]
X, Y = torch.randn(4, 8).double(), torch.randn(2, 16).double()
EXACT = {"rtol": 1e-8, "atol": 1e-8}
AGGREGATIONS = {
    **{name: {"aggr": name} for name in ("mean", "sum", "add", "max", "min", "mul", "var", "std")},
    **{name: {"aggr": name} for name in ("median", "softmax", "powermean", "lstm")},
    "semi-gradient": {"aggr": "std", "aggr_kwargs": {"semi_grad": True}},
    "learned": {"aggr": "softmax", "aggr_kwargs": {"learn": True, "t": 0.5}},
    "list": {"aggr": ["mean", "std", "max"]},
    "tuple": {"aggr": ("min", "median")},
}
MODES = {
    "cat": {},
    "proj": {"mode_kwargs": {"in_channels": 8, "out_channels": 16}},
    "attn": {"mode_kwargs": {"in_channels": 8, "out_channels": 16, "num_heads": 4}},
    "sum": {},
}


def both(in_channels, out_channels=32, **options):
    """PyG's layer and ours with its state."""
    torch.manual_seed(3)
    theirs = PyGSAGEConv(in_channels, out_channels, **options).double()
    ours = SAGEConv(in_channels, out_channels, **options).double()
    ours.load_state_dict(theirs.state_dict())
    assert str(ours) == str(theirs)
    return ours, theirs


def assert_equal(ours, theirs, x, *arguments, **options):
    """Compare outputs and gradients, also of our layer's input in other formats."""
    rows = leaf(x[0] if isinstance(x, tuple) else x)
    given = (rows, x[1]) if isinstance(x, tuple) else rows
    outputs = [conv(given, *arguments, **options) for conv in (ours, theirs)]
    assert_close(*outputs, **EXACT)
    found, wanted = (
        torch.autograd.grad(
            projection(out), (rows, *conv.parameters()), materialize_grads=True, allow_unused=True
        )
        for out, conv in zip(outputs, (ours, theirs), strict=True)
    )
    assert_close(found, wanted, **EXACT)
    return outputs[0]


@pytest.mark.parametrize("project", [False, True])
@pytest.mark.parametrize("name", AGGREGATIONS)
def test_one_set_of_nodes(name, project):
    ours, theirs = both(8, project=project, **AGGREGATIONS[name])
    out = assert_equal(ours, theirs, X, EDGES)
    assert_equal(ours, theirs, X, EDGES, size=(4, 4))
    adj_t = to_torch_csc_tensor(EDGES, size=(4, 4)).t().to(torch.float64)
    for edges in (adj_t, EdgeIndex(EDGES, sparse_size=(4, 4)), prepare_adjacency(EDGES, None, 4)):
        assert_close(ours(X, edges), out, **EXACT)


@pytest.mark.parametrize("project", [False, True])
@pytest.mark.parametrize("name", AGGREGATIONS)
def test_sources_and_targets(name, project):
    ours, theirs = both((8, 16), project=project, **AGGREGATIONS[name])
    assert "(8, 16)" in str(ours)
    out = assert_equal(ours, theirs, (X, Y), EDGES)
    assert out.shape == (2, 32)
    assert_equal(ours, theirs, (X, Y), EDGES, (4, 2))
    bare = assert_equal(ours, theirs, (X, None), EDGES, (4, 2))
    adj_t = to_torch_csc_tensor(EDGES, size=(4, 2)).t().to(torch.float64)
    for edges in (adj_t, adj_t.to_sparse_coo(), EdgeIndex(EDGES, sparse_size=(4, 2))):
        assert_close(ours((X, Y), edges), out, **EXACT)
        assert_close(ours((X, None), edges), bare, **EXACT)
    adjacency = prepare_adjacency(EDGES, num_nodes=4)
    assert_close(ours((X, Y), adjacency), out, **EXACT)
    assert_close(ours((X, None), adjacency, (4, 2)), bare, **EXACT)


def test_more_targets_than_sources_and_targets_without_a_size():
    ours, theirs = both((16, 8), aggr=["mean", "std"])
    assert_equal(ours, theirs, (Y, X), EDGES.flip(0))
    ours, theirs = both((8, 16))
    assert assert_equal(ours, theirs, (X, None), EDGES).shape == (4, 32)


@pytest.mark.sparse_tensor
@pytest.mark.parametrize("name", AGGREGATIONS)
def test_sparse_tensors(name):
    sparse = pytest.importorskip("torch_sparse")
    for in_channels, x, size in ((8, X, (4, 4)), ((8, 16), (X, Y), (4, 2)), (8, (X, None), (4, 2))):
        ours, theirs = both(in_channels, **AGGREGATIONS[name])
        adj = sparse.SparseTensor.from_edge_index(EDGES, sparse_sizes=size)
        out = ours(x, adj.t())
        assert_close(out, theirs(x, adj.t()), **EXACT)
        assert_close(out, ours(x, EDGES, size), **EXACT)


def test_weights_between_two_sets():
    conv = SAGEConv((8, 16), 4, ["mean", "std", "max", "median"]).double()
    ones = torch.ones(EDGES.size(1)).double()
    assert_close(conv((X, Y), EDGES, ones), conv((X, Y), EDGES), **EXACT)
    weight = ones * torch.tensor([1.0, 2.0, 0.5, 0.0, 3.0])
    kept = EDGES.repeat_interleave(torch.tensor([2, 4, 1, 0, 6]), 1)
    # A moment is the same for weights and for as many copies.
    moments = SAGEConv((8, 16), 4, ["mean", "std", "max"]).double()
    assert_close(moments((X, Y), EDGES, weight), moments((X, Y), kept), **EXACT)


def test_lazy_layers():
    with pytest.raises(ValueError, match="does not support lazy initialization with `project=True"):
        SAGEConv(-1, 32, project=True)
    for x, in_channels in ((X, -1), ((X, Y), (-1, -1)), ((X, Y), (8, -1))):
        torch.manual_seed(0)
        theirs = PyGSAGEConv(in_channels, 32, aggr=["mean", "max"]).double()
        ours = SAGEConv(in_channels, 32, aggr=["mean", "max"]).double()
        assert str(ours) == str(theirs)
        expected = theirs(x, EDGES)
        ours(x, EDGES)
        ours.load_state_dict(theirs.state_dict())
        assert_close(ours(x, EDGES), expected, **EXACT)


def test_an_lstm_asks_for_sorted_edges():
    conv = SAGEConv(8, 32, aggr="lstm")
    assert str(conv) == "SAGEConv(8, 32, aggr=lstm)"
    with pytest.raises(ValueError, match="'index' tensor is not sorted"):
        conv(X.float(), EDGES.flip(1))
    # A prepared adjacency is sorted, and so are the edges of a dense level.
    adjacency = prepare_adjacency(EDGES.flip(1), num_nodes=4)
    assert_close(conv(X.float(), adjacency), conv(X.float(), EDGES))
    dense = torch.zeros(1, 4, 4)
    dense[0, EDGES[0], EDGES[1]] = 1.0
    assert_close(conv(X.float().unsqueeze(0), dense)[0], conv(X.float(), EDGES))


def test_sizes_of_an_lstm_are_the_inputs_unless_given():
    options = {"num_layers": 2}
    conv = SAGEConv((8, 16), 32, aggr="lstm", aggr_kwargs=options)
    assert (conv.aggr_module.in_channels, conv.aggr_module.out_channels) == (8, 8)
    assert conv.aggr_module.lstm.num_layers == 2
    assert options == {"num_layers": 2}


def test_aggregation_modules():
    for aggregation in (
        MLPAggregation(8, 8, max_num_elements=3, num_layers=1),
        LSTMAggregation(8, 8),
    ):
        ours, theirs = both(8, aggr=aggregation)
        assert ours.aggr_module is aggregation
        assert_equal(ours, theirs, X, EDGES)


@pytest.mark.parametrize("mode", MODES)
def test_several_aggregations_in_every_mode(mode):
    options = {
        "mode": mode,
        "aggrs_kwargs": [{}, {}, {}, {"learn": True, "t": 1}],
        **MODES[mode],
    }
    names = ["mean", "max", "sum", "softmax"]
    ours, theirs = both(8, aggr=names, aggr_kwargs=options)
    assert "aggr_module.aggrs.3.t" in ours.state_dict()
    out = assert_equal(ours, theirs, X, EDGES)
    adj_t = to_torch_csc_tensor(EDGES, size=(4, 4)).t().to(torch.float64)
    assert_close(ours(X, adj_t), out, **EXACT)


@pytest.mark.parametrize("options", AGGREGATIONS.values(), ids=AGGREGATIONS)
def test_parameters_have_the_same_names(options):
    options = {"project": True, **options}
    assert SAGEConv(8, 4, **options).state_dict().keys() == (
        PyGSAGEConv(8, 4, **options).state_dict().keys()
    )


@compiled
@pytest.mark.no_cover
def test_five_aggregations_compile_without_a_break():
    conv = SAGEConv(8, 32, aggr=["mean", "sum", "min", "max", "std"]).double()
    torch._dynamo.reset()
    explanation = torch._dynamo.explain(conv)(X, EDGES)
    assert explanation.graph_break_count == 0
    fast = torch.compile(conv, backend="aot_eager", fullgraph=True)
    assert_close(fast(X, EDGES), conv(X, EDGES), **EXACT)
