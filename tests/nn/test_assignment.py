"""The assignment network: a linear map of what its block gives, on both kinds of level."""

import torch
from torch.testing import assert_close

from pyg_diffpool.nn import Assignment, GNNBlock
from tests.problems import make_problem

PROBLEM = make_problem((5, 0, 3), weights="positive", duplicates=False)


def network():
    torch.manual_seed(0)
    return Assignment(GNNBlock(2, 4, 3, num_layers=2), max_clusters=5).double().eval()


def test_logits_are_a_linear_map_of_the_blocks_rows():
    assign = network()
    rows = assign.block(PROBLEM.x, PROBLEM.edge_index, PROBLEM.edge_weight)
    assert rows.size(1) == assign.block.out_channels == assign.lin.in_channels
    wanted = rows @ assign.lin.weight.t() + assign.lin.bias
    found = assign(PROBLEM.x, PROBLEM.edge_index, PROBLEM.edge_weight)
    assert_close(found, wanted)
    assert found.shape == (8, assign.out_channels) == (8, 5)
    assert not torch.allclose(found, assign(PROBLEM.x, PROBLEM.edge_index))


def test_a_dense_level_has_the_same_logits():
    assign = network()
    assert assign.runs_on_dense_levels
    x, mask = PROBLEM.to_dense(PROBLEM.x, 6, fill=float("nan"))
    adj = PROBLEM.to_dense_adjacency(max_num_nodes=6)
    found = assign(x, adj, mask=mask)
    assert found.shape == (3, 6, 5)
    assert_close(found[mask], assign(PROBLEM.x, PROBLEM.edge_index, PROBLEM.edge_weight))


def test_reset_parameters_draws_both_parts_anew():
    assign = network()
    before = {name: value.clone() for name, value in assign.named_parameters()}
    torch.manual_seed(1)
    assign.reset_parameters()
    changed = {
        name for name, value in assign.named_parameters() if not torch.equal(value, before[name])
    }
    assert {"lin.weight", "lin.bias"} <= changed
    assert any(name.startswith("block.") for name in changed)
    torch.manual_seed(1)
    assign.reset_parameters()
    again = dict(assign.named_parameters())
    torch.manual_seed(1)
    other = network()
    torch.manual_seed(1)
    other.reset_parameters()
    assert_close(again, dict(other.named_parameters()))
