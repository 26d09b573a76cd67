"""Small graphs, and what every network of a method is called with."""

from collections.abc import Sequence

import torch
from torch_geometric.data import Batch, Data
from torch_geometric.utils import to_undirected

from benchmarks.methods import NETWORK, kind_of, load_method, method_names
from benchmarks.runs.recipe import configurations
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import Settings
from benchmarks.training.forward import Forward
from benchmarks.training.prepared import PreparedLoader
from pyg_diffpool import ResidentLoader

NUM_FEATURES, NUM_CLASSES = 4, 3
NETWORKS = [name for name in method_names() if kind_of(name) == NETWORK]


def random_graph(num_nodes: int, seed: int, probability: float = 0.35) -> Data:
    """Return an undirected random graph with features in general position."""
    generator = torch.Generator().manual_seed(seed)
    pairs = torch.combinations(torch.arange(num_nodes)).t()
    kept = torch.rand(pairs.size(1), generator=generator) < probability
    edge_index = to_undirected(pairs[:, kept], num_nodes=num_nodes)
    x = torch.randn(num_nodes, NUM_FEATURES, generator=generator)
    return Data(x=x, edge_index=edge_index, y=torch.tensor([seed % NUM_CLASSES]))


def odd_graphs() -> list[Data]:
    """Return graphs with a lone node, without edges, of two nodes, and ordinary ones."""
    lone = Data(x=torch.randn(1, NUM_FEATURES), edge_index=torch.empty(2, 0, dtype=torch.long))
    edgeless = Data(x=torch.randn(5, NUM_FEATURES), edge_index=torch.empty(2, 0, dtype=torch.long))
    for number, data in enumerate((lone, edgeless)):
        data.y = torch.tensor([number])
    return [random_graph(12, 0), lone, random_graph(2, 1, 1.0), edgeless, random_graph(17, 2)]


def permuted(data: Data, order: torch.Tensor) -> Data:
    """Return the same graph with the node at ``order[i]`` in place ``i``."""
    place = order.argsort()
    return Data(x=data.x[order], edge_index=place[data.edge_index], y=data.y)


def small_settings(method: str, **overrides: object) -> Settings:
    """Return a method's settings for a small network of its kind."""
    (settings,) = configurations("UNKNOWN", method, {"hidden_channels": 8, **overrides})
    return settings


def small_problem(
    settings: Settings, sizes: list[int], num_features: int = NUM_FEATURES
) -> Problem:
    """Return a problem with fewer clusters at each pooling."""
    clusters = [4, 2, 1][: settings.num_pools]
    return Problem(num_features, NUM_CLASSES, clusters, torch.tensor(sizes))


def small_network(
    method: str, settings: Settings, sizes: list[int], num_features: int = NUM_FEATURES
) -> torch.nn.Module:
    """Return a method's network for graphs of the given sizes."""
    torch.manual_seed(0)
    return load_method(method).build(settings, small_problem(settings, sizes, num_features))


def loader_of(
    method: str, settings: Settings, graphs: Sequence[Data], batch_size: int
) -> ResidentLoader | PreparedLoader:
    """Return batches, with what the method prepares of each graph without its label."""
    loader = ResidentLoader(graphs, batch_size)
    prepare = getattr(load_method(method), "prepare", None)
    if prepare is None:
        return loader
    bare = [Data(x=data.x, edge_index=data.edge_index) for data in graphs]
    return PreparedLoader(loader, [prepare(data, settings) for data in bare])


def batch_of(method: str, settings: Settings, graphs: Sequence[Data]) -> Batch:
    """Return one batch, with what the method prepares."""
    return next(iter(loader_of(method, settings, graphs, len(graphs))))


def prepared(method: str, settings: Settings, graph: Data) -> Data:
    """Return a graph with what the method prepares of it."""
    return graph.clone().update(load_method(method).prepare(graph, settings))


def logits_of(method: str, settings: Settings, net: torch.nn.Module, graphs: list[Data]):
    """Return a network's logits for graphs in one batch."""
    return Forward(net)(batch_of(method, settings, graphs)).logits


@torch.no_grad()
def answers(net: torch.nn.Module, graph: Data) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the logits and the loss of a network that needs nothing prepared, for one graph."""
    out = net.eval()(graph.x, graph.edge_index)
    return out.logits, out.loss
