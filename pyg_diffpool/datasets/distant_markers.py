r"""Synthetic graphs whose nodes are labelled by something at the other end of the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot
from torch_geometric.data import Data, InMemoryDataset

from pyg_diffpool.datasets.strips import check_strips, random_strips, split_graphs, with_noise

BITS, MARKERS = 2, 2


class DistantMarkers(InMemoryDataset):
    r"""Node classification where every label depends on a marker at one end of a long graph.

    A graph is a strip of :obj:`length` layers of :obj:`width` nodes each: a layer is a clique,
    nodes of consecutive layers are connected with probability :obj:`edge_probability`, and their
    first nodes always. Each node has a bit :math:`b_v`, drawn with probability :math:`\frac{1}{2}`.
    The nodes of the first layer also have the *marker* of the graph, a bit :math:`m` that is equal
    for all of them. The label of each node is

    .. math::
        y_v = b_v \oplus m ,

    that is, its own bit, flipped in half of the graphs. Features are the one-hot bit and, in the
    first layer, the one-hot marker, plus Gaussian noise of standard deviation :obj:`noise`.

    **Why a flat network cannot know most labels.** Graphs come in pairs, :math:`2i` and
    :math:`2i + 1`, that differ in the marker alone: nodes, edges, bits and noise are equal. A node
    of layer :math:`l` is at least :math:`l` hops from the marker. A network of :math:`R` layers of
    message passing returns the same for both twins of a node with :math:`l > R`, whose labels are
    opposite, so that one of them is wrong. On any set of pairs, no such network, however wide and
    however trained, has an accuracy above

    .. math::
        \frac{1}{n} \bigl| \{ v : l_v \leq R \} \bigr| +
        \frac{1}{2n} \bigl| \{ v : l_v > R \} \bigr| ,

    which :meth:`flat_bound` returns. A network that pools the graph to a few clusters and returns
    to the nodes sees the marker from everywhere, as does one with a readout of the whole graph.

    Graphs have about :math:`3.5 \cdot \mathrm{length}` nodes at the default width and hold
    :obj:`x` :math:`(n, 4)`, undirected :obj:`edge_index`, :obj:`y` :math:`(n)`, :obj:`bit`
    :math:`(n)`, :obj:`layer` :math:`(n)` and :obj:`marker` :math:`(1)`.

    Args:
        num_graphs: Number of graphs, an even number. (default: :obj:`200`)
        length: Number of layers :math:`l` of a strip. (default: :obj:`40`)
        width: Minimum and maximum number of nodes of a layer, drawn for each layer.
            (default: :obj:`(3, 4)`)
        edge_probability: Probability of an edge between nodes of consecutive layers.
            (default: :obj:`0.7`)
        noise: Standard deviation of the feature noise. (default: :obj:`0.1`)
        seed: Seed of a separate random generator: equal arguments give equal graphs.
            (default: :obj:`0`)
        transform: As in every PyG data set. (default: :obj:`None`)

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> dataset = DistantMarkers(num_graphs=4, length=20)
        >>> data = dataset[0]
        >>> torch.equal(data.y, data.bit ^ data.marker)
        True
        >>> round(dataset.flat_bound(num_layers=3), 1)
        0.6
    """

    def __init__(
        self,
        num_graphs: int = 200,
        length: int = 40,
        width: tuple[int, int] = (3, 4),
        edge_probability: float = 0.7,
        noise: float = 0.1,
        seed: int = 0,
        transform: Callable[[Data], Any] | None = None,
    ):
        if num_graphs < 2 or num_graphs % 2 != 0:
            raise ValueError(f"num_graphs: expected an even number, at least 2, got {num_graphs}")
        check_strips(length, width, edge_probability)
        if noise < 0:
            raise ValueError(f"noise: expected a standard deviation >= 0, got {noise}")
        super().__init__(None, transform)
        generator = torch.Generator().manual_seed(seed)
        pairs = num_graphs // 2
        layer, edge_index = random_strips(
            pairs * length, length, width, edge_probability, generator
        )
        graph, layer = layer // length, layer % length
        bit = torch.randint(BITS, layer.shape, generator=generator)
        x = with_noise(one_hot(bit, BITS + MARKERS).float(), noise, generator)
        self.data, self.slices = self.collate(_twins(x, edge_index, bit, layer, graph, pairs))

    def flat_bound(self, num_layers: int) -> float:
        """Return the largest accuracy, on all graphs, of so many layers of message passing.

        Example:
            >>> DistantMarkers(num_graphs=2, length=10, width=(3, 3)).flat_bound(num_layers=4)
            0.75
        """
        seen = (self._data.layer <= num_layers).double().mean()
        return float(seen + (1 - seen) / BITS)


def _twins(
    x: Tensor, edge_index: Tensor, bit: Tensor, layer: Tensor, graph: Tensor, pairs: int
) -> list[Data]:
    """Return two graphs for each drawn one, with either marker in the first layer."""
    edge_index, nodes, edges = split_graphs(graph, edge_index, pairs)
    parts = zip(
        torch.split(x, nodes),
        torch.split(edge_index, edges, 1),
        torch.split(bit, nodes),
        torch.split(layer, nodes),
        strict=True,
    )
    graphs = []
    for rows, neighbours, own, place in parts:
        for marker in range(MARKERS):
            marked = rows.clone()
            marked[place == 0, BITS + marker] += 1
            graphs.append(
                Data(
                    x=marked,
                    edge_index=neighbours,
                    y=own ^ marker,
                    bit=own,
                    layer=place,
                    marker=torch.tensor([marker]),
                )
            )
    return graphs
