"""Small graphs on which every network of a method can be tried."""

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch, Data
from torch_geometric.utils import to_undirected

from benchmarks.data.task import Multiclass
from benchmarks.spec.settings import make_settings
from benchmarks.training.classifier import TrainingResult, train
from benchmarks.training.forward import Forward
from pyg_diffpool import ResidentLoader
from pyg_diffpool.datasets import CommunityChains

NUM_FEATURES, NUM_CLASSES = 4, 3


def random_graph(num_nodes: int, num_edges: int, seed: int = 0) -> Data:
    """Return an undirected graph with generic features: no two of its nodes are alike."""
    generator = torch.Generator().manual_seed(seed)
    edges = torch.randint(num_nodes, (2, num_edges), generator=generator)
    edges = to_undirected(edges[:, edges[0] != edges[1]], num_nodes=num_nodes)
    x = torch.randn(num_nodes, NUM_FEATURES, generator=generator)
    return Data(x=x, edge_index=edges, num_nodes=num_nodes)


def odd_graphs() -> list[Data]:
    """Return an ordinary graph beside a single node and nodes without edges."""
    return [random_graph(12, 20), random_graph(1, 0, 1), random_graph(5, 0, 2), random_graph(1, 0)]


def permuted(graph: Data, order: Tensor) -> Data:
    """Return the same graph with the node at ``order[i]`` in place ``i``."""
    place = torch.empty_like(order)
    place[order] = torch.arange(order.numel())
    return Data(x=graph.x[order], edge_index=place[graph.edge_index], num_nodes=graph.num_nodes)


@torch.no_grad()
def logits(model: nn.Module, graphs: list[Data]) -> Tensor:
    """Return a network's logits for one batch, in evaluation mode."""
    return Forward(model.eval())(Batch.from_data_list(graphs)).logits


def chains_loader(num_graphs: int = 60) -> ResidentLoader:
    """Return batches of a generated set with three classes and ten features."""
    return ResidentLoader(CommunityChains(num_graphs, length=2), 10)


def trained_two_epochs(model: nn.Module, loader: object, **settings: object) -> TrainingResult:
    """Train on a loader's graphs and validate on the same ones."""
    chosen = make_settings({"epochs": 2, "learning_rate": 0.005, **settings})
    return train(model, loader, loader, chosen, Multiclass(3))
