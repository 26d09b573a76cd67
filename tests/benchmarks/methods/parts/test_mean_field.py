import pytest
import torch
from torch_geometric.utils import to_dense_adj, to_dense_batch

from benchmarks.methods.parts.mean_field import MeanField
from tests.problems import make_problem


def field(num_rounds, **options):
    return MeanField(2, 5, num_rounds, **options).double()


def padded(problem):
    """Return rows, adjacency and mask of a problem's dense level, with rubbish in the padding."""
    x, mask = to_dense_batch(problem.x, problem.batch, batch_size=problem.batch_size)
    adj = to_dense_adj(
        problem.edge_index, problem.batch, problem.weight, x.size(1), problem.batch_size
    )
    adj = adj.masked_fill(~(mask.unsqueeze(1) & mask.unsqueeze(2)), 7.0)
    return x.masked_fill(~mask.unsqueeze(-1), 3.0), adj, mask


@pytest.mark.parametrize("num_rounds", [0, 1, 3])
def test_it_is_the_recursion_of_the_paper(num_rounds):
    net, problem = field(num_rounds), make_problem((6,), weights="signed")
    potential = problem.x @ net.lin.weight.T + net.lin.bias
    expected = potential.relu()
    adj = problem.adjacency(0)
    for _ in range(num_rounds):
        sums = torch.stack([(adj[:, [v]] * expected).sum(0) for v in range(6)])
        expected = (potential + sums @ net.conv.lin_l.weight.T + net.conv.lin_l.bias).relu()
    ours = net(problem.x, problem.edge_index, problem.edge_weight)
    torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_sparse_and_dense_levels_agree(batch_norm):
    net, problem = field(2, batch_norm=batch_norm), make_problem((6, 1, 4), weights="signed")
    x, adj, mask = padded(problem)
    sparse = net(problem.x, problem.edge_index, problem.edge_weight)
    statistics = [norm.module.running_var.clone() for norm in net.norms]
    for norm in net.norms:
        norm.reset_running_stats()
    dense = net(x, adj, mask=mask)
    torch.testing.assert_close(dense[mask], sparse)
    assert not dense[~mask].any()
    for norm, variance in zip(net.norms, statistics, strict=True):
        torch.testing.assert_close(norm.module.running_var, variance)


def test_rounds_share_their_weights():
    one, three = field(1), field(3)
    assert {name: value.shape for name, value in one.state_dict().items()} == {
        name: value.shape for name, value in three.state_dict().items()
    }


def test_nodes_without_neighbours_and_graphs_without_edges():
    problem = make_problem((3, 1), edges_per_node=0.0, weights="none")
    net = field(2)
    potential = problem.x @ net.lin.weight.T + net.lin.bias
    ours = net(problem.x, problem.edge_index)
    torch.testing.assert_close(ours, (potential + net.conv.lin_l.bias).relu())


def test_reset_draws_all_weights_anew():
    net = field(1, batch_norm=True)
    before = [value.clone() for value in (net.lin.weight, net.conv.lin_l.weight)]
    net.norms[0].module.running_mean.fill_(3.0)
    net.reset_parameters()
    after = (net.lin.weight, net.conv.lin_l.weight)
    assert not any(torch.equal(old, new) for old, new in zip(before, after, strict=True))
    assert not net.norms[0].module.running_mean.any()
