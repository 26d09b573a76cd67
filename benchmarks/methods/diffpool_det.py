"""DiffPool with the clusters of a deterministic graph clustering (DiffPool-Det in Table 1).

The network of ``diffpool`` without its assignment networks and side objectives: blocks, readouts
and classifier are made by the same code from the same settings. The paper names Graclus as the
clustering; see :mod:`benchmarks.methods.parts.graph_clusters`. Since a graph is clustered without
a look at others, its number of clusters follows from its own size: ⌈cluster_ratio · n⌉, at most
``max_clusters``.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch_geometric.utils import scatter

from benchmarks.methods import diffpool
from benchmarks.methods.parts.graph_clusters import PREPARED_BY, prepare
from benchmarks.methods.parts.head import ASSIGNMENT, refuse_unused
from benchmarks.spec.errors import UsageError
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import Settings
from pyg_diffpool import DiffPoolNet, DiffPoolOutput, PooledGraph, coarsen, prepare_adjacency
from pyg_diffpool.nn import readout

__all__ = ["DEFAULTS", "PREPARED_BY", "DeterministicDiffPool", "build", "prepare"]

DEFAULTS: dict[str, Any] = {"link_weight": 0.0, "entropy_weight": 0.0}


def build(settings: Settings, problem: Problem) -> nn.Module:
    """Return the network of ``diffpool``, to be called with each node's clusters."""
    refuse_unused("diffpool-det", settings, ("edge_features", *ASSIGNMENT))
    if any(weight != 0 for _, weight in settings.objectives or ()):
        raise UsageError(
            "setting objectives: diffpool-det learns no assignment and expects none, got "
            f"{dict(settings.objectives or ())}"
        )
    for name in ("link_weight", "entropy_weight"):
        if getattr(settings, name) != 0:
            raise UsageError(
                f"setting {name}: diffpool-det learns no assignment and expects 0, "
                f"got {getattr(settings, name)}"
            )
    net = diffpool.build(settings, problem)
    assert isinstance(net, DiffPoolNet)
    return DeterministicDiffPool(net)


class DeterministicDiffPool(nn.Module):
    r"""The embedding networks, readouts and classifier of a DiffPoolNet, over given clusters.

    .. math::
        \mathbf{Z} = \mathrm{GNN}_{embed}(\mathbf{A}, \mathbf{X}), \qquad
        \mathbf{X}' = \mathbf{S}^{\top} \mathbf{Z}, \qquad
        \mathbf{A}' = \mathbf{S}^{\top} \mathbf{A} \mathbf{S}

    with one-hot :math:`\mathbf{S}` (Equations 5, 3 and 4 of the paper).

    Args:
        net: Gives its networks; what it assigns with is left out.
    """

    def __init__(self, net: DiffPoolNet) -> None:
        super().__init__()
        pools: Any = net.pools
        self.embed = nn.ModuleList(pool.embed for pool in pools)
        self.last = net.last
        self.classifier = net.classifier
        self.readout = net.readout
        self.readout_levels = net.readout_levels
        self.sum_scale = net.sum_scale
        self.skip_input = net.skip_input

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor,
        cluster: Tensor,
        edge_weight: Tensor | None = None,
        batch: Tensor | None = None,
        batch_size: int | None = None,
        max_num_nodes: int | None = None,
    ) -> DiffPoolOutput:
        """Classify the graphs of a batch.

        Args:
            x: Node features ``[N, F]``.
            edge_index: Edges ``[2, E]``.
            cluster: Each node's cluster within its graph at each pooling, ``[N, L]``; equal
                clusters of one level have equal clusters on the next.
            edge_weight: Weights of the edges ``[E]``. (default: all one)
            batch: Graph of each node. (default: a single graph)
            batch_size: Number of graphs. (default: measured)
            max_num_nodes: Nodes of the largest graph. (default: measured)
        """
        if batch is None:
            batch, batch_size = cluster.new_zeros(x.size(0)), 1
        elif batch_size is None:
            batch_size = int(batch[-1]) + 1
        edges: Any = prepare_adjacency(edge_index, edge_weight, x.size(0))
        level: dict[str, Any] = {"batch": batch, "batch_size": batch_size}
        skipped = []
        if self.skip_input:
            skipped.append(readout(x, "sum", sum_scale=self.sum_scale, **level))
        mask: Tensor | None = None
        levels: list[PooledGraph] = []
        vectors: list[Tensor] = []
        for embed, one_hots in zip(
            self.embed, _assignments(cluster, batch, batch_size), strict=True
        ):
            z = embed(x, edges, mask=mask)
            vectors.append(self._read(z, level))
            s, widest = one_hots.to(z.dtype), None if levels else max_num_nodes
            x, edges, gram = coarsen(z, s, edges, **level, max_num_nodes=widest)
            # A cluster without nodes is none: it stays out of batch normalisation and readout.
            mask = gram.diagonal(dim1=1, dim2=2) > 0
            level = {"mask": mask}
            levels.append(PooledGraph(x, edges, mask, s, {}, x.new_zeros(()), z))
        vectors.append(self._read(self.last(x, edges, mask=mask), level))
        vectors = vectors if self.readout_levels == "all" else vectors[-1:]
        read = torch.cat([*vectors, *skipped], -1)
        return DiffPoolOutput(self.classifier(read), read.new_zeros(()), levels)

    def _read(self, rows: Tensor, level: dict[str, Any]) -> Tensor:
        return readout(rows, self.readout, sum_scale=self.sum_scale, **level)


def _assignments(cluster: Tensor, batch: Tensor, batch_size: int) -> list[Tensor]:
    """Return one-hot assignments: of nodes ``[N, K₁]``, then of clusters ``[B, K₁, K₂]``, ..."""
    assignments = []
    # Clusters of the level below, all graphs in a row; to begin with each node is one.
    place, rows = torch.arange(batch.numel(), device=batch.device), batch.numel()
    width = None
    for column in cluster.unbind(1):
        clusters = int(column.max()) + 1 if column.numel() > 0 else 1
        # Rows that are no clusters, for want of a node, are assigned nowhere.
        parent = scatter(column + 1, place, 0, rows, "max")
        s = one_hot(parent, clusters + 1)[:, 1:]
        assignments.append(s if width is None else s.view(batch_size, width, clusters))
        place, rows, width = batch * clusters + column, batch_size * clusters, clusters
    return assignments
