"""Orders of edges against Python's own sort, on both sides of every threshold."""

import pytest
import torch

from pyg_diffpool.ops import edge_order
from pyg_diffpool.ops.edge_order import (
    SIXTEEN_BITS,
    is_increasing,
    mirrors,
    order_edges,
    pair_order,
    stable_order,
)
from tests.problems import CORNER_CASES

PROBLEMS = {name: case for name, case in CORNER_CASES.items() if case.edge_index.size(1) > 0}


def listed_order(*keys: torch.Tensor) -> list[int]:
    """Return the order of the tuples of keys; Python's sort is stable."""
    rows = list(zip(*(key.tolist() for key in keys), strict=True))
    return sorted(range(len(rows)), key=rows.__getitem__)


def test_increasing_pairs_are_sorted_and_differ():
    def increasing(*pairs):
        major, minor = torch.tensor(pairs).t()
        return is_increasing(major, minor, 10)

    assert increasing((0, 1), (0, 2), (1, 0), (3, 9))
    assert not increasing((0, 1), (0, 1))
    assert not increasing((0, 2), (0, 1))
    assert not increasing((1, 0), (0, 9))
    assert increasing((5, 5))


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("num_nodes", [1, 30, SIXTEEN_BITS, SIXTEEN_BITS + 1, 3_000_000])
def test_orders_are_stable(num_nodes, small, monkeypatch):
    if not small:
        monkeypatch.setattr(edge_order, "RADIX_SORTED_BY_TORCH", 0)
    generator = torch.Generator().manual_seed(num_nodes)
    # Many equal numbers, among them the largest that there can be.
    minor, major = torch.randint(min(num_nodes, 12), (2, 300), generator=generator)
    minor, major = num_nodes - 1 - minor, num_nodes - 1 - major
    assert stable_order(minor, num_nodes).tolist() == listed_order(minor)
    assert pair_order(major, minor, num_nodes).tolist() == listed_order(major, minor)


def test_no_edges_have_an_order():
    nothing = torch.empty(0, dtype=torch.long)
    assert stable_order(nothing, 5).tolist() == []
    assert pair_order(nothing, nothing, 5).tolist() == []
    assert is_increasing(nothing, nothing, 5)


def test_edges_mirror_if_their_weights_do():
    source, target = torch.tensor([0, 1]), torch.tensor([1, 0])
    weight = torch.tensor([1.0, 2.0])
    assert mirrors(source, target, None, source, target, None)
    assert not mirrors(source, target, None, target, source, None)
    assert not mirrors(source, target, None, source, source, None)
    assert mirrors(source, target, weight, source, target, weight.clone())
    assert not mirrors(source, target, weight, source, target, weight.flip(0))
    assert mirrors(source, target, weight, source, target, None)


def test_weights_that_are_vmapped_over_mirror_nothing():
    source = torch.tensor([0, 1])
    seen = []

    def one(weight):
        seen.append(mirrors(source, source, weight, source, source, weight))
        return weight

    torch.func.vmap(one)(torch.ones(3, 2))
    assert seen == [False]


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("presorted", [True, False])
@pytest.mark.parametrize("name", PROBLEMS)
def test_the_operator_orders_by_target_then_source(name, presorted, weighted, declared):
    problem = PROBLEMS[name]
    source, target = problem.edge_index
    weight = problem.weight if weighted else None
    if presorted:
        first = torch.tensor(listed_order(target, source))
        source, target = source[first], target[first]
        weight = None if weight is None else weight[first]
    rowptr, order, transposed, symmetric = order_edges(
        source, target, weight, problem.num_nodes, declared, True
    )
    assert order.tolist() == listed_order(target, source)
    assert transposed.tolist() == listed_order(source[order])
    ends = [int((target < node).sum()) for node in range(problem.num_nodes + 1)]
    assert rowptr.tolist() == ends
    values = torch.ones(source.numel()) if weight is None else weight
    there, back = (
        sorted(zip(*(part.tolist() for part in edges), strict=True))
        for edges in ((source, target, values), (target, source, values))
    )
    if declared or there != back:
        assert bool(symmetric) == declared
    elif len(set(there)) == len(there):
        assert symmetric


def test_the_operator_checks_values_if_asked():
    source, target = torch.tensor([0, 5]), torch.tensor([1, 0])
    with pytest.raises(ValueError, match="edge_index: expected indices from 0 to 2, got 0 to 5"):
        order_edges(source, target, None, 3, False, True)
    with pytest.raises(ValueError, match="edge_weight: expected finite weights, got nan"):
        order_edges(source, target, torch.tensor([1.0, torch.nan]), 6, False, True)
