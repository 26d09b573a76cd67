"""What only a GPU can show: nothing on the hot path waits for it."""

import pytest
import torch
from torch_geometric.data import Data

from pyg_diffpool import DiffPoolNet, ResidentLoader, diff_pool

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@pytest.fixture
def batch():
    """Undirected graphs, resident on the device."""
    torch.manual_seed(0)
    graphs = []
    for nodes in (5, 9, 3, 12):
        half = torch.randint(nodes, (2, 3 * nodes))
        edges = torch.cat([half, half.flip(0)], 1)
        graphs.append(Data(x=torch.randn(nodes, 4), edge_index=edges, y=nodes % 2))
    loader = ResidentLoader(graphs, batch_size=4, device="cuda")
    return next(iter(loader))


@pytest.fixture
def no_synchronisation(batch):
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    yield
    torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("convention", ["paper", "pyg"])
@pytest.mark.parametrize("edges", ["edge_index", "adjacency"])
def test_pooling_waits_for_nothing(batch, edges, convention, no_synchronisation):
    x = batch.x.detach().requires_grad_()
    s = torch.randn(x.size(0), 3, device="cuda", requires_grad=True)
    out = diff_pool(
        x,
        s,
        batch[edges],
        batch=batch.batch,
        batch_size=batch.num_graphs,
        max_num_nodes=batch.max_num_nodes,
        convention=convention,
    )
    sum(result.sum() for result in out).backward()


@pytest.mark.parametrize("ratio", [None, 0.5])
def test_a_network_waits_for_nothing(batch, ratio):
    net = DiffPoolNet(4, 8, 2, max_clusters=[4, 2], ratio=ratio).cuda()
    arguments = {"batch_size": batch.num_graphs, "max_num_nodes": batch.max_num_nodes}

    def step():
        out = net(batch.x, batch.adjacency, batch=batch.batch, **arguments)
        (out.logits.square().sum() + out.loss).backward()

    step()  # compiles kernels and makes handles
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
