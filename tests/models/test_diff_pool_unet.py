"""The network for nodes: against its equations, what it learns, and how much memory it takes."""

import pytest
import torch
from torch.testing import assert_close
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader
from torch_geometric.utils import to_undirected

from benchmarks.timing.limited_process import run_limited
from pyg_diffpool import AnnealedTemperature, DiffPoolUNet
from pyg_diffpool.datasets import DistantMarkers
from pyg_diffpool.ops.assignments import ASSIGNMENTS
from tests.problems import leaf, make_problem, on_problems

NEAR = {"rtol": 1e-7, "atol": 1e-7}
EPOCHS = 15


def given(problem):
    return problem.edge_index, problem.edge_weight, problem.batch, problem.batch_size


@pytest.mark.parametrize("ratio", [None, 0.5])
@on_problems()
def test_it_is_its_equations(ratio, problem):
    torch.manual_seed(0)
    clusters = [4, 2]
    net = DiffPoolUNet(problem.x.size(1), 3, 2, max_clusters=clusters, ratio=ratio).double().eval()
    out = net(problem.x, *given(problem))
    assert out.logits.shape == (problem.num_nodes, 2)
    first, second = out.levels
    again = net.pools[0](problem.x, *given(problem))
    assert_close(first.x, again.x)
    mask = None if ratio is None else first.mask
    assert_close(second.x, net.pools[1](first.x, first.adj, mask=mask).x)
    rows = net.bottom(second.x, second.adj, mask=None if ratio is None else second.mask)
    rows = torch.cat([second.embedding, second.unpool(rows)], -1)
    rows = net.ups[0](rows, first.adj, mask=mask)
    rows = torch.cat([first.embedding, first.unpool(rows)], -1)
    rows = net.ups[1](rows, problem.edge_index, problem.edge_weight)
    assert_close(out.logits, net.head(rows), **NEAR)
    assert_close(out.loss, first.loss + second.loss)


@on_problems()
def test_graphs_of_a_batch_do_not_meet(problem):
    net = DiffPoolUNet(problem.x.size(1), 3, 2, max_clusters=[4, 2], ratio=0.5).double().eval()
    together = net(problem.x, *given(problem)).logits
    for graph in range(problem.batch_size):
        alone = problem.select(graph)
        assert_close(together[problem.rows(graph)], net(alone.x, *given(alone)).logits, **NEAR)


@pytest.mark.parametrize("assignment", ["sparsemax", "entmax15", "straight-through"])
def test_sparse_levels_give_the_same(assignment):
    problem = make_problem((9, 0, 6), num_features=3, weights="positive")
    options = {"max_clusters": [5, 3], "ratio": 0.5, "assignment": assignment}
    sparse, padded = (
        DiffPoolUNet(3, 4, 2, sparse_level=s, **options).double() for s in (True, False)
    )
    padded.load_state_dict(sparse.state_dict())
    found, wanted = (net.eval()(problem.x, *given(problem)) for net in (sparse, padded))
    assert_close(found.logits, wanted.logits)
    assert_close(found.loss, wanted.loss)


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_all_parameters_get_gradients(assignment):
    problem = make_problem((9, 6), num_features=3, weights="positive")
    options = {"assignment": assignment, "temperature": AnnealedTemperature(), "dropout": 0.2}
    net = DiffPoolUNet(3, 4, 2, max_clusters=[5, 3], **options).double()
    x = leaf(problem.x)
    out = net(x, *given(problem))
    (out.logits.square().sum() + out.loss).backward()
    for parameter in (x, *net.parameters()):
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()
    assert [int(pool.temperature.passes) for pool in net.pools] == [1, 1]


def test_without_poolings_it_is_flat():
    net = DiffPoolUNet(3, 4, 2, max_clusters=[], num_layers=5).eval()
    assert net.depth == len(net.bottom.convs) == 5
    x, edge_index = torch.randn(6, 3), torch.tensor([[0, 1], [1, 0]])
    out = net(x, edge_index)
    assert_close(out.logits, net.head(net.bottom(x, edge_index)))
    assert out.loss == 0
    assert out.levels == []


def test_depth_counts_the_convolutions_on_the_way():
    options = {"num_layers": 3, "num_layers_after": 2, "num_layers_up": 4}
    net = DiffPoolUNet(3, 4, 2, max_clusters=[4, 2], **options)
    blocks = [net.pools[0].embed, net.pools[1].embed, net.bottom, *net.ups]
    assert net.depth == sum(len(block.convs) for block in blocks) == 3 + 2 + 2 + 4 + 4


def test_parameters_are_reset():
    net = DiffPoolUNet(3, 4, 2, max_clusters=[4])
    before = {name: value.clone() for name, value in net.state_dict().items()}
    net.reset_parameters()
    for name, value in net.state_dict().items():
        if name.endswith("weight") and value.dim() == 2:
            assert not torch.equal(value, before[name]), name


@pytest.mark.parametrize(
    "options", [{"convention": "own"}, {"assignment": "hard"}, {"scale": "edges"}]
)
def test_bad_options_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        DiffPoolUNet(3, 4, 2, max_clusters=[4], **options)


def trained_accuracy(dataset: DistantMarkers, **options) -> float:
    """Accuracy on graphs that training has not seen, of the last epoch."""
    torch.manual_seed(0)
    net = DiffPoolUNet(4, 16, 2, **options)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        for batch in DataLoader(dataset[:80], batch_size=10, shuffle=True):
            out = net(batch.x, batch.edge_index, batch=batch.batch)
            loss = torch.nn.functional.cross_entropy(out.logits, batch.y) + out.loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
    batch = Batch.from_data_list(list(dataset[80:]))
    with torch.no_grad():
        logits = net.eval()(batch.x, batch.edge_index, batch=batch.batch).logits
    return float((logits.argmax(1) == batch.y).float().mean())


def test_it_learns_what_no_flat_network_of_its_depth_can():
    dataset = DistantMarkers(num_graphs=100, length=40)
    layer = torch.cat([data.layer for data in dataset[80:]])
    near = float((layer <= 8).float().mean())
    pooled = trained_accuracy(dataset, max_clusters=[16, 4], link_weight=0.1)
    flat = trained_accuracy(dataset, max_clusters=[], num_layers=8)
    assert flat <= near + (1 - near) / 2 < 0.62
    assert pooled > 0.9


def train_on_one_large_graph(tell):
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    nodes = 100_000
    # About five neighbours each, most of them near.
    source = torch.arange(nodes).repeat(2)
    target = (source + torch.randint(1, 50, source.shape, generator=generator)) % nodes
    edge_index = to_undirected(torch.stack([source, target]))
    x = torch.randn(nodes, 16, generator=generator)
    net = DiffPoolUNet(16, 16, 3, max_clusters=[64, 16])
    tell()
    out = net(x, edge_index)
    loss = torch.nn.functional.cross_entropy(out.logits, torch.arange(nodes) % 3) + out.loss
    loss.backward()
    return float(loss)


def test_a_graph_of_100_000_nodes_in_a_full_batch_takes_less_than_2_gib():
    value, died = run_limited(train_on_one_large_graph, (), memory_gib=2.0)
    assert died is None
    assert value > 0
