"""Every backend that runs on a CPU against plain loops over graphs, and the choice between them."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.backends import BACKENDS, backend_for, choose_backend, plain_contract
from pyg_diffpool.ops.backends.choice import CALL_COST, PADDED_CALLS
from pyg_diffpool.ops.segments import Segments, segments
from tests.problems import make_problem

ON_CPU = ["padded", "ragged"]
SIZES = {"of one size": (3, 3), "with an empty one": (4, 0, 1), "one": (5,)}


def operands(sizes, features=3):
    problem = make_problem(sizes, num_features=max(features, 1), num_clusters=2)
    x, s = problem.x[:, :features], problem.s
    p = torch.randn(problem.num_nodes, 2, dtype=torch.float64)
    graphs = segments(problem.num_nodes, problem.batch, len(sizes), None, x.device, None)
    return problem, graphs, x, p, s


def of_graphs(problem, function):
    return [function(problem.rows(graph), graph) for graph in range(problem.batch_size)]


@pytest.mark.parametrize("features", [0, 3])
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("name", [*ON_CPU, "plain"])
def test_contract(name, sizes, features):
    problem, graphs, x, p, s = operands(SIZES[sizes], features)
    if name == "plain":
        found = plain_contract(graphs, x, p, s)
    else:
        backend = BACKENDS[name](graphs)
        found = backend.contract(backend.arrange(x, p, s), x, s)
    for result, values in zip(found, (x, p, s), strict=True):
        wanted = of_graphs(problem, lambda rows, _, values=values: s[rows].t() @ values[rows])
        assert_close(result, torch.stack(wanted))


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("name", ON_CPU)
def test_expand_and_spread(name, sizes):
    problem, graphs, x, p, s = operands(SIZES[sizes])
    backend = BACKENDS[name](graphs)
    rows = backend.arrange(x, p, s)
    onto_x, onto_p, onto_s = (
        torch.randn(problem.batch_size, 2, columns, dtype=torch.float64) for columns in (3, 2, 2)
    )
    found_x, found_s = backend.expand(rows, x, s, onto_x, onto_p, onto_s)
    assert_close(found_x, torch.cat(of_graphs(problem, lambda r, g: s[r] @ onto_x[g])))
    wanted = of_graphs(
        problem, lambda r, g: x[r] @ onto_x[g].t() + p[r] @ onto_p[g] + s[r] @ onto_s[g]
    )
    assert_close(found_s, torch.cat(wanted))
    spread = backend.spread(rows, x, s, onto_p)
    assert_close(spread, torch.cat(of_graphs(problem, lambda r, g: s[r] @ onto_p[g])))


def sized(sizes: list[int]) -> Segments:
    ptr = torch.tensor([0, *sizes]).cumsum(0)
    batch = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    return Segments(batch, ptr, len(sizes), max(sizes))


def test_slices_are_chosen_where_padding_costs_more_than_their_calls():
    """One graph twice as large as the others: padding wastes as many rows as they have."""
    graphs = sized([100] * 10 + [200])
    waste = 10 * 100
    calls = (11 - PADDED_CALLS) * CALL_COST
    columns = calls // waste
    assert choose_backend(graphs, 1, columns) == "padded"
    assert choose_backend(graphs, 1, columns + 1) == "ragged"
    assert choose_backend(sized([100] * 10), 1000, 1000) == "padded"


@pytest.mark.parametrize("name", ON_CPU)
def test_a_name_is_heeded_and_auto_follows_the_rule(name):
    graphs = sized([1] * 40)
    x, s = torch.ones(40, 3), torch.ones(40, 2)
    assert type(backend_for(name, graphs, x, s)) is BACKENDS[name]
    assert type(backend_for("auto", graphs, x, s)) is BACKENDS[choose_backend(graphs, 2, 7)]
