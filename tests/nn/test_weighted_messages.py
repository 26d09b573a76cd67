"""The base of SAGEConv: which edges become messages, and how observers see them."""

import pytest
import torch
from torch.testing import assert_close
from torch_geometric.nn.aggr import MeanAggregation

from pyg_diffpool import SAGEConv, prepare_adjacency
from pyg_diffpool.nn.weighted_messages import WeightedMessagePassing
from tests.problems import make_problem

PROBLEM = make_problem((5, 3), num_features=3, edges_per_node=2.5, weights="positive")
EXACT = {"rtol": 1e-8, "atol": 1e-8}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"aggr": "medium"}, ValueError, "^aggr: Could not resolve 'medium'"),
        ({"aggr": "mlp"}, TypeError, "^aggr: .*missing"),
        ({"aggr": 3}, TypeError, "^aggr: expected a name, an Aggregation or several, got 3"),
        ({"aggr": "sum", "flow": "up"}, ValueError, "^flow: expected one of"),
        ({"aggr": "sum", "node_dim": -1}, ValueError, "^node_dim: expected -2 or 0"),
    ],
)
def test_bad_options_are_named(options, error, message):
    with pytest.raises(error, match=message):
        WeightedMessagePassing(**options)


def test_only_what_needs_messages_forms_them():
    for aggr in ("mean", "max", "std", ("mean", "var"), MeanAggregation()):
        assert not WeightedMessagePassing(aggr)._observed()
    for aggr in ("median", ("mean", "softmax")):
        assert WeightedMessagePassing(aggr)._observed()
    assert WeightedMessagePassing("mean", decomposed_layers=2)._observed()


def test_an_overridden_method_is_called():
    class Halved(WeightedMessagePassing):
        def message(self, x_j, edge_weight):
            return super().message(x_j, edge_weight) / 2

    assert Halved("mean")._observed()
    assert not WeightedMessagePassing("mean")._messages_replaced


@pytest.mark.parametrize("aggr", ["median", ("mean", "softmax")])
def test_other_aggregations_get_weighted_messages(aggr):
    """Those of the edges as they were passed; of a prepared adjacency, with summed duplicates."""
    conv = SAGEConv(3, 4, aggr).double()
    edges, weight = PROBLEM.edge_index, PROBLEM.edge_weight
    seen = []
    conv.register_aggregate_forward_pre_hook(lambda _, given: seen.append(given[0]))
    conv(PROBLEM.x, edges, weight)
    assert torch.equal(seen[0]["index"], edges[1])
    assert torch.equal(seen[0]["weight"], weight)
    adjacency = prepare_adjacency(edges, weight)
    conv(PROBLEM.x, adjacency)
    assert torch.equal(seen[1]["weight"], adjacency.weight)
    messages = PROBLEM.x[edges[0]] * weight.view(-1, 1)
    if aggr == "median":
        gathered = conv.aggr_module(messages, edges[1], dim_size=8)
        expected = conv.lin_l(gathered) + conv.lin_r(PROBLEM.x)
        assert_close(conv(PROBLEM.x, edges, weight), expected, **EXACT)


def test_several_aggregations_are_not_decomposed():
    conv = SAGEConv(4, 4, ("mean", "std"), decomposed_layers=2)
    with pytest.raises(ValueError, match=r"^decomposed_layers: expected 1 with several"):
        conv(torch.randn(8, 4), PROBLEM.edge_index)


def test_a_message_may_ask_for_the_target():
    class Difference(SAGEConv):
        def message(self, x_i, x_j):
            return x_j - x_i

    conv = Difference((3, 3), 3, root_weight=False, bias=False).double()
    conv.lin_l.weight.data = torch.eye(3).double()
    x, y = torch.randn(4, 3).double(), torch.randn(2, 3).double()
    edges = torch.tensor([[0, 1, 3], [0, 0, 1]])
    expected = torch.stack([(x[0] + x[1]) / 2 - y[0], x[3] - y[1]])
    assert_close(conv((x, y), edges), expected, **EXACT)
