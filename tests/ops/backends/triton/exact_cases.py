"""Squared distances by GPU kernels against float64, graphs near their optimum among others.

Run by ``test_programs.py``, as ``cases.py`` is.
"""

import pytest
import torch

from pyg_diffpool import diff_pool, prepare_adjacency
from pyg_diffpool.ops.backends.triton import exact as exact_kernels
from pyg_diffpool.ops.backends.triton import softmax as softmax_kernels
from pyg_diffpool.ops.contract.distance import NEAR_OPTIMUM
from pyg_diffpool.ops.segments import segments
from pyg_diffpool.ops.soft_assignment import soft_assignment_and_entropy
from tests.ops.backends.triton.cases import DEVICE, assert_nothing_waits
from tests.oracles import coarsen_oracle, link_oracle
from tests.problems import CORNER_CASES, Problem, make_problem

PROBLEMS = {
    **{name: problem for name, problem in CORNER_CASES.items() if problem.num_nodes > 0},
    "many clusters": make_problem((20, 0, 9), num_clusters=37, duplicates=True),
    "weighted duplicates": make_problem((30, 5), duplicates=True, weights="signed"),
    "undirected": make_problem((30, 5, 0), directed=False, weights="none"),
}


def cliques(*sizes: int, miss: float, weight: float | None = None) -> Problem:
    """Graphs of three cliques with loops, whose logits nearly predict them, one graph apart."""
    source, target, logits, first = [], [], [], 0
    for size in sizes:
        of_node = torch.arange(size) % 3
        edges = (of_node.unsqueeze(1) == of_node).nonzero().t() + first
        source.append(edges[0]), target.append(edges[1])
        logits.append(torch.nn.functional.one_hot(of_node, 5).double() / miss)
        first += size
    edges = torch.stack([torch.cat(source), torch.cat(target)])
    edge_weight = None if weight is None else torch.full((edges.size(1),), weight).double()
    x = torch.randn(first, 2, dtype=torch.float64)
    logits = torch.cat(logits)
    logits[-sizes[-1] :] *= 0.01
    return Problem(sizes, x, logits, edges, edge_weight)


NEAR = {
    "cliques": cliques(15, 7, 9, miss=0.09),
    "weighted cliques": cliques(9, 12, miss=0.09, weight=1.001),
    "halves of edges": cliques(10, 4, miss=0.08),
}


@pytest.fixture(autouse=True)
def kernels_here(monkeypatch):
    """Let the operators take the kernels, on a CPU the interpreted ones."""
    if DEVICE == "cpu":
        monkeypatch.setattr(softmax_kernels, "has_kernels", lambda s: s.dtype == torch.float32)
    torch.use_deterministic_algorithms(DEVICE == "cpu")
    yield
    torch.use_deterministic_algorithms(False)


def edges_of(problem, twice=False):
    """Edges and weights in float32; twice: each edge as two halves, side by side."""
    edges, weight = problem.edge_index, problem.edge_weight
    if weight is not None:
        weight = weight.float()
    if twice:
        halves = torch.ones(edges.size(1)) if weight is None else weight
        edges, weight = edges.repeat_interleave(2, 1), halves.repeat_interleave(2) / 2
    return edges.to(DEVICE), None if weight is None else weight.to(DEVICE)


def prepared(problem, twice=False):
    """Edges as a GPU prepares them: sorted, with duplicates side by side."""
    edges, weight = edges_of(problem, twice)
    order = (edges[1] * problem.num_nodes + edges[0]).sort(stable=True)[1]
    edges, weight = edges[:, order], None if weight is None else weight[order]
    adjacency = prepare_adjacency(edges, weight, problem.num_nodes)
    ptr = torch.searchsorted(edges[1].contiguous(), torch.arange(problem.num_nodes + 1).to(DEVICE))
    return adjacency._replace(
        rowptr=ptr, col=edges[0], target=edges[1], weight=weight, undirected=False,
        transposed=edges[0].sort(stable=True)[1], coalesced=False,
    )  # fmt: skip


def squared_of(problem, twice=False, threshold=NEAR_OPTIMUM):
    s = problem.logits.softmax(-1).float()
    adjacency = prepared(problem, twice)
    batch, size = problem.batch.to(DEVICE), problem.batch_size
    graphs = segments(s.size(0), batch, size, None, s.device, False)
    wide = s.double()
    _, adj, gram = coarsen_oracle(problem, problem.x, wide)
    adj, gram = adj.float().to(DEVICE), gram.float().to(DEVICE)
    found = exact_kernels.squared_distances(adjacency, graphs, s.to(DEVICE), adj, gram, threshold)
    return found, link_oracle(problem, wide, convention="pyg")


@pytest.mark.parametrize("threshold", [NEAR_OPTIMUM, 1e9], ids=["far", "all near"])
@pytest.mark.parametrize("name", PROBLEMS)
def test_squared_distances(name, threshold):
    (squared, near), expected = squared_of(PROBLEMS[name], threshold=threshold)
    torch.testing.assert_close(squared.cpu(), expected, rtol=2e-6, atol=2e-5)
    if threshold > 1:
        has_edges = [bool(PROBLEMS[name].adjacency(g).any()) for g in range(near.numel())]
        assert near.tolist() == has_edges


