import pytest
import torch

from benchmarks.timing.batches import large_ragged, narrowed, reddit_like, shape, tree_like


def test_generated_batch_is_reddit_like():
    problem = reddit_like(seed=0)[0]
    sizes = problem.sizes
    assert problem.batch_size == 20
    assert int(sizes.max()) == 3700
    assert 300 < sizes.double().mean() < 700
    source, target = problem.edge_index
    assert (problem.batch[source] == problem.batch[target]).all()
    assert problem.edge_index.size(1) / problem.batch.numel() < 3
    degree = torch.bincount(source)
    assert degree.max() > 50 * degree.double().mean()
    key = source * problem.batch.numel() + target
    assert torch.equal(key, key.unique())
    assert torch.equal(key, (target * problem.batch.numel() + source).sort().values)


@pytest.mark.parametrize("num_nodes", [300, 3_000, 20_000])
def test_ragged_batches_have_the_nodes_asked_for(num_nodes):
    problem = large_ragged(0, num_nodes, num_clusters=4, num_features=3)
    assert problem.batch.numel() == num_nodes
    assert problem.batch_size == max(num_nodes // 500, 1)
    assert problem.largest <= 4000
    narrow = narrowed(problem, 2, 1)
    assert torch.equal(narrow.x, problem.x[:, :1])
    assert torch.equal(narrow.grad_adj, problem.grad_adj[:, :2, :2])


def test_shape_by_hand():
    problems = [
        tree_like(torch.tensor(sizes), 0, num_clusters=number, num_features=3)
        for number, sizes in enumerate(([4, 5], [1, 20]), start=2)
    ]
    found = shape(problems)
    assert found.pop("edges") == sum(problem.edge_index.size(1) for problem in problems)
    assert found == {
        "batches": 2, "graphs": 2, "nodes": 15.0, "mean_nodes": 7.5, "largest": 20,
        "features": 3, "clusters": [2, 3],
    }  # fmt: skip
