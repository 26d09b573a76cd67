r"""The interface of a backend, which multiplies the graphs of a ragged batch.

All backends compute the same products over the graphs :math:`g` of a batch, and differ only in
speed:

* ``contract``: :math:`\mathbf{S}_g^{\top} \mathbf{X}_g`, :math:`\mathbf{S}_g^{\top} \mathbf{P}_g`
  and :math:`\mathbf{S}_g^{\top} \mathbf{S}_g`, one matrix per graph;
* ``expand``: :math:`\mathbf{S}_g \mathbf{D}^X_g` and :math:`\mathbf{X}_g {\mathbf{D}^X_g}^{\top}
  + \mathbf{P}_g \mathbf{D}^P_g + \mathbf{S}_g \mathbf{D}^S_g`, one row per node;
* ``spread``: :math:`\mathbf{S}_g \mathbf{W}_g`, one row per node.

A backend is one module here, and one entry of the table ``BACKENDS``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from pyg_diffpool.ops.segments import Segments


class Backend(ABC):
    """Base class of backends; methods take operands of the same dtype, float32 or float64.

    Attributes:
        takes_half: Whether features may also be in half precision.
    """

    takes_half = False

    def __init__(self, graphs: Segments):
        self.graphs = graphs

    @abstractmethod
    def arrange(self, x: Tensor, p: Tensor, s: Tensor) -> Tensor:
        """Arrange the rows for the products of the forward and backward pass."""

    @abstractmethod
    def contract(self, rows: Tensor, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Multiply the transposed assignment of each graph by its arranged rows."""

    @abstractmethod
    def expand(
        self, rows: Tensor, x: Tensor, s: Tensor, onto_x: Tensor, onto_p: Tensor, onto_s: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Multiply each graph's rows by its matrices (B, K, F), (B, K, K) and (B, K, K)."""

    @abstractmethod
    def spread(self, rows: Tensor, x: Tensor, s: Tensor, matrix: Tensor) -> Tensor:
        """Multiply each graph's assignment by its matrix (B, K, K)."""


class SideBySide(Backend):
    """Concatenates the rows, [X | P | S], so that a single product computes all three."""

    def split(self, product: Tensor, s: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Split the columns of X, P and S."""
        clusters = s.size(1)
        features = product.size(-1) - 2 * clusters
        pooled, through_p, gram = torch.split(product, [features, clusters, clusters], -1)
        return pooled.contiguous(), through_p.contiguous(), gram.contiguous()

    def expand(
        self, rows: Tensor, x: Tensor, s: Tensor, onto_x: Tensor, onto_p: Tensor, onto_s: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Multiply all columns at once, and the columns of S once more for the features."""
        factors = torch.cat([onto_x.transpose(1, 2), onto_p, onto_s], 1)
        return self.multiply(rows[..., -s.size(1) :], onto_x), self.multiply(rows, factors)

    def spread(self, rows: Tensor, x: Tensor, s: Tensor, matrix: Tensor) -> Tensor:
        """Multiply the columns of S."""
        return self.multiply(rows[..., -s.size(1) :], matrix)

    @abstractmethod
    def multiply(self, rows: Tensor, matrix: Tensor) -> Tensor:
        """Multiply the arranged rows of each graph by its matrix; return one row per node."""
