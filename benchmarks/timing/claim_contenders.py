"""The networks whose training time is compared, each as its row's recipe has it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch_geometric.data import InMemoryDataset

from benchmarks.data.features import graph_sizes, node_features
from benchmarks.methods import build_network
from benchmarks.runs.recipe import configurations
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import Settings
from benchmarks.timing.trainees import Trainee
from benchmarks.training.forward import Forward
from benchmarks.training.network_capacity import cluster_numbers
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


@dataclass
class ClaimTrainee(Trainee):
    """A method's network, which trains as the runner does: gradients are clipped.

    Attributes:
        settings: Its settings.
        clusters: Its numbers of clusters.
    """

    settings: Settings = field(kw_only=True)
    clusters: list[int] = field(kw_only=True)


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

    def trainee(self, method: str, processing_steps: int | None, seed: int) -> ClaimTrainee:
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
        network = build_network(method, settings, problem).to(self.device)
        predict = Forward(network)

        def forward(batch: Any) -> tuple[torch.Tensor, torch.Tensor | None]:
            prediction = predict(batch)
            return prediction.logits, prediction.auxiliary_loss

        return ClaimTrainee(
            network,
            forward,
            settings.learning_rate,
            settings.gradient_clip or 1e9,
            settings=settings,
            clusters=clusters,
        )


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
