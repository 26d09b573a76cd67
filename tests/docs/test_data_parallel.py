"""The script of docs/scale.md: two processes train as one does with the whole batches."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.nn.functional import cross_entropy

from pyg_diffpool import DiffPoolNet, ResidentLoader
from pyg_diffpool.datasets import CommunityChains
from tests.docs.pages import ROOT

SCRIPT = ROOT / "docs" / "scripts" / "data_parallel.py"


def in_two_processes(folder: Path) -> list[float]:
    """Run the script for two epochs and return the losses that it prints."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    done = subprocess.run(
        [*command, "--nproc-per-node", "2", str(SCRIPT), "2"],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [float(loss) for loss in re.findall(r"loss ([\d.]+)", done.stdout)]


def alone() -> tuple[DiffPoolNet, list[float]]:
    """Train as the script does, in this process, and return the network and mean losses."""
    torch.manual_seed(0)
    dataset = CommunityChains(num_graphs=60)
    net = DiffPoolNet(
        dataset.num_features, 8, dataset.num_classes, max_clusters=[6], batch_norm=False
    )
    generator = torch.Generator().manual_seed(0)
    loader = ResidentLoader(dataset, script().BATCH_SIZE, shuffle=True, generator=generator)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    means = []
    for _ in range(2):
        total = 0.0
        for batch in loader:
            out = net(batch.x, batch.adjacency, batch=batch.batch, batch_size=batch.num_graphs)
            loss = cross_entropy(out.logits, batch.y) + out.loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += float(loss.detach())
        means.append(total / len(loader))
    return net, means


def script():
    spec = importlib.util.spec_from_file_location("data_parallel", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_two_processes_train_as_one_does_and_one_loads_the_result(tmp_path: Path) -> None:
    # Neither batches nor their number are whole multiples of two.
    assert script().BATCH_SIZE % 2
    losses = in_two_processes(tmp_path)
    net, expected = alone()
    assert losses == pytest.approx(expected, rel=1e-3)
    stored = torch.load(tmp_path / "data_parallel.pt", weights_only=True)
    for name, weight in net.state_dict().items():
        torch.testing.assert_close(stored[name], weight, rtol=1e-2, atol=1e-3)
    net.load_state_dict(stored)
