"""The networks whose training time is compared, each as its row's recipe has it."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch_geometric.data import Batch, InMemoryDataset

from benchmarks.dataset import graph_sizes
from benchmarks.features import node_features
from benchmarks.forward import Forward
from benchmarks.methods import load_method
from benchmarks.network_cell import cluster_numbers
from benchmarks.problem import Problem
from benchmarks.recipe import configurations
from benchmarks.settings import Settings
from pyg_diffpool import ResidentLoader

BASELINE = "graphsage"
CONTENDERS = {
    BASELINE: "graphsage",
    "diffpool": "diffpool",
    "set2set-3": "set2set",
    "set2set-largest": "set2set",
}
"""Contenders with their methods; ``largest``: as many steps as the largest graph has nodes."""

SHARED: dict[str, Any] = {"batch_size": 20, "hidden_channels": 64, "num_layers": 3}
"""What all contenders have in common; the rest is each row's first configuration."""


class Trainee:
    """A network with its optimiser.

    Args:
        network: The network.
        settings: Its settings.
        clusters: Its numbers of clusters.
    """

    def __init__(self, network: nn.Module, settings: Settings, clusters: list[int]) -> None:
        self.network = network.train()
        self.settings = settings
        self.clusters = clusters
        self._predict = Forward(network)
        self._optimizer = torch.optim.Adam(
            network.parameters(), lr=settings.learning_rate, fused=True
        )

    @property
    def parameters(self) -> int:
        """Number of learned numbers."""
        return sum(parameter.numel() for parameter in self.network.parameters())

    def step(self, batch: Batch) -> None:
        """Train on a batch as the runner does: side objectives, clipped gradients, Adam."""
        self._optimizer.zero_grad()
        prediction = self._predict(batch)
        loss = cross_entropy(prediction.logits, batch.y)
        if prediction.auxiliary_loss is not None:
            loss = loss + prediction.auxiliary_loss
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.gradient_clip or 1e9)
        self._optimizer.step()


class TimingData(NamedTuple):
    """A data set ready for timing: the loader of all its graphs, and what networks need to know."""

    name: str
    loader: ResidentLoader
    num_features: int
    num_classes: int
    sizes: torch.Tensor
    num_edge_features: int
    device: str

    @property
    def largest(self) -> int:
        """Number of nodes of the largest graph."""
        return int(self.sizes.max())

    def trainee(self, method: str, processing_steps: int | None, seed: int) -> Trainee:
        """Build a method's network anew, with so many steps of Set2Set if they are given."""
        overrides = dict(SHARED)
        if processing_steps is not None:
            overrides["processing_steps"] = processing_steps
        settings = configurations(self.name, method, overrides)[0]
        clusters = cluster_numbers(self.sizes, settings)
        problem = Problem(
            self.num_features, self.num_classes, clusters, self.sizes, self.num_edge_features
        )
        torch.manual_seed(seed)
        network = load_method(method).build(settings, problem).to(self.device)
        return Trainee(network, settings, clusters)


def load_timing_data(name: str, dataset: InMemoryDataset, device: str, seed: int) -> TimingData:
    """Put all graphs of a data set on the device, in batches of a shuffled order."""
    everything = torch.arange(len(dataset))
    x = node_features(dataset, everything)
    loader = ResidentLoader(
        dataset,
        SHARED["batch_size"],
        shuffle=True,
        x=x,
        device=torch.device(device),
        generator=torch.Generator().manual_seed(seed),
    )
    return TimingData(
        name,
        loader,
        x.size(1),
        dataset.num_classes,
        graph_sizes(dataset),
        dataset.num_edge_features,
        device,
    )
