"""Trains DiffPool on several devices: torchrun --nproc-per-node 2 data_parallel.py [epochs]."""

import os
import sys

import torch
from torch import distributed
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

from pyg_diffpool import DiffPoolNet, ResidentLoader
from pyg_diffpool.datasets import CommunityChains

BATCH_SIZE = 7


def main(epochs: int) -> None:
    """Train one of the processes."""
    rank = int(os.environ["LOCAL_RANK"])
    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda", rank) if on_gpu else torch.device("cpu")
    distributed.init_process_group("nccl" if on_gpu else "gloo")

    # The same graphs, network and order in every process.
    torch.manual_seed(0)
    dataset = CommunityChains(num_graphs=60)
    net = DiffPoolNet(
        dataset.num_features, 8, dataset.num_classes, max_clusters=[6], batch_norm=False
    )
    loader = ResidentLoader(
        dataset,
        BATCH_SIZE,
        shuffle=True,
        device=device,
        generator=torch.Generator().manual_seed(0),
        shard="batch",
    )
    model = DistributedDataParallel(net.to(device))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for epoch in range(epochs):
        total = torch.zeros((), device=device)
        for batch in loader:
            out = model(batch.x, batch.adjacency, batch=batch.batch, batch_size=batch.num_graphs)
            loss = cross_entropy(out.logits, batch.y) + out.loss
            # The mean over processes of this is the mean over the graphs of the whole batch.
            loss = batch.loss_weight * loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach()
        distributed.all_reduce(total)
        if rank == 0:
            mean = float(total) / distributed.get_world_size() / len(loader)
            print(f"epoch {epoch + 1}: loss {mean:.6f}", flush=True)
    if rank == 0:
        torch.save(net.state_dict(), "data_parallel.pt")
    distributed.barrier()
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
