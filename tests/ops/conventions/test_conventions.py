"""Which options a convention has, in every place that takes them: nothing is ignored in silence."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool import DiffPool, DiffPoolNet, SAGEConv, diff_pool, link_prediction_loss
from pyg_diffpool.ops.conventions import CONVENTIONS, read_convention
from tests.oracles import link_oracle
from tests.problems import make_problem

PROBLEM = make_problem((5, 0, 3, 1), weights="positive", duplicates=False)
UNFIT = [
    ("pyg", {"scale": "nodes"}, "scale: expected None with convention='pyg', .*'paper'.*'nodes'"),
    ("reference", {"scale": "nodes"}, "scale: expected None with convention='reference'"),
    ("paper", {"normalize": False}, "normalize: expected True with convention='paper', .*'pyg'"),
    ("reference", {"normalize": False}, "normalize: expected True with convention='reference'"),
]


def by_diff_pool(**options):
    return diff_pool(PROBLEM.x, PROBLEM.logits, PROBLEM.edge_index, **options)


def by_link_loss(**options):
    return link_prediction_loss(PROBLEM.s, PROBLEM.edge_index, **options)


def by_layer(**options):
    return DiffPool(SAGEConv(2, 4), SAGEConv(2, 2), max_clusters=2, **options)


@pytest.mark.parametrize("call", [by_diff_pool, by_link_loss, by_layer, read_convention])
@pytest.mark.parametrize(("convention", "options", "message"), UNFIT)
def test_an_option_that_a_convention_does_not_have_is_refused(call, convention, options, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call(convention=convention, **options)


@pytest.mark.parametrize("convention", ["pyg", "reference"])
def test_the_network_refuses_a_scale_only_where_it_was_asked_for(convention):
    net = DiffPoolNet(2, 4, 2, max_clusters=[2], convention=convention)
    assert net.pools[0].scale is None
    with pytest.raises(ValueError, match=f"scale: expected None with convention='{convention}'"):
        DiffPoolNet(2, 4, 2, max_clusters=[2], convention=convention, scale="nodes")


def test_the_networks_own_scale_is_that_of_nodes():
    assert DiffPoolNet(2, 4, 2, max_clusters=[2]).pools[0].scale == "nodes"
    assert DiffPoolNet(2, 4, 2, max_clusters=[2], scale=None).pools[0].scale is None
    with pytest.raises(ValueError, match=r"convention: expected one of 'paper', .* got 'authors'"):
        DiffPoolNet(2, 4, 2, max_clusters=[2], convention="authors")


@pytest.mark.parametrize("dense", [False, True])
def test_a_scale_divides_the_norm_of_each_graph_by_its_nodes(dense):
    losses = link_oracle(PROBLEM, PROBLEM.s) / torch.tensor([5.0, 1.0, 3.0, 1.0]).double()
    options = {"scale": "nodes", "reduction": "none"}
    if dense:
        s, mask = PROBLEM.to_dense(PROBLEM.s)
        found = link_prediction_loss(s, PROBLEM.to_dense_adjacency(), mask=mask, **options)
    else:
        given = (PROBLEM.edge_index, PROBLEM.edge_weight, PROBLEM.batch, PROBLEM.batch_size)
        found = link_prediction_loss(PROBLEM.s, *given, **options)
    assert_close(found, losses)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_reductions_agree_with_their_definitions(convention):
    values, sizes = torch.tensor([2.0, 0.0, 6.0]), torch.tensor([2, 0, 4])
    rule = read_convention(convention)
    assert rule.reductions[0] == "mean"
    if convention == "pyg":
        assert_close(rule.mean(values[0], sizes, pairs=True), values[0])
        with pytest.raises(ValueError, match="reduction: expected 'mean' with convention='pyg'"):
            read_convention(convention, reduction="sum")
        return
    assert_close(rule.reduce(values, sizes, "none", pairs=True), values)
    assert_close(rule.reduce(values, sizes, "sum", pairs=True), torch.tensor(8.0))
    pairs, nodes = (8 / 3, 8 / 3) if convention == "paper" else (8 / 20, 8 / 6)
    assert_close(rule.reduce(values, sizes, "mean", pairs=True), torch.tensor(pairs))
    assert_close(rule.reduce(values, sizes, "mean", pairs=False), torch.tensor(nodes))
