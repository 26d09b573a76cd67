r"""What a backend is: one way to multiply the runs of a ragged batch.

All offer the same products over the graphs :math:`g` of a batch, and differ in speed alone:

* ``contract``: :math:`\mathbf{S}_g^{\top} \mathbf{X}_g`, :math:`\mathbf{S}_g^{\top} \mathbf{P}_g`
  and :math:`\mathbf{S}_g^{\top} \mathbf{S}_g`, one matrix for each graph;
* ``expand``: :math:`\mathbf{S}_g \mathbf{D}^X_g` and :math:`\mathbf{X}_g {\mathbf{D}^X_g}^{\top}
  + \mathbf{P}_g \mathbf{D}^P_g + \mathbf{S}_g \mathbf{D}^S_g`, a row for each node;
* ``spread``: :math:`\mathbf{S}_g \mathbf{W}_g`, likewise.

A backend is one file here, and one row of the table ``BACKENDS``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from pyg_diffpool.ops.segments import Segments


class Backend(ABC):
    """One way to multiply; its methods take rows of equal dtype, float32 or float64.

    Attributes:
        takes_half: Whether features may be in half precision instead.
    """

    takes_half = False

    def __init__(self, graphs: Segments):
        self.graphs = graphs

    @abstractmethod
    def arrange(self, x: Tensor, p: Tensor, s: Tensor) -> Tensor:
        """Lay the rows out for the products, forwards and backwards."""

    @abstractmethod
    def contract(self, rows: Tensor, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Multiply the transposed assignment of each graph with its arranged rows."""

    @abstractmethod
    def expand(
        self, rows: Tensor, x: Tensor, s: Tensor, onto_x: Tensor, onto_p: Tensor, onto_s: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Multiply each graph's rows with its matrices (B, K, F), (B, K, K) and (B, K, K)."""

    @abstractmethod
    def spread(self, rows: Tensor, x: Tensor, s: Tensor, matrix: Tensor) -> Tensor:
        """Multiply each graph's assignment with its matrix (B, K, K)."""


class SideBySide(Backend):
    """Keeps the rows side by side, [X | P | S], so that one product serves for all three."""

    def split(self, product: Tensor, s: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Take the columns of X, P and S apart."""
        clusters = s.size(1)
        features = product.size(-1) - 2 * clusters
        pooled, through_p, gram = torch.split(product, [features, clusters, clusters], -1)
        return pooled.contiguous(), through_p.contiguous(), gram.contiguous()

    def expand(
        self, rows: Tensor, x: Tensor, s: Tensor, onto_x: Tensor, onto_p: Tensor, onto_s: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Multiply all columns at once, and the last ones once more."""
        factors = torch.cat([onto_x.transpose(1, 2), onto_p, onto_s], 1)
        return self.multiply(rows[..., -s.size(1) :], onto_x), self.multiply(rows, factors)

    def spread(self, rows: Tensor, x: Tensor, s: Tensor, matrix: Tensor) -> Tensor:
        """Multiply the last columns."""
        return self.multiply(rows[..., -s.size(1) :], matrix)

    @abstractmethod
    def multiply(self, rows: Tensor, matrix: Tensor) -> Tensor:
        """Multiply the arranged rows of each graph with its matrix; return a row for each node."""
