"""Which of PyG's aggregations have closed forms, and messages of those that have none."""

import pytest
import torch
from torch.testing import assert_close
from torch_geometric.nn import aggr as pyg
from torch_geometric.nn.aggr import MultiAggregation
from torch_geometric.nn.resolver import aggregation_resolver

from pyg_diffpool.nn.aggregators import (
    aggregate_messages,
    aggregate_rows,
    closed_forms,
    has_closed_form,
    linear_form,
    moment_of,
    weighs_messages,
)
from pyg_diffpool.ops.moments import Moment
from pyg_diffpool.ops.neighbourhoods import DenseNeighbourhood, MessageNeighbourhood

INDEX = torch.tensor([0, 0, 2, 2, 2])
WEIGHT = torch.tensor([0.5, 1.0, 2.0, 0.25, 1.0]).double()


@pytest.mark.parametrize("name", ["sum", "add", "mean", "max", "min", "var", "std"])
def test_closed_forms_by_name(name):
    module = aggregation_resolver(name)
    moment = Moment("sum" if name == "add" else name)
    assert moment_of(module) == moment
    assert closed_forms(module) == [moment]
    assert has_closed_form(module)
    assert linear_form(module) == (moment.name if moment.name in ("sum", "mean") else None)
    assert weighs_messages(module) == (moment.name in ("sum", "mean"))


@pytest.mark.parametrize("name", ["median", "softmax", "powermean", "mul"])
def test_others_have_none(name):
    module = aggregation_resolver(name)
    assert moment_of(module) is closed_forms(module) is linear_form(module) is None
    assert not has_closed_form(module)
    assert weighs_messages(module)


def test_several_have_closed_forms_if_all_have():
    module = MultiAggregation(["mean", pyg.StdAggregation(semi_grad=True)])
    assert closed_forms(module) == [Moment("mean"), Moment("std", True)]
    assert has_closed_form(module)
    assert not has_closed_form(MultiAggregation(["mean", "median"]))
    assert not weighs_messages(module)


def test_a_subclass_is_another_aggregation():
    class Twice(pyg.MeanAggregation):
        def forward(self, *arguments, **options):
            return 2 * super().forward(*arguments, **options)

    assert not has_closed_form(Twice())


MODES = {
    "cat": {},
    "proj": {"mode_kwargs": {"in_channels": 4, "out_channels": 6}},
    "attn": {"mode_kwargs": {"in_channels": 4, "out_channels": 6, "num_heads": 2}},
    "sum": {},
    "max": {},
    "std": {},
}


@pytest.mark.parametrize("names", [["mean", "std", "min"], ["mean", "softmax", "var"]])
@pytest.mark.parametrize("mode", MODES)
def test_several_equal_pygs_in_every_mode(mode, names):
    torch.manual_seed(0)
    module = MultiAggregation(names, mode=mode, **MODES[mode]).double()
    x = torch.randn(5, 4).double()
    out = aggregate_messages(module, x, MessageNeighbourhood(INDEX, 4))
    assert_close(out, module(x, INDEX, dim_size=4))


def test_messages_of_other_members_are_weighted():
    x = torch.randn(5, 2).double()
    module = MultiAggregation(["mean", "median"])
    out = aggregate_messages(module, x, MessageNeighbourhood(INDEX, 3, WEIGHT))
    mean = aggregate_messages(
        aggregation_resolver("mean"), x, MessageNeighbourhood(INDEX, 3, WEIGHT)
    )
    median = aggregation_resolver("median")(x * WEIGHT.view(-1, 1), INDEX, dim_size=3)
    assert_close(out, torch.cat([mean, median], 1))


@pytest.mark.parametrize("mode", MODES)
def test_rows_of_a_dense_level_are_combined_graph_by_graph(mode):
    torch.manual_seed(0)
    module = MultiAggregation(["mean", "std"], mode=mode, **MODES[mode]).double()
    x, adj = torch.randn(2, 3, 4).double(), torch.rand(2, 3, 3).double()
    moments = closed_forms(module)
    out = aggregate_rows(module, x, moments, DenseNeighbourhood(adj))
    for graph in range(2):
        own = slice(graph, graph + 1)
        alone = aggregate_rows(module, x[own], moments, DenseNeighbourhood(adj[own]))
        assert_close(out[own], alone)


NEED_MESSAGES = {
    "median": {},
    "quantile": {"q": [0.25, 0.75]},
    "lstm": {"in_channels": 2, "out_channels": 3},
    "gru": {"in_channels": 2, "out_channels": 3},
    "sort": {"k": 2},
}


@pytest.mark.parametrize("name", NEED_MESSAGES)
def test_nodes_without_messages_are_no_error(name):
    torch.manual_seed(0)
    module = aggregation_resolver(name, **NEED_MESSAGES[name])
    x, index = torch.randn(3, 2), torch.tensor([1, 1, 3])
    out = aggregate_messages(module, x, MessageNeighbourhood(index, 5))
    # PyG's numbers of the same messages, where the first node has one too.
    filled = torch.cat([torch.randn(1, 2), x]), torch.cat([torch.zeros(1).long(), index])
    assert_close(out[1:], module(*filled, dim_size=5)[1:])
    none = aggregate_messages(module, x[:0], MessageNeighbourhood(index[:0], 5))
    assert none.shape == out.shape
    assert none.isfinite().all()
