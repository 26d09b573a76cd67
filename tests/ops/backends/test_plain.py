"""What a backend contracts in PyTorch's own operations: each of its three ways, with gradients."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.backends import plain
from pyg_diffpool.ops.backends.plain import plain_contract, plain_spread
from pyg_diffpool.ops.segments import UNKNOWN
from tests.ops.backends.products import SIZES, Operands
from tests.problems import leaf, projection


@pytest.fixture(params=["padded", "ragged", "outer products"])
def way(request, monkeypatch):
    """Send every batch the same way."""
    name = request.param
    monkeypatch.setattr(plain, "choose_backend", lambda *sizes: name)
    monkeypatch.setattr(plain, "traced", lambda: name == "outer products")
    return name


@pytest.mark.parametrize("features", [0, 3])
@pytest.mark.parametrize("sizes", SIZES)
def test_values_and_gradients(way, sizes, features):
    given = Operands(SIZES[sizes], features)
    graphs = given.graphs
    if way == "outer products":
        graphs = graphs._replace(given_width=UNKNOWN)
    given.x, given.p, given.s = leaf(given.x), leaf(given.p), leaf(given.s)
    inputs = (given.x, given.p, given.s)
    found, wanted = plain_contract(graphs, *inputs), given.contracted()
    assert_close(tuple(found), wanted)
    slopes = torch.autograd.grad(projection(*found), inputs, allow_unused=True)
    assert_close(slopes, torch.autograd.grad(projection(*wanted), inputs, allow_unused=True))


@pytest.mark.parametrize("features", [0, 3])
@pytest.mark.parametrize("sizes", SIZES)
def test_spread_rows_and_gradients(way, sizes, features):
    given = Operands(SIZES[sizes], features)
    graphs = given.graphs
    if way == "outer products":
        graphs = graphs._replace(given_width=UNKNOWN)
    rows = torch.randn(graphs.batch_size, given.s.size(1), features, dtype=given.s.dtype)
    inputs = leaf(given.s), leaf(rows)
    found = plain_spread(graphs, *inputs)
    wanted = (inputs[0].unsqueeze(1) @ inputs[1][graphs.batch]).squeeze(1)
    assert_close(found, wanted)
    slopes = torch.autograd.grad(projection(found), inputs, allow_unused=True)
    assert_close(slopes, torch.autograd.grad(projection(wanted), inputs, allow_unused=True))


def test_a_width_that_is_known_needs_no_outer_products(monkeypatch):
    """They take N · K (F + 2K) entries, where padding takes rows."""
    monkeypatch.setattr(plain, "traced", lambda: True)
    given = Operands((3, 0, 2))
    monkeypatch.setattr(torch.Tensor, "index_add", None)
    monkeypatch.setattr(plain, "choose_backend", lambda *sizes: "ragged")
    assert_close(plain_contract(given.graphs, given.x, given.p, given.s), given.contracted())
