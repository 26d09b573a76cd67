"""Plain ``torch.compile``, without flags: no graph breaks, and few compilations."""

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend
from torch._dynamo.utils import counters
from torch.nn import Linear
from torch.testing import assert_close
from torch.utils._pytree import tree_leaves
from torch_geometric.nn import GINEConv

from pyg_diffpool import (
    AnnealedTemperature,
    DiffPool,
    DiffPoolNet,
    DiffPoolUNet,
    DMoNPooling,
    GNNBlock,
    SAGEConv,
    assignment_entropy,
    balance_loss,
    coarsen,
    coarsen_edges,
    collapse_loss,
    cut_loss,
    diff_pool,
    link_prediction_loss,
    mincut_pool,
    modularity_loss,
    orthogonality_loss,
    prepare_adjacency,
)
from pyg_diffpool.ops.objectives import OBJECTIVES
from tests.problems import make_problem
from tests.versions import compiled

# Tracing takes minutes longer under coverage.
pytestmark = pytest.mark.no_cover

# All but the last batch have as many graphs, as in an epoch.
EPOCH = [(5, 3, 4, 2), (2, 7, 1, 3), (3, 1, 9, 4), (4, 3)]
MOST_COMPILATIONS = 3
CONVENTIONS = ("paper", "pyg", "reference")


def of_edges(problem, form):
    """The edges of a problem in one of the forms that they may come in."""
    if form == "edges":
        return problem.edge_index
    adjacency = prepare_adjacency(problem.edge_index, num_nodes=problem.num_nodes)
    if form == "Adjacency":
        return adjacency
    weight = adjacency.weight
    csr = torch.sparse_csr_tensor(
        adjacency.rowptr,
        adjacency.col,
        torch.ones(adjacency.col.numel()) if weight is None else weight,
        (problem.num_nodes, problem.num_nodes),
    )
    return prepare_adjacency(csr) if form == "prepared CSR" else csr


def of_function(function, rows, **options):
    """Call an operator on the rows of a problem that it takes."""

    def make():
        def call(problem, edges, **sizes):
            given = [getattr(problem, name).float() for name in rows]
            edges = [] if function is assignment_entropy else [edges, None]
            return (*given, *edges, problem.batch, problem.batch_size), {**options, **sizes}

        return function, call

    return make


def of_edge_features(make_function, rows):
    """Call a function on a problem whose edges have two features."""

    def make():
        def call(problem, edges, **sizes):
            attr = torch.stack([edges[0], edges[1]], 1).float()
            given = {"edge_attr": attr, "batch": problem.batch, "batch_size": problem.batch_size}
            return (getattr(problem, rows).float(), edges), {**given, **sizes}

        return make_function(), call

    return make


def of_module(make_module):
    """Call a module on a problem."""

    def make():
        def call(problem, edges, **sizes):
            if isinstance(module, (SAGEConv, GNNBlock)):
                return (problem.x.float(), edges), {}
            return (problem.x.float(), edges, None, problem.batch, problem.batch_size), sizes

        module = make_module()
        return module, call

    return make


def overlap(pooling):
    gram = pooling.coarsening.gram
    return gram.sum((1, 2)) - gram.diagonal(dim1=1, dim2=2).sum(1)


def pool(**options):
    return DiffPool(GNNBlock(3, 4, 4, 1), SAGEConv(3, 3), max_clusters=3, **options)


def net(**options):
    return DiffPoolNet(
        3, 4, 2, max_clusters=[3, 2], num_layers=1, num_layers_after=1, dropout=0.0, **options
    )


ALL_OBJECTIVES = dict.fromkeys(OBJECTIVES, 1.0) | {"overlap": (overlap, 1.0)}
SMALL = {
    "coarsen": of_function(coarsen, ("x", "s")),
    "coarsen, normalised": of_function(coarsen, ("x", "s"), normalize_adj=True),
    "coarsen_edges": of_edge_features(lambda: coarsen_edges, "s"),
    "DiffPool, edge features": of_edge_features(
        lambda: DiffPool(GINEConv(Linear(3, 4), edge_dim=2), SAGEConv(3, 3), max_clusters=3), "x"
    ),
    "mincut_pool": of_function(mincut_pool, ("x", "logits")),
    "DMoNPooling": of_module(lambda: DMoNPooling(3, 3)),
    **{
        function.__name__: of_function(function, ("s",))
        for function in (
            balance_loss,
            collapse_loss,
            cut_loss,
            modularity_loss,
            orthogonality_loss,
        )
    },
    "SAGEConv": of_module(lambda: SAGEConv(3, 4)),
    **{
        f"SAGEConv, {name}": of_module(lambda name=name: SAGEConv(3, 4, aggr=name))
        for name in ("sum", "max", "min", "var", "std")
    },
    "SAGEConv, several": of_module(
        lambda: SAGEConv(3, 4, aggr=["mean", "sum", "min", "max", "std"], project=True)
    ),
    "SAGEConv, by messages": of_module(lambda: SAGEConv(3, 4, aggr=["mean", "softmax"])),
    "GNNBlock": of_module(lambda: GNNBlock(3, 4, 4, 2)),
    "GNNBlock, several": of_module(lambda: GNNBlock(3, 4, 4, 2, aggr=("mean", "std"))),
    "DiffPool": of_module(pool),
    "DiffPool, ratio": of_module(lambda: pool(ratio=0.5)),
    "DiffPool, all objectives": of_module(lambda: pool(ratio=0.5, objectives=ALL_OBJECTIVES)),
    **{
        f"DiffPool, {name}": of_module(lambda name=name: pool(ratio=0.5, assignment=name))
        for name in ("sparsemax", "entmax15", "straight-through")
    },
    "DiffPool, annealed": of_module(lambda: pool(temperature=AnnealedTemperature())),
    **{
        f"{function.__name__}, {convention}": of_function(function, rows, convention=convention)
        for function, rows in (
            (diff_pool, ("x", "logits")),
            (link_prediction_loss, ("s",)),
            (assignment_entropy, ("s",)),
        )
        for convention in CONVENTIONS
    },
}
SPARSE = {"ratio": 0.5, "assignment": "sparsemax", "sparse_level": True}
NETWORKS = {
    "DiffPoolUNet": of_module(lambda: DiffPoolUNet(3, 4, 2, max_clusters=[3, 2], num_layers=1)),
    "DiffPoolNet": of_module(net),
    "DiffPoolNet, several aggregations": of_module(lambda: net(aggr=("mean", "std", "max"))),
    "DiffPoolNet, ratio": of_module(lambda: net(ratio=0.5)),
    "DiffPoolNet, objectives": of_module(
        lambda: net(objectives={"cut": 1.0, "orthogonality": 1.0, "modularity": 0.5})
    ),
    "DiffPoolNet, pyg": of_module(lambda: net(convention="pyg")),
    "DiffPoolNet.paper": of_module(lambda: DiffPoolNet.paper(3, 4, 2, [3])),
    "DiffPoolNet.reference": of_module(lambda: DiffPoolNet.reference(3, 4, 2, [3])),
}
ALL = {**SMALL, **NETWORKS}
PREPARED = (
    *("coarsen", "diff_pool, reference", "GNNBlock", "DiffPool", "DiffPoolNet"),
    *("SAGEConv, several", "GNNBlock, several"),
)


