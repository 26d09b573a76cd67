"""Random strips: layers of a few nodes each, every one connected to the next."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.utils import coalesce, cumsum


def random_strips(
    num_layers: int,
    chain_layers: int,
    width: tuple[int, int],
    edge_probability: float,
    generator: torch.Generator,
    touching: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Draw strips of equally many layers, all at once.

    A layer is a clique. Nodes of consecutive layers are connected with a given probability, and
    their first nodes always, so that a strip is connected and the distance of two nodes is at least
    that of their layers.

    Args:
        num_layers: Number of layers of all strips.
        chain_layers: Number of layers of a strip.
        width: Minimum and maximum number of nodes of a layer, drawn for each layer.
        edge_probability: Probability of an edge between nodes of consecutive layers.
        generator: Random generator.
        touching: Mask of the layers that are fully connected to the next one.

    Returns:
        The layer of each node, and undirected edges.
    """
    fewest, most = width
    sizes = torch.randint(fewest, most + 1, (num_layers,), generator=generator)
    first = cumsum(sizes)[:-1]
    # All pairs of positions in a layer and in the next (position j of a layer is node first + j).
    place, other = torch.cartesian_prod(torch.arange(most), torch.arange(most)).t()
    inside = (place < other) & (other < sizes[:, None])

    following = (torch.arange(num_layers) + 1) % num_layers
    chain_goes_on = (following % chain_layers != 0)[:, None]
    draws = torch.rand(num_layers, most * most, generator=generator, dtype=torch.float32)
    drawn = (draws < edge_probability) | ((place + other) == 0)
    if touching is not None:
        drawn = drawn | touching[:, None]
    exists = (place < sizes[:, None]) & (other < sizes[following, None])
    between = chain_goes_on & drawn & exists

    starts, ends = first[:, None] + place, first[:, None] + other
    next_ends = first[following, None] + other
    source = torch.cat([starts[inside], starts[between]])
    target = torch.cat([ends[inside], next_ends[between]])
    edge_index = torch.stack([torch.cat([source, target]), torch.cat([target, source])])
    return torch.arange(num_layers).repeat_interleave(sizes), coalesce(edge_index)


def check_strips(length: int, width: tuple[int, int], edge_probability: float) -> None:
    """Raise a :class:`ValueError` unless strips can be drawn."""
    if length < 1:
        raise ValueError(f"length: expected at least 1, got {length}")
    if not 1 <= width[0] <= width[1]:
        raise ValueError(f"width: expected 1 <= fewest <= most, got {width}")
    if not 0 <= edge_probability <= 1:
        raise ValueError(f"edge_probability: expected a value in [0, 1], got {edge_probability}")


def split_graphs(
    graph: Tensor, edge_index: Tensor, num_graphs: int
) -> tuple[Tensor, list[int], list[int]]:
    """Number the nodes of each graph from zero, and return its numbers of nodes and edges.

    Args:
        graph: Graph of each node, sorted.
        edge_index: Edges, sorted by source.
        num_graphs: Number of graphs.
    """
    num_nodes = torch.bincount(graph, minlength=num_graphs)
    num_edges = torch.bincount(graph[edge_index[0]], minlength=num_graphs)
    edge_index = edge_index - cumsum(num_nodes)[:-1][graph[edge_index[0]]]
    return edge_index, num_nodes.tolist(), num_edges.tolist()


def with_noise(x: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    """Add normal noise of this standard deviation to features, in the default dtype."""
    # Drawn in float32 for any default dtype, so that equal arguments give equal graphs.
    drawn = torch.randn(x.shape, generator=generator, dtype=torch.float32)
    return (x + noise * drawn).to(torch.get_default_dtype())
