"""``torch.compile`` without graph breaks, and ``torch.export``, on batches of varying sizes."""

import io

import pytest
import torch
from torch import Tensor
from torch._dynamo.testing import CompileCounterWithBackend
from torch.export import Dim
from torch.testing import assert_close
from torch.utils._pytree import tree_leaves

from pyg_diffpool import (
    DiffPool,
    DiffPoolNet,
    SAGEConv,
    coarsen,
    diff_pool,
    link_prediction_loss,
    prepare_adjacency,
)
from tests.problems import Problem, make_problem
from tests.versions import compiled, exported

# Tracing takes minutes longer under coverage.
pytestmark = pytest.mark.no_cover

# Like an epoch: sizes vary, and the last batch is smaller.
EPOCH = [(5, 3, 4, 2), (2, 7, 1, 3), (1, 1, 9, 4), (6, 0, 2, 5), (8, 8, 3, 7), (4, 3)]
MOST_COMPILATIONS = 3


def some_graphs(sizes, seed, directed) -> Problem:
    weights = "positive" if directed else "none"
    return make_problem(sizes, num_features=3, directed=directed, weights=weights, seed=seed)


def differentiable(result) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor) and leaf.requires_grad]


def run(function, problem: Problem, module) -> tuple[list[Tensor], list[Tensor]]:
    """Return results, and gradients for rows, logits, weights and parameters."""
    # Modules in float64: batch normalisation of a few rows magnifies rounding.
    dtype = torch.float32 if module is None else next(module.parameters()).dtype
    rows = [problem.x, problem.logits]
    if problem.edge_weight is not None:
        rows.append(problem.edge_weight)
    inputs = [tensor.to(dtype).requires_grad_() for tensor in rows]
    x, logits, weight = (*inputs, None)[:3]
    parameters = [] if module is None else list(module.parameters())
    results = differentiable(
        function(x, logits, problem.edge_index, weight, problem.batch, problem.batch_size)
    )
    total = sum((k + 1) * result.float().square().sum() for k, result in enumerate(results))
    found = torch.autograd.grad(total, [*inputs, *parameters], allow_unused=True)
    gradients = [torch.zeros(()) if grad is None else grad for grad in found]
    return [result.detach() for result in results], gradients


def by_coarsen(x, logits, edge_index, weight, batch, batch_size):
    return coarsen(x, logits, edge_index, weight, batch, batch_size)


def by_diff_pool(convention):
    def function(x, logits, edge_index, weight, batch, batch_size):
        if convention == "reference" and weight is not None:
            weight = weight.sigmoid()  # weights are probabilities there
        return diff_pool(x, logits, edge_index, weight, batch, batch_size, convention=convention)

    return function


def without_batch_size(x, logits, edge_index, weight, batch, batch_size):
    return diff_pool(x, logits, edge_index, weight, batch)


def by_prepared_adjacency(x, logits, edge_index, weight, batch, batch_size):
    return diff_pool(x, logits, edge_index, None, batch, batch_size)


def of_module(module):
    def function(x, logits, edge_index, weight, batch, batch_size):
        if isinstance(module, SAGEConv):
            return module(x, edge_index, weight)
        out = module(x, edge_index, weight, batch, batch_size)
        return (out.logits, out.loss) if isinstance(module, DiffPoolNet) else out

    return function


def small_net(ratio=None, max_clusters=(3, 2), **options):
    return DiffPoolNet(
        3, 4, 2, max_clusters=max_clusters, ratio=ratio, num_layers=1, num_layers_after=1, **options
    )


READ_OUT = {
    "readout": ("max", "mean", "sum"),
    "readout_norm": "batch",
    "sum_scale": "asinh",
    "skip_input": True,
    "residual": True,
    "fully_adjacent": True,
}


MODULES = {
    "SAGEConv, mean": lambda: SAGEConv(3, 4, normalize=True),
    "SAGEConv, max": lambda: SAGEConv(3, 4, "max"),
    "DiffPool": lambda: DiffPool(SAGEConv(3, 4), SAGEConv(3, 3), max_clusters=3),
    "DiffPoolNet": small_net,
    "DiffPoolNet, ratio": lambda: small_net(ratio=0.5, max_clusters=(3,)),
    "DiffPoolNet, all read out": lambda: small_net(max_clusters=(3,), **READ_OUT),
    "DiffPoolNet, flat, all read out": lambda: small_net(max_clusters=(), **READ_OUT),
}
FUNCTIONS = {
    "coarsen": by_coarsen,
    "diff_pool, paper": by_diff_pool("paper"),
    "diff_pool, pyg": by_diff_pool("pyg"),
    "diff_pool, reference": by_diff_pool("reference"),
    "diff_pool without batch_size": without_batch_size,
}