def assert_equal(found, expected):
    for ours, theirs in zip(tree_leaves(found), tree_leaves(expected), strict=True):
        assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.fixture(autouse=True)
def _fresh_compiler():
    torch.manual_seed(0)
    torch._dynamo.reset()
    counters.clear()


@compiled
@pytest.mark.parametrize(
    ("name", "form"),
    [
        *((n, "edges") for n in ALL),
        *((n, "Adjacency") for n in PREPARED),
        ("GNNBlock", "prepared CSR"),
    ],
)
def test_there_is_no_graph_break(name, form):
    function, call = ALL[name]()
    problem = make_problem(EPOCH[0], num_features=3, seed=0)
    arguments, options = call(problem, of_edges(problem, form))
    explanation = torch._dynamo.explain(function)(*arguments, **options)
    assert explanation.graph_break_count == 0, explanation.break_reasons
    assert explanation.graph_count == 1


@compiled
@pytest.mark.parametrize(
    ("name", "with_width"),
    [
        ("coarsen", False),
        ("diff_pool, paper", False),
        ("diff_pool, pyg", True),
        ("diff_pool, reference", False),
        ("GNNBlock", False),
        ("SAGEConv, several", False),
        ("DiffPool, ratio", True),
        ("DiffPool, entmax15", True),
        ("DiffPool, all objectives", True),
        ("cut_loss", False),
    ],
)
def test_an_epoch_compiles_at_most_three_times(name, with_width):
    function, call = SMALL[name]()
    counter = CompileCounterWithBackend("eager")
    fast = torch.compile(function, backend=counter)
    for seed, sizes in enumerate(EPOCH):
        problem = make_problem(sizes, num_features=3, seed=seed)
        width = {"max_num_nodes": max(sizes)} if with_width else {}
        arguments, options = call(problem, problem.edge_index, **width)
        assert_equal(fast(*arguments, **options), function(*arguments, **options))
    assert 1 <= counter.frame_count <= MOST_COMPILATIONS
    assert not counters["graph_break"]


@compiled
@pytest.mark.parametrize("name", ["coarsen", "GNNBlock"])
def test_a_sparse_tensor_is_read_outside_the_graph(name):
    # PyTorch records nothing of a sparse tensor: the graph breaks, and results stay right.
    function, call = SMALL[name]()
    problem = make_problem(EPOCH[0], num_features=3, seed=0)
    arguments, options = call(problem, of_edges(problem, "CSR"))
    fast = torch.compile(function, backend="eager")
    assert_equal(fast(*arguments, **options), function(*arguments, **options))


@compiled
@pytest.mark.parametrize("make", [pool, net])
def test_sparse_pooled_levels_run_outside_the_graph(make):
    # Their shapes depend on values: the graph breaks at each pooling, and results stay right.
    function, call = of_module(lambda: make(**SPARSE))()
    fast = torch.compile(function, backend="eager")
    for seed, sizes in enumerate(EPOCH[:2]):
        problem = make_problem(sizes, num_features=3, seed=seed)
        arguments, options = call(problem, problem.edge_index)
        found, wanted = fast(*arguments, **options), function(*arguments, **options)
        assert_equal([found[0], found.loss], [wanted[0], wanted.loss])
    assert counters["graph_break"]
    torch._dynamo.reset()
    with pytest.raises(Exception, match="sparse_pool"):
        torch.compile(function, backend="eager", fullgraph=True)(*arguments, **options)


@compiled
def test_without_batch_size_results_are_the_same():
    function, call = ALL["diff_pool, paper"]()
    fast = torch.compile(function, backend="eager")
    for seed, sizes in enumerate(EPOCH[:2]):
        problem = make_problem(sizes, num_features=3, seed=seed)
        arguments, options = call(problem, problem.edge_index)
        arguments = arguments[:-1]
        assert_equal(fast(*arguments, **options), function(*arguments, **options))
