r"""Generated graphs whose class is an arrangement of communities out of a flat network's sight."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot
from torch_geometric.data import Data, InMemoryDataset
from torch_geometric.utils import coalesce, cumsum

NUM_ENDS = 4
CHAIN = 3  # communities in a chain: end, bridge, end
COMMUNITIES = 2 * CHAIN

# The three ways to pair ends 0, 1, 2, 3; the class is the row.
PAIRINGS = torch.tensor([[0, 1, 2, 3], [0, 2, 1, 3], [0, 3, 1, 2]])


class CommunityChains(InMemoryDataset):
    r"""Two chains of three communities each; the class tells which ends share a chain.

    Every graph has four *end* communities, of colours :math:`0, \ldots, 3`, and two *bridge*
    communities, whose two different colours are drawn from :obj:`num_bridges` others. A chain is
    end – bridge – end, and the class :math:`y` is the pairing of the ends: :math:`01|23`,
    :math:`02|13` or :math:`03|12`. A community is a dense strip of :obj:`length` layers of
    :obj:`width` nodes: a layer is a clique, nodes of consecutive layers are joined with
    :obj:`edge_probability`, all nodes of the layers in which two communities touch are joined.
    The features of a node are its community's one-hot colour plus Gaussian noise of standard
    deviation :obj:`noise`: without features no pooling of message passing would beat the 1-WL test.

    **Why a flat network is blind to it.** The ends of one chain are :obj:`length` + 1 hops apart,
    so a node whose receptive field has a radius :math:`R < (\mathrm{length} + 1) / 2` sees nodes
    of one end at most, and of one bridge. Given the class, the colour of the bridge beside an end
    is uniform for each end. Thus each neighbourhood of radius :math:`R` has the same expected
    number of occurrences in all classes, and for any embedding :math:`\mathbf{h}_v` of these
    neighbourhoods

    .. math::
        \mathbb{E} \Bigl[ \sum_v \mathbf{h}_v \Bigm| y = 0 \Bigr]
        = \mathbb{E} \Bigl[ \sum_v \mathbf{h}_v \Bigm| y = 1 \Bigr]
        = \mathbb{E} \Bigl[ \sum_v \mathbf{h}_v \Bigm| y = 2 \Bigr] .

    The class is in no neighbourhood, only in which of them occur *together* (two ends beside the
    same bridge), which the classifier behind a flat readout has to learn by heart, bridge colour
    by bridge colour: about 1000 graphs may suffice for four colours, hardly for six. Where clusters
    are communities, one message on :math:`\mathbf{S}^{\top} \mathbf{A} \mathbf{S}` tells each
    bridge which two ends it joins.

    Graphs have about :math:`21 \cdot \mathrm{length}` nodes at the default width and come with
    :obj:`x` of shape :math:`(n, 4 + \mathrm{num\_bridges})`, undirected :obj:`edge_index`,
    :obj:`y` of shape :math:`(1)`, :obj:`community` :math:`(n)`, the place of a node's community in
    the graph (0–2 the first chain, 3–5 the second), and :obj:`color` :math:`(n)`.

    Args:
        num_graphs: Number of graphs, classes balanced. (default: :obj:`1500`)
        num_bridges: Colours from which the bridges are drawn, at least two. (default: :obj:`6`)
        length: Layers of a community. Flat networks of up to :attr:`receptive_field` layers are
            blind to the class. (default: :obj:`4`)
        width: Fewest and most nodes of a layer, drawn for each layer. (default: :obj:`(3, 4)`)
        edge_probability: Of an edge between nodes of consecutive layers. (default: :obj:`0.7`)
        noise: Standard deviation of the features' noise. (default: :obj:`0.25`)
        seed: Of a generator of its own: equal arguments, equal graphs. (default: :obj:`0`)
        transform: As in every PyG data set. (default: :obj:`None`)

    Example:
        >>> dataset = CommunityChains(num_graphs=6)
        >>> len(dataset), dataset.num_classes, dataset.num_features, dataset.receptive_field
        (6, 3, 10, 2)
        >>> data = dataset[0]
        >>> data.is_undirected(), int(data.community.max())
        (True, 5)
    """

    def __init__(
        self,
        num_graphs: int = 1500,
        num_bridges: int = 6,
        length: int = 4,
        width: tuple[int, int] = (3, 4),
        edge_probability: float = 0.7,
        noise: float = 0.25,
        seed: int = 0,
        transform: Callable[[Data], Any] | None = None,
    ):
        _check(num_graphs, num_bridges, length, width, edge_probability, noise)
        super().__init__(None, transform)
        self.length = length
        generator = torch.Generator().manual_seed(seed)
        y, colors = _arrangements(num_graphs, num_bridges, generator)
        community, edge_index = _strips(num_graphs, length, width, edge_probability, generator)
        color = colors.flatten()[community]
        x = one_hot(color, NUM_ENDS + num_bridges).float()
        # Drawn in float32 whatever the default dtype, so that equal arguments give equal graphs.
        x += noise * torch.randn(x.shape, generator=generator, dtype=torch.float32)
        x = x.to(torch.get_default_dtype())
        self.data, self.slices = self.collate(_split(x, edge_index, y, community, color))

    @property
    def receptive_field(self) -> int:
        """Most message passing layers with which no node sees both ends of its chain."""
        return self.length // 2


def _check(
    num_graphs: int,
    num_bridges: int,
    length: int,
    width: tuple[int, int],
    edge_probability: float,
    noise: float,
) -> None:
    for name, value, least in (
        ("num_graphs", num_graphs, 1),
        ("num_bridges", num_bridges, 2),
        ("length", length, 1),
    ):
        if value < least:
            raise ValueError(f"{name}: expected at least {least}, got {value}")
    if not 1 <= width[0] <= width[1]:
        raise ValueError(f"width: expected 1 <= fewest <= most, got {width}")
    if not 0 <= edge_probability <= 1:
        raise ValueError(f"edge_probability: expected a value in [0, 1], got {edge_probability}")
    if noise < 0:
        raise ValueError(f"noise: expected a standard deviation >= 0, got {noise}")


def _arrangements(
    num_graphs: int, num_bridges: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw balanced classes, and the colours of each graph's communities in chain order."""
    y = torch.arange(num_graphs) % len(PAIRINGS)
    y = y[torch.randperm(num_graphs, generator=generator)]
    ends = PAIRINGS[y]
    order = torch.rand(num_graphs, num_bridges, generator=generator, dtype=torch.float32)
    bridges = order.argsort(1) + NUM_ENDS
    columns = [ends[:, 0], bridges[:, 0], ends[:, 1], ends[:, 2], bridges[:, 1], ends[:, 3]]
    return y, torch.stack(columns, 1)