def assert_compiles(function, problems, module=None, backend="aot_eager"):
    torch._dynamo.reset()
    counter = CompileCounterWithBackend(backend)
    compiled = torch.compile(function, backend=counter, fullgraph=True, dynamic=True)
    for problem in problems:
        for found, expected in zip(
            run(compiled, problem, module), run(function, problem, module), strict=True
        ):
            assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert 1 <= counter.frame_count <= MOST_COMPILATIONS


@compiled
@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_compile(name, directed):
    problems = [some_graphs(sizes, seed, directed) for seed, sizes in enumerate(EPOCH)]
    assert_compiles(FUNCTIONS[name], problems)


@compiled
@pytest.mark.parametrize("name", MODULES)
def test_modules_compile(name):
    torch.manual_seed(0)
    module = MODULES[name]().double()
    directed = name.startswith("SAGEConv")
    problems = [some_graphs(sizes, seed, directed) for seed, sizes in enumerate(EPOCH)]
    # Dynamo alone for the largest graphs: their operators' backward passes compile above.
    backend = "eager" if name.startswith("DiffPoolNet") else "aot_eager"
    assert_compiles(of_module(module), problems, module, backend)


@compiled
def test_a_prepared_adjacency_compiles():
    problems = [some_graphs(sizes, seed, False) for seed, sizes in enumerate(EPOCH)]

    prepared = []
    for problem in problems:
        adjacency = prepare_adjacency(problem.edge_index, num_nodes=problem.num_nodes)
        prepared.append(_With(problem, adjacency))
    assert_compiles(by_prepared_adjacency, prepared)


class _With:
    """A problem whose edges are given in another form."""

    def __init__(self, problem: Problem, edge_index):
        self.problem, self.edge_index = problem, edge_index

    def __getattr__(self, name):
        return getattr(self.problem, name)


@compiled
def test_inductor_generates_code_that_agrees():
    problems = [some_graphs(sizes, seed, False) for seed, sizes in enumerate(EPOCH[:2])]
    assert_compiles(by_diff_pool("paper"), problems, backend="inductor")


@compiled
def test_errors_are_raised_in_compiled_code_too():
    torch._dynamo.reset()
    compiled = torch.compile(by_coarsen, backend="eager", fullgraph=True, dynamic=True)
    problem = some_graphs((3, 2), 0, False)
    x, s = problem.x, problem.s
    with pytest.raises(ValueError, match="edge_index: expected indices from 0 to 4, got 0 to 9"):
        compiled(x, s, torch.tensor([[0, 1], [1, 9]]), None, problem.batch, 2)
    with pytest.raises(ValueError, match="edge_index: expected edges within one graph"):
        compiled(x, s, torch.tensor([[0, 1], [1, 4]]), None, problem.batch, 2)
    torch._dynamo.reset()
    compiled = torch.compile(link_prediction_loss, backend="eager", fullgraph=True, dynamic=True)
    weight = torch.full((problem.edge_index.size(1),), 1.5)
    with pytest.raises(ValueError, match=r"edge_weight: expected weights within \[0, 1\]"):
        compiled(s, problem.edge_index, weight, problem.batch, 2, convention="reference")


@exported
@pytest.mark.parametrize(
    ("settings", "with_batch_size"),
    [
        ({}, False),
        ({"ratio": 0.5}, True),
        ({"max_clusters": (3,), **READ_OUT}, True),
        ({"convention": "pyg"}, True),
        ({"convention": "reference"}, True),
    ],
)
def test_a_trained_network_survives_export(settings, with_batch_size):
    torch.manual_seed(0)
    net = small_net(**settings)
    for seed, sizes in enumerate(EPOCH[:3]):
        problem = some_graphs(sizes, seed, False)
        net(problem.x.float(), problem.edge_index, None, problem.batch)  # moves BatchNorm
    net.eval()

    def arguments(problem):
        size = (problem.batch_size,) if with_batch_size else ()
        return (problem.x.float(), problem.edge_index, None, problem.batch, *size)

    shapes = [{0: Dim.DYNAMIC}, {1: Dim.DYNAMIC}, None, {0: Dim.DYNAMIC}, Dim.DYNAMIC]
    example = arguments(some_graphs(EPOCH[0], 0, False))
    program = torch.export.export(net, example, dynamic_shapes=tuple(shapes[: len(example)]))
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    loaded = torch.export.load(file).module()
    for seed, sizes in enumerate([(4, 2), (3, 3, 3, 3, 3), *EPOCH]):
        problem = some_graphs(sizes, seed, False)
        expected, found = net(*arguments(problem)), loaded(*arguments(problem))
        assert_close(found.logits, expected.logits)
        assert_close(found.loss, expected.loss)
        assert_close(found.levels[0].adj, expected.levels[0].adj)
