"""The input of an objective where the assignment and the pooled level are sparse."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from pyg_diffpool.ops.assignments.sparse import SparseAssignment
from pyg_diffpool.ops.contract.coarsening import Coarsening
from pyg_diffpool.ops.contract.sparse_coarsening import ClusterMatrix
from pyg_diffpool.ops.conventions import Convention
from pyg_diffpool.ops.level import SparseLevel
from pyg_diffpool.ops.precision import exact


class SparsePooling(NamedTuple):
    r"""What was pooled and how, the counterpart of :class:`Pooling` for a sparse pooled level.

    It has the methods of :class:`Pooling`, in time linear in the entries of its matrices; values by
    cluster are :math:`(M)`. Functions that read :attr:`s` and :attr:`coarsening` get dense tensors,
    which are made for them.

    Attributes:
        level: The level that was pooled.
        assignment: The assignment of its nodes, on its support.
        adj: :math:`\mathbf{S}^{\top} \mathbf{A} \mathbf{S}`.
        gram: :math:`\mathbf{S}^{\top} \mathbf{S}`.
        convention: The convention of the losses.
        row_entropy: Entropy of each row of the assignment.
        squared: The squared distances that the convention needs.
    """

    level: SparseLevel
    assignment: SparseAssignment
    adj: ClusterMatrix
    gram: ClusterMatrix
    convention: Convention
    row_entropy: Tensor | None = None
    squared: Tensor | None = None

    @property
    def s(self) -> Tensor:
        """The assignment as :math:`(N, K)`."""
        return self.assignment.to_dense()

    @property
    def coarsening(self) -> Coarsening:
        """The three contractions as :math:`(B, K, 0)` and :math:`(B, K, K)`."""
        s = self.s
        return self.level.contract(s[:, :0], s)[0]

    @property
    def clusters(self) -> Tensor:
        """Mask of the clusters that each graph uses, :math:`(B, K)`."""
        clusters = self.assignment.clusters
        place = torch.arange(clusters.width, device=clusters.ptr.device)
        return place < clusters.sizes.unsqueeze(1)

    def trace(self) -> Tensor:
        r"""Return :math:`\mathrm{tr}(\mathbf{S}^{\top} \mathbf{A} \mathbf{S})` in float64."""
        return self.adj.trace()

    def gram_diagonal(self) -> Tensor:
        r"""Return the diagonal of :math:`\mathbf{S}^{\top} \mathbf{S}` in float64, by cluster."""
        return self.gram.diagonal()

    def row_squares(self) -> Tensor:
        r"""Return :math:`\sum_k \mathbf{S}_{ik}^2` of each node in float64."""
        return self.assignment.pattern.sum_rows(exact(self.assignment.value).square())

    def pool_values(self, values: Tensor | None = None) -> Tensor:
        r"""Return :math:`\sum_i \mathbf{S}_{ik} v_i` in float64, by cluster."""
        pattern, value = self.assignment.pattern, exact(self.assignment.value)
        if values is not None:
            value = value * values.index_select(0, pattern.row)
        return value.new_zeros(pattern.num_cols).index_add(0, pattern.col, value)

    def sum_clusters(self, values: Tensor) -> Tensor:
        """Return the sum over each graph of values by cluster."""
        return self.assignment.clusters.sum_rows(values)

    def cluster_counts(self) -> Tensor:
        """Return the number of clusters that each graph uses."""
        return exact(self.assignment.clusters.sizes)

    def loss_dtype(self) -> torch.dtype:
        """Return the dtype of losses that compare the assignment with the adjacency."""
        return self.level.loss_dtype(self.assignment.value)

    @property
    def compared(self) -> Tensor:
        """Values of the assignment; beside distances, :meth:`Convention.link` reads the dtype."""
        return self.assignment.value