def _strips(
    num_graphs: int,
    length: int,
    width: tuple[int, int],
    edge_probability: float,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Build all graphs at once: each node's community (over the whole set), and the edges."""
    fewest, most = width
    layer_community = torch.arange(COMMUNITIES * num_graphs).repeat_interleave(length)
    num_layers = layer_community.numel()
    sizes = torch.randint(fewest, most + 1, (num_layers,), generator=generator)
    first = cumsum(sizes)[:-1]
    # All pairs of places in a layer and in the next one (place j of a layer is node first + j).
    place, other = torch.cartesian_prod(torch.arange(most), torch.arange(most)).t()
    inside = (place < other) & (other < sizes[:, None])

    following = (torch.arange(num_layers) + 1) % num_layers
    chain_goes_on = (following % (CHAIN * length) != 0)[:, None]
    touching = (layer_community != layer_community[following])[:, None]
    draws = torch.rand(num_layers, most * most, generator=generator, dtype=torch.float32)
    drawn = draws < edge_probability
    # The first two places are always joined, so that a chain is connected.
    drawn = drawn | touching | ((place + other) == 0)
    exists = (place < sizes[:, None]) & (other < sizes[following, None])
    between = chain_goes_on & drawn & exists

    starts, ends = first[:, None] + place, first[:, None] + other
    next_ends = first[following, None] + other
    source = torch.cat([starts[inside], starts[between]])
    target = torch.cat([ends[inside], next_ends[between]])
    edge_index = torch.stack([torch.cat([source, target]), torch.cat([target, source])])
    return layer_community.repeat_interleave(sizes), coalesce(edge_index)


def _split(
    x: Tensor, edge_index: Tensor, y: Tensor, community: Tensor, color: Tensor
) -> list[Data]:
    """Cut the nodes and edges of all graphs into one Data a graph."""
    graph = community // COMMUNITIES
    num_nodes = torch.bincount(graph, minlength=y.numel())
    num_edges = torch.bincount(graph[edge_index[0]], minlength=y.numel())
    first = cumsum(num_nodes)[:-1]
    edge_index = edge_index - first[graph[edge_index[0]]]
    nodes, edges = num_nodes.tolist(), num_edges.tolist()
    parts = zip(
        torch.split(x, nodes),
        torch.split(edge_index, edges, 1),
        torch.split(y, 1),
        torch.split(community % COMMUNITIES, nodes),
        torch.split(color, nodes),
        strict=True,
    )
    return [
        Data(x=features, edge_index=pairs, y=label, community=place, color=hue)
        for features, pairs, label, place, hue in parts
    ]