@pytest.mark.parametrize("name", NEAR)
def test_near_the_optimum(name):
    """float32 products would have no digit right."""
    (squared, near), expected = squared_of(NEAR[name], twice=name == "halves of edges")
    assert near.tolist() == [*[True] * (near.numel() - 1), False]
    torch.testing.assert_close(squared.cpu(), expected, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("convention", ["paper", "pyg"])
@pytest.mark.parametrize("name", [*NEAR, "directed, signed weights", "undirected", "many clusters"])
def test_losses_and_gradients(name, convention):
    problem = {**PROBLEMS, **NEAR}[name]
    edges, weight = edges_of(problem, twice=name == "halves of edges")
    given = {"batch": problem.batch.to(DEVICE), "batch_size": problem.batch_size}
    given |= {"max_num_nodes": max(problem.sizes), "convention": convention, "validate": False}

    def run(dtype, device):
        x, s = problem.x.to(device, dtype), problem.logits.float().to(device, dtype)
        x, s = x.requires_grad_(), s.requires_grad_()
        own = None if weight is None else weight.to(device, dtype)
        place = {k: v.to(device) if isinstance(v, torch.Tensor) else v for k, v in given.items()}
        backend = "triton" if dtype == torch.float32 else "ragged"
        out = diff_pool(x, s, edges.to(device), own, **place, backend=backend)
        total = sum((part * part.detach().cos()).sum() for part in out[:2]) + 3 * out[2]
        return [*out, *torch.autograd.grad(total, [x, s])]

    found, expected = run(torch.float32, DEVICE), run(torch.float64, "cpu")
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a.cpu().double(), b, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("needed", [("weight",), ("x",), ("s",), ("s", "weight")])
@pytest.mark.parametrize("name", ["weighted cliques", "directed, signed weights"])
def test_gradients_of_some_inputs(name, needed):
    """Those of weights take products for all graphs, whatever the forward pass did."""
    problem = {**PROBLEMS, **NEAR}[name]
    names, inputs = ("x", "s", "weight"), (problem.x, problem.logits.float(), problem.edge_weight)

    def run(dtype, device):
        given = {k: v.to(device, dtype) for k, v in zip(names, inputs, strict=True)}
        for key in needed:
            given[key].requires_grad_()
        batch = problem.batch.to(device)
        out = diff_pool(
            given["x"],
            given["s"],
            problem.edge_index.to(device),
            given["weight"],
            batch,
            problem.batch_size,
            backend="triton" if dtype == torch.float32 else "ragged",
            validate=False,
        )
        total = sum((part * part.detach().cos()).sum() for part in out[:2]) + 3 * out[2] + out[3]
        return torch.autograd.grad(total, [given[key] for key in needed])

    found, expected = run(torch.float32, DEVICE), run(torch.float64, "cpu")
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a.cpu().double(), b, rtol=2e-4, atol=5e-5)


def test_runs_are_equal_bit_by_bit():
    for problem in (PROBLEMS["many clusters"], NEAR["weighted cliques"]):
        first, second = squared_of(problem)[0], squared_of(problem)[0]
        assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_nothing_waits_for_the_device():
    problem = NEAR["cliques"]
    adjacency = prepared(problem)
    s = problem.logits.softmax(-1).float().to(DEVICE)
    graphs = segments(s.size(0), problem.batch.to(DEVICE), problem.batch_size, 15, s.device, False)
    adj, gram = torch.rand(2, problem.batch_size, 5, 5, device=DEVICE)
    out = torch.zeros_like(s)

    def run():
        squared, near = exact_kernels.squared_distances(adjacency, graphs, s, adj, gram, 1e9)
        exact_kernels.add_gradient(out, adjacency, None, graphs, s, near, squared)

    run()  # compiles the programs
    assert_nothing_waits(run)


@pytest.mark.parametrize("clusters", [1, 3, 64, 100, 700])
def test_softmax_and_entropy(clusters):
    """Clusters that are masked, and logits as far apart as float32 has them."""
    logits = 5 * torch.randn(37, clusters, dtype=torch.float64)
    logits[3, 0], logits[4] = 300.0, 0.0
    logits[5, 1:] = -torch.inf
    logits[6:9] *= 100
    logits = logits.float().double()

    def run(device, dtype):
        given = logits.to(device, dtype).requires_grad_()
        s, entropy = soft_assignment_and_entropy(given)
        total = (s * torch.arange(clusters).to(s)).sum() + (entropy * entropy.detach().cos()).sum()
        return s, entropy, *torch.autograd.grad(total, given)

    wide, exact = run("cpu", torch.float64), run(DEVICE, torch.float32)
    for found, expected in zip(exact, wide, strict=True):
        torch.testing.assert_close(found.cpu().double(), expected, rtol=2e-6, atol=2e-6 * clusters)


def test_logits_of_any_layout():
    logits = torch.randn(9, 12, device=DEVICE)
    every_other = torch.randn(9, 24, device=DEVICE)[:, :12].copy_(logits)
    by_column = logits.t().contiguous().t()
    expected = soft_assignment_and_entropy(logits)
    for other in (every_other, by_column):
        assert all(map(torch.equal, soft_assignment_and_entropy(other), expected))
    assert soft_assignment_and_entropy(logits[:0])[0].shape == (0, 12)
