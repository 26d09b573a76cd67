"""DMoN pooling against PyG's module, where that is right."""

import pytest
import torch
from torch.testing import assert_close
from torch_geometric.nn import DMoNPooling as DenseDMoNPooling

from pyg_diffpool import DMoNPooling
from tests.problems import leaf, make_problem

EXACT = {"rtol": 1e-9, "atol": 1e-9}
EQUAL_SIZES = make_problem((5, 5), directed=False, weights="positive", num_features=4)
SIZES = make_problem((6, 4, 5), directed=False, weights="positive", num_features=4)


def modules(channels=4, dropout=0.0):
    theirs = DenseDMoNPooling(channels, 3, dropout).double()
    ours = DMoNPooling(channels, 3, dropout).double()
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def both(problem, channels=4):
    ours, theirs = modules(channels)
    weight = leaf(problem.edge_weight)
    found = ours(problem.x, problem.edge_index, weight, problem.batch, problem.batch_size)
    dense_x, mask = problem.to_dense(problem.x)
    wanted = theirs(dense_x, problem.to_dense_adjacency(weight), mask)
    s, *rest = wanted
    return (ours, found), (theirs, (s[mask], *rest))


@pytest.mark.parametrize("channels", [4, [4, 6]])
def test_values_and_gradients_of_pyg_for_graphs_of_equal_size(channels):
    (ours, found), (theirs, wanted) = both(EQUAL_SIZES, channels)
    assert_close(found, wanted, **EXACT)
    directions = [torch.randn_like(value) for value in wanted]
    gradients = []
    for module, values in ((ours, found), (theirs, wanted)):
        total = sum((v * d).sum() for v, d in zip(values, directions, strict=True))
        gradients.append(torch.autograd.grad(total, list(module.parameters())))
    assert_close(*gradients, **EXACT)


def test_the_cluster_loss_divides_by_the_size_of_each_graph():
    """PyG divides [B] by [B, 1]: the loss of every graph by the size of each."""
    (_, found), (_, wanted) = both(SIZES)
    assert_close(found[:-1], wanted[:-1], **EXACT)
    per_graph = []
    for graph in range(3):
        rows = found[0][SIZES.rows(graph)]
        per_graph.append(rows.sum(0).norm() * 3**0.5 / len(rows) - 1)
    assert_close(found[-1], torch.stack(per_graph).mean(), **EXACT)
    assert (found[-1] - wanted[-1]).abs() > 1e-6


def test_a_dense_level():
    ours, _ = modules()
    sparse = ours(SIZES.x, SIZES.edge_index, SIZES.edge_weight, SIZES.batch)
    x, mask = SIZES.to_dense(SIZES.x)
    s, *dense = ours(x, SIZES.to_dense_adjacency(), mask=mask)
    assert_close((s[mask], *dense), sparse, **EXACT)


def test_dropout_of_logits_in_training_alone():
    ours, theirs = modules(dropout=0.5)
    x, _ = EQUAL_SIZES.to_dense(EQUAL_SIZES.x)
    adj = EQUAL_SIZES.to_dense_adjacency()
    torch.manual_seed(1)
    found = ours(x, adj)
    torch.manual_seed(1)
    assert_close(found, theirs(x, adj), **EXACT)
    assert not torch.equal(ours(x, adj)[0], found[0])
    ours.eval()
    assert torch.equal(ours(x, adj)[0], ours(x, adj)[0])


def test_reset_parameters_and_repr():
    ours, theirs = modules()
    assert repr(ours) == repr(theirs) == "DMoNPooling(4, num_clusters=3)"
    before = ours.mlp.lins[0].weight.clone()
    ours.reset_parameters()
    assert not torch.equal(ours.mlp.lins[0].weight, before)
