"""Networks with their loaders, trained by one plain loop: ours, PyG's example and tgp's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch_geometric.loader import DataLoader, DenseDataLoader
from torch_geometric.transforms import ToDense
from torch_geometric.utils import to_dense_adj, to_dense_batch

from benchmarks.timing import rivals
from benchmarks.timing.epoch_data import DROPPED_ABOVE, EpochData, GraphSet
from benchmarks.timing.networks import OursLikeTgpNet, Output, PyGNet, TgpNet
from benchmarks.timing.rivals import COMPILED, PYG, TGP, TGP_INSTALLED, why_not_compiled
from benchmarks.training.compiled import compiled_network
from pyg_diffpool import DiffPoolNet, ResidentLoader

LEARNING_RATE = 1e-3

OURS = "ours"
OURS_COMPILED = COMPILED
OURS_LIKE_TGP = f"{OURS} with tgp's layers"
OURS_FEW_CLUSTERS = f"ours, K as without graphs over {DROPPED_ABOVE} nodes"
PYG_DROPPED = f"{PYG}, graphs over {DROPPED_ABOVE} nodes dropped"

Forward = Callable[[Any], tuple[Tensor, Tensor | None]]


@dataclass(frozen=True)
class Options:
    """What all contenders share.

    Attributes:
        batch_size: Graphs in a batch.
        hidden_channels: Width of all layers.
        seed: Of the weights.
        device: Where they train.
        compiled: Whether our network takes part compiled too, which begins with minutes of it.
    """

    batch_size: int = 20
    hidden_channels: int = 64
    seed: int = 0
    device: str = "cpu"
    compiled: bool = False


@dataclass
class Trainee:
    """A network with Adam (one kernel for all tensors), and how it is called on a batch.

    Attributes:
        network: The network.
        forward: From a batch to logits and side objectives, if there are any.
        learning_rate: Adam's.
        gradient_clip: Largest norm of all gradients together. (default: any)
    """

    network: nn.Module
    forward: Forward
    learning_rate: float = LEARNING_RATE
    gradient_clip: float | None = None

    def __post_init__(self) -> None:
        parameters = self.network.train().parameters()
        self.optimizer = torch.optim.Adam(parameters, lr=self.learning_rate, fused=True)

    @property
    def parameters(self) -> int:
        """Number of learned numbers."""
        return sum(parameter.numel() for parameter in self.network.parameters())

    def step(self, batch: Any) -> tuple[int, Tensor]:
        """Train on a batch; return its number of graphs and its loss."""
        self.optimizer.zero_grad()
        logits, side_objectives = self.forward(batch)
        y = batch.y.view(-1).to(logits.device, non_blocking=True)
        loss = cross_entropy(logits, y)
        if side_objectives is not None:
            loss = loss + side_objectives
        loss.backward()  # type: ignore[no-untyped-call]
        if self.gradient_clip is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.gradient_clip)
        self.optimizer.step()
        return y.numel(), loss.detach()


@dataclass
class EpochTrainee(Trainee):
    """A network that trains by epochs.

    Attributes:
        data: Graphs of an epoch.
        loader: Batches of all of them, in a new order each time.
    """

    data: EpochData = field(kw_only=True)
    loader: Iterable[Any] = field(kw_only=True)


def contenders(data: EpochData, compiled: bool = False) -> dict[str, EpochData]:
    """Return the contenders on a data set, and the graphs (and clusters) that each works with."""
    found = {OURS: data, OURS_LIKE_TGP: data, PYG: data}
    if compiled and why_not_compiled() is None:
        found[OURS_COMPILED] = data
    small = data.small()
    if small is not None and not data.huge:
        found[OURS_FEW_CLUSTERS] = data._replace(clusters=small.clusters)
        found[PYG_DROPPED] = small
    if TGP_INSTALLED:
        # Padding without need is PyG's part; where graphs are huge tgp's other mode is far faster.
        found |= {name: data for name in TGP if not (data.huge and name == TGP[0])}
    return found


def make_trainee(name: str, data: EpochData, options: Options) -> EpochTrainee:
    """Build a contender anew; its network draws its weights from the seed."""
    torch.manual_seed(options.seed)
    builders = {OURS_LIKE_TGP: _ours_like_tgp, **{mode: _tgp(mode) for mode in TGP}}
    build = builders.get(name, _ours if name.startswith(OURS) else _pyg)
    loader, network, forward = build(data, options)
    if name == OURS_COMPILED:
        forward = our_forward(compiled_network(network, rivals.COMPILER))
    return EpochTrainee(network.to(options.device), forward, data=data, loader=loader)


Parts = tuple[Iterable[Any], nn.Module, Forward]


def our_network(data: EpochData, options: Options) -> DiffPoolNet:
    """Return the network nearest to PyG's that :class:`DiffPoolNet` can be.

    It differs in the assignment blocks: three layers as wide as the embedding's, then a linear
    layer to the clusters without a ReLU, where PyG's third layer has the clusters' width already.
    """
    return DiffPoolNet(
        data.num_features,
        options.hidden_channels,
        data.num_classes,
        max_clusters=data.clusters,
        normalize=False,
        readout="mean",
        readout_levels="last",
        mlp_channels=options.hidden_channels,
        convention="pyg",
    )


def our_forward(network: Callable[..., Any]) -> Forward:
    """Return how our network is called on a batch of a :class:`ResidentLoader`."""

    def forward(batch: Any) -> Output:
        out = network(
            batch.x,
            batch.adjacency,
            batch=batch.batch,
            batch_size=batch.num_graphs,
            max_num_nodes=batch.max_num_nodes,
        )
        return out.logits, out.loss

    return forward


def our_loader(data: EpochData, options: Options, batch_size: int | None = None) -> ResidentLoader:
    """Return shuffled batches of all graphs.

    Args:
        data: The graphs.
        options: Batch size and device.
        batch_size: Another batch size. (default: the options')
    """
    return ResidentLoader(
        data.graphs,
        batch_size or options.batch_size,
        shuffle=True,
        device=torch.device(options.device),
    )


def _ours(data: EpochData, options: Options) -> Parts:
    network = our_network(data, options)
    return our_loader(data, options), network, our_forward(network)


def _ours_like_tgp(data: EpochData, options: Options) -> Parts:
    widths = data.num_features, options.hidden_channels, data.num_classes
    network = OursLikeTgpNet(*widths, data.clusters)

    def forward(batch: Any) -> Output:
        given = batch.batch, batch.num_graphs, batch.max_num_nodes
        out: Output = network(batch.x, batch.adjacency, *given)
        return out

    return our_loader(data, options), network, forward


def _pyg(data: EpochData, options: Options) -> Parts:
    network = PyGNet(data.num_features, options.hidden_channels, data.num_classes, data.clusters)

    def dense(batch: Any) -> Output:
        batch = batch.to(options.device)
        out: Output = network(batch.x, batch.adj, batch.mask)
        return out

    def padded_by_batch(batch: Any) -> Output:
        batch = batch.to(options.device)
        x, mask = to_dense_batch(batch.x, batch.batch, batch_size=batch.num_graphs)
        adj = to_dense_adj(batch.edge_index, batch.batch, batch_size=batch.num_graphs)
        out: Output = network(x, adj, mask)
        return out

    if data.huge:
        loader = DataLoader(GraphSet(data.graphs), options.batch_size, shuffle=True)
        return loader, network, padded_by_batch
    graphs = GraphSet(data.graphs, ToDense(data.largest))
    return DenseDataLoader(graphs, options.batch_size, shuffle=True), network, dense


def _tgp(name: str) -> Callable[[EpochData, Options], Parts]:
    def build(data: EpochData, options: Options) -> Parts:
        network = TgpNet(
            data.num_features,
            options.hidden_channels,
            data.num_classes,
            data.clusters,
            batched=name == TGP[0],
        )

        def forward(batch: Any) -> Output:
            batch = batch.to(options.device)
            out: Output = network(batch.x, batch.edge_index, batch.batch)
            return out

        loader = DataLoader(GraphSet(data.graphs), options.batch_size, shuffle=True)
        return loader, network, forward

    return build
