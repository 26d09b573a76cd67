"""Encoders that turn OGB's raw node and edge features into ones that every method can use."""

from __future__ import annotations

import copy

from torch import Tensor, nn
from torch_geometric.data import Batch
from torch_geometric.utils import scatter

from benchmarks.data.ogb_package import import_ogb
from benchmarks.spec.errors import unknown_name


class MoleculeEncoder(nn.Module):
    r"""Embeds the categories of atoms and bonds, and adds to each atom the mean of its bonds.

    .. math::
        \mathbf{x}'_v = \mathrm{AtomEncoder}(\mathbf{x}_v)
        + \operatorname{mean}_{u \to v} \mathrm{BondEncoder}(\mathbf{e}_{uv})

    with ogb's own ``AtomEncoder`` and ``BondEncoder``, sums of one embedding a category. Methods
    that know nothing of edge features see the bonds through the atoms; those that use them get the
    embedded bonds.

    Args:
        channels: Width :math:`H` of the embeddings.

    Shapes:
        - **input:** a batch with ``x`` :math:`[N, 9]`, ``edge_attr`` :math:`[E, 3]`, both int64
        - **output:** the batch with ``x`` :math:`[N, H]`, ``edge_attr`` :math:`[E, H]`
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        encoders = import_ogb("ogb.graphproppred.mol_encoder")
        self.atom = encoders.AtomEncoder(channels)
        self.bond = encoders.BondEncoder(channels)

    def forward(self, batch: Batch) -> Batch:
        """Return a copy of the batch with embedded features."""
        bonds = self.bond(batch.edge_attr)
        return _with(batch, self.atom(batch.x) + _mean_of_edges(bonds, batch), bonds)


class EdgeEncoder(nn.Module):
    r"""For graphs without node features: one learned vector, plus the mean of the node's edges.

    .. math::
        \mathbf{x}_v = \mathbf{w} + \operatorname{mean}_{u \to v} \mathbf{W} \mathbf{e}_{uv}
        + \mathbf{b}

    as OGB's baselines for ``ogbg-ppa`` begin (a learned node vector, a linear map of edges).

    Args:
        num_edge_features: Width :math:`D` of the edge features.
        channels: Width :math:`H` of the features made.

    Shapes:
        - **input:** a batch with ``edge_attr`` :math:`[E, D]`
        - **output:** the batch with ``x`` :math:`[N, H]`, ``edge_attr`` :math:`[E, H]`
    """

    def __init__(self, num_edge_features: int, channels: int) -> None:
        super().__init__()
        self.node = nn.Embedding(1, channels)
        self.edge = nn.Linear(num_edge_features, channels)

    def forward(self, batch: Batch) -> Batch:
        """Return a copy of the batch with features."""
        edges = self.edge(batch.edge_attr)
        return _with(batch, self.node.weight + _mean_of_edges(edges, batch), edges)


class Encoded(nn.Module):
    """A network behind an encoder; ``Forward`` in the training room calls one, then the other.

    Args:
        encoder: Maps a batch to a copy of it with other features.
        network: A method's network for those features.
    """

    def __init__(self, encoder: nn.Module, network: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.network = network


def make_encoder(name: str, num_edge_features: int, channels: int) -> nn.Module:
    """Return the encoder of a problem, ``"molecule"`` or ``"edge"``."""
    if name == "molecule":
        return MoleculeEncoder(channels)
    if name == "edge":
        return EdgeEncoder(num_edge_features, channels)
    raise unknown_name("encoder", name, ("molecule", "edge"))


def _mean_of_edges(values: Tensor, batch: Batch) -> Tensor:
    """Return the mean over the edges that enter each node, 0 where there are none."""
    target, size = batch.edge_index[1], batch.num_nodes
    means: Tensor = scatter(values, target, dim=0, dim_size=size, reduce="mean")
    return means


def _with(batch: Batch, x: Tensor, edge_attr: Tensor) -> Batch:
    batch = copy.copy(batch)
    batch.x, batch.edge_attr = x, edge_attr
    return batch
