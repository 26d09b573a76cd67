r"""Synthetic graphs whose class depends on communities beyond a flat network's receptive field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot
from torch_geometric.data import Data, InMemoryDataset

from pyg_diffpool.datasets.strips import check_strips, random_strips, split_graphs, with_noise

NUM_ENDS = 4
CHAIN = 3  # communities in a chain: end, bridge, end
COMMUNITIES = 2 * CHAIN

# The three ways to pair ends 0, 1, 2, 3; the class is the row.
PAIRINGS = torch.tensor([[0, 1, 2, 3], [0, 2, 1, 3], [0, 3, 1, 2]])


class CommunityChains(InMemoryDataset):
    r"""Two chains of three communities each; the class is which ends share a chain.

    Every graph has four *end* communities, of colours :math:`0, \ldots, 3`, and two *bridge*
    communities with two different colours, drawn from :obj:`num_bridges` others. A chain is
    end – bridge – end, and the class :math:`y` is the pairing of the ends: :math:`01|23`,
    :math:`02|13` or :math:`03|12`. A community is a dense strip of :obj:`length` layers of
    :obj:`width` nodes each: a layer is a clique, nodes of consecutive layers are connected with
    probability :obj:`edge_probability`, and the adjacent layers of two neighbouring communities
    are fully connected. The features of a node are its community's one-hot colour plus Gaussian
    noise of standard deviation :obj:`noise`; without features, no message passing network would be
    more powerful than the 1-WL test, whatever its pooling.

    **Why a flat network cannot see the class.** The ends of one chain are :obj:`length` + 1 hops
    apart, so a node whose receptive field has radius :math:`R < (\mathrm{length} + 1) / 2` sees
    nodes of at most one end and at most one bridge. Given the class, the colour of the bridge next
    to an end is uniform for each end. Thus each neighbourhood of radius :math:`R` has the same
    expected number of occurrences in all classes, and for any embedding :math:`\mathbf{h}_v` of
    these neighbourhoods

    .. math::
        \mathbb{E} \Bigl[ \sum_v \mathbf{h}_v \Bigm| y = 0 \Bigr]
        = \mathbb{E} \Bigl[ \sum_v \mathbf{h}_v \Bigm| y = 1 \Bigr]
        = \mathbb{E} \Bigl[ \sum_v \mathbf{h}_v \Bigm| y = 2 \Bigr] .

    No single neighbourhood determines the class; it depends on which of them occur *together* (two
    ends next to the same bridge). The classifier behind a flat readout has to memorise this for
    each bridge colour: about 1000 graphs may suffice for four colours, but hardly for six. If
    clusters are communities, a single message passing step on
    :math:`\mathbf{S}^{\top} \mathbf{A} \mathbf{S}` shows each bridge which two ends it connects.

    Graphs have about :math:`21 \cdot \mathrm{length}` nodes at the default width and hold
    :obj:`x` of shape :math:`(n, 4 + \mathrm{num\_bridges})`, undirected :obj:`edge_index`,
    :obj:`y` of shape :math:`(1)`, :obj:`community` :math:`(n)`, the position of a node's community
    in the graph (0–2 in the first chain, 3–5 in the second), and :obj:`color` :math:`(n)`.

    Args:
        num_graphs: Number of graphs, with balanced classes. (default: :obj:`1500`)
        num_bridges: Number of colours from which those of the bridges are drawn, at least two.
            (default: :obj:`6`)
        length: Number of layers of a community. Flat networks of up to :attr:`receptive_field`
            layers cannot see the class. (default: :obj:`4`)
        width: Minimum and maximum number of nodes of a layer, drawn for each layer.
            (default: :obj:`(3, 4)`)
        edge_probability: Probability of an edge between nodes of consecutive layers.
            (default: :obj:`0.7`)
        noise: Standard deviation of the feature noise. (default: :obj:`0.25`)
        seed: Seed of a separate random generator: equal arguments give equal graphs.
            (default: :obj:`0`)
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
        x = with_noise(one_hot(color, NUM_ENDS + num_bridges).float(), noise, generator)
        self.data, self.slices = self.collate(_split(x, edge_index, y, community, color))

    @property
    def receptive_field(self) -> int:
        """Largest number of message passing layers with which no node sees both ends of a chain."""
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
    ):
        if value < least:
            raise ValueError(f"{name}: expected at least {least}, got {value}")
    check_strips(length, width, edge_probability)
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
    """Build all graphs at once: each node's community (numbered over all graphs) and the edges."""
    layer_community = torch.arange(COMMUNITIES * num_graphs).repeat_interleave(length)
    touching = layer_community != layer_community.roll(-1)
    layer, edge_index = random_strips(
        layer_community.numel(), CHAIN * length, width, edge_probability, generator, touching
    )
    return layer_community[layer], edge_index


def _split(
    x: Tensor, edge_index: Tensor, y: Tensor, community: Tensor, color: Tensor
) -> list[Data]:
    """Split the nodes and edges of all graphs into one Data object per graph."""
    graph = community // COMMUNITIES
    edge_index, nodes, edges = split_graphs(graph, edge_index, y.numel())
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
