"""The interface of an objective: one value per graph, computed from a pooling."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import torch
from torch import Tensor

from pyg_diffpool.ops.contract.coarsening import Coarsening
from pyg_diffpool.ops.conventions import Convention
from pyg_diffpool.ops.level import Level
from pyg_diffpool.ops.precision import exact, without_autocast

if TYPE_CHECKING:
    from pyg_diffpool.ops.objectives.sparse_pooling import SparsePooling


class Pooling(NamedTuple):
    r"""What was pooled and how: the input of an objective.

    An objective is a function of a pooling that returns one value per graph. Besides those in this
    package, :class:`DiffPool` takes functions of yours, which should use the contractions in
    :obj:`coarsening` and sums over nodes, so that they work on sparse and dense levels.

    Attributes:
        level: The level that was pooled, sparse or dense. :obj:`level.graphs.sizes` are the numbers
            of nodes :math:`(B)`, :obj:`level.graphs.sum_rows(values)` sums values of nodes over
            each graph, and :obj:`level.out_degrees()` are the degrees of the nodes.
        s: Soft assignment of the level's nodes, :math:`(N, K)` or :math:`(B, N, K)`.
        coarsening: The three contractions; pooled features are of any or of no columns.
        convention: The convention of the losses.
        clusters: Mask of the clusters that each graph uses, :math:`(B, K)`, or :obj:`None` for all.
        row_entropy: Entropy of each row of the assignment, if it is known.
        squared: The squared distances that the convention needs, if they are known.

    Example:
        >>> import torch
        >>> from pyg_diffpool import DiffPool, SAGEConv
        >>> def overlap(pooling):  # how much of the nodes' weight two clusters share
        ...     gram = pooling.coarsening.gram
        ...     return gram.sum((1, 2)) - gram.diagonal(dim1=1, dim2=2).sum(1)
        >>> objectives = {"link": 1.0, "overlap": (overlap, 0.1)}
        >>> pool = DiffPool(
        ...     SAGEConv(3, 8), SAGEConv(3, 4), max_clusters=4, objectives=objectives
        ... )
        >>> pooled = pool(torch.randn(6, 3), torch.tensor([[0, 1], [1, 0]]))
        >>> sorted(pooled.losses), pooled.losses["overlap"].shape
        (['link', 'overlap'], torch.Size([1]))

        The methods work on sparse pooled levels too, where :obj:`coarsening` and :obj:`s` are made
        for those who read them:

        >>> def own_share(pooling):  # tr(SᵀS) - ‖S‖², which is 0
        ...     squares = pooling.level.graphs.sum_rows(pooling.row_squares())
        ...     return (pooling.sum_clusters(pooling.gram_diagonal()) - squares).abs()
        >>> def spread(pooling):
        ...     sizes = pooling.pool_values()
        ...     count, dtype = pooling.cluster_counts(), pooling.loss_dtype()
        ...     return (pooling.sum_clusters(sizes.square()) / count - pooling.trace()).to(dtype)
        >>> objectives = {"own": (own_share, 0.0), "spread": (spread, 0.1)}
        >>> options = {"assignment": "sparsemax", "sparse_level": True, "objectives": objectives}
        >>> pool = DiffPool(SAGEConv(3, 8), SAGEConv(3, 4), max_clusters=4, **options)
        >>> pool(torch.randn(6, 3), torch.tensor([[0, 1], [1, 0]])).losses["own"].item() < 1e-6
        True
    """

    level: Level
    s: Tensor
    coarsening: Coarsening
    convention: Convention
    clusters: Tensor | None = None
    row_entropy: Tensor | None = None
    squared: Tensor | None = None

    def trace(self) -> Tensor:
        r"""Return :math:`\mathrm{tr}(\mathbf{S}^{\top} \mathbf{A} \mathbf{S})` of each graph.

        Example:
            >>> import torch
            >>> from pyg_diffpool import DiffPool, SAGEConv
            >>> pool = DiffPool(
            ...     SAGEConv(3, 8),
            ...     SAGEConv(3, 4),
            ...     max_clusters=4,
            ...     objectives={"outside": (lambda pooling: -pooling.trace(), 1.0)},
            ... )
            >>> pool(torch.randn(6, 3), torch.tensor([[0, 1], [1, 0]])).losses["outside"].shape
            torch.Size([1])
        """
        return exact(self.coarsening.adj.diagonal(dim1=1, dim2=2)).sum(1)

    def gram_diagonal(self) -> Tensor:
        r"""Return the diagonal of :math:`\mathbf{S}^{\top} \mathbf{S}` in float64, by cluster."""
        return exact(self.coarsening.gram.diagonal(dim1=1, dim2=2))

    def row_squares(self) -> Tensor:
        r"""Return :math:`\sum_k \mathbf{S}_{ik}^2` of each node in float64."""
        with without_autocast(self.s):
            s = self.s.to(self.loss_dtype())
            return exact(torch.linalg.vecdot(s, s))

    def pool_values(self, values: Tensor | None = None) -> Tensor:
        r"""Return :math:`\sum_i \mathbf{S}_{ik} v_i` in float64, by cluster.

        Args:
            values: One value for each node. (default: all one)
        """
        s = exact(self.s)
        return self.level.graphs.sum_rows(s if values is None else s * values.unsqueeze(-1))

    def sum_clusters(self, values: Tensor) -> Tensor:
        """Return the sum over each graph of values by cluster."""
        return values.sum(-1)

    def cluster_counts(self) -> int | Tensor:
        """Return the number of clusters that graphs use, one for all or one per graph."""
        return cluster_counts(self.s, self.clusters)

    def loss_dtype(self) -> torch.dtype:
        """Return the dtype of losses that compare the assignment with the adjacency."""
        return self.level.loss_dtype(self.s)

    @property
    def compared(self) -> Tensor:
        """The assignment, for :meth:`Convention.link`.

        Example:
            >>> def entries(pooling):
            ...     return pooling.compared.sum() * pooling.level.graphs.sizes
        """
        return self.s


AnyPooling: TypeAlias = "Pooling | SparsePooling"


class Objective(NamedTuple):
    """An entry of the table ``OBJECTIVES``.

    Attributes:
        values: Function of a pooling that returns one value per graph (or one for the batch, if the
            convention has only that).
        by_convention: Whether the convention defines the values and their mean over a batch;
            otherwise, the mean is over the graphs.
        pairs: Whether a value refers to the pairs of a graph's nodes instead of its nodes.
    """

    values: Callable[[AnyPooling], Tensor]
    by_convention: bool = False
    pairs: bool = False

    def mean(self, values: Tensor, pooling: AnyPooling) -> Tensor:
        """Return the mean over a batch, where an empty graph has value 0."""
        if self.by_convention:
            return pooling.convention.mean(values, pooling.level.graphs.sizes, pairs=self.pairs)
        return mean_over_graphs(values)


def mean_over_graphs(values: Tensor) -> Tensor:
    """Return the mean of one value per graph, which is 0 for a batch without graphs."""
    return values.sum() / max(values.numel(), 1)


def cluster_counts(s: Tensor, clusters: Tensor | None) -> int | Tensor:
    """Return the number of clusters that graphs use, one for all or one per graph."""
    return s.size(-1) if clusters is None else exact(clusters.sum(1))
