r"""Products with rectangular sparse matrices, linear in their nonzero entries.

For a pattern of positions and values :math:`\mathbf{V}` on it, :func:`matrix_product` is
:math:`\mathbf{V} \mathbf{Y}`, and :func:`entry_products` is :math:`\mathbf{X} \mathbf{Y}^{\top}` on
the pattern alone. The gradients of each are those two functions again, so that derivatives of all
orders are linear in the entries.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch_geometric.index import index2ptr

from pyg_diffpool.ops.edge_order import stable_order
from pyg_diffpool.ops.operator import Gradients, Operator
from pyg_diffpool.ops.sparse_product import WIDE_COLUMNS


class Pattern(NamedTuple):
    """Positions of the nonzero entries of a matrix, one row after another.

    Attributes:
        rowptr: First entry of each row, :math:`(R + 1)`.
        row: Row of each entry, sorted.
        col: Column of each entry.
        num_cols: Number of columns.
        order: The permutation that sorts the entries by column (stable), if it is known.
    """

    rowptr: Tensor
    row: Tensor
    col: Tensor
    num_cols: int
    order: Tensor | None = None

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return self.rowptr.size(0) - 1

    @property
    def counts(self) -> Tensor:
        """Number of entries of each row."""
        return self.rowptr.diff()

    def sorted_by_column(self) -> Pattern:
        """Return the pattern with its :attr:`order`."""
        if self.order is not None:
            return self
        return self._replace(order=stable_order(self.col, self.num_cols))

    def transpose(self) -> tuple[Pattern, Tensor]:
        """Return the pattern of the transposed matrix, and the permutation of the entries."""
        order = stable_order(self.col, self.num_cols) if self.order is None else self.order
        row = self.col.index_select(0, order)
        rowptr = index2ptr(row, self.num_cols)
        return Pattern(rowptr, row, self.row.index_select(0, order), self.num_rows), order

    def sum_rows(self, values: Tensor) -> Tensor:
        """Sum the values of the entries of each row."""
        return values.new_zeros(self.num_rows).index_add(0, self.row, values)


def make_pattern(row: Tensor, col: Tensor, num_rows: int, num_cols: int) -> Pattern:
    """Return the pattern of entries whose rows are sorted."""
    return Pattern(index2ptr(row, num_rows), row, col, num_cols)


def matrix_product(values: Tensor, y: Tensor, pattern: Pattern) -> Tensor:
    r"""Return :math:`\mathbf{V} \mathbf{Y}`.

    Args:
        values: Value of each entry of the pattern.
        y: One row for each column of the pattern, of the same dtype, float32 or float64.
        pattern: Positions of the entries.

    Returns:
        One row for each row of the pattern.

    Example:
        >>> pattern = make_pattern(torch.tensor([0, 0]), torch.tensor([0, 2]), 2, 3)
        >>> matrix_product(torch.tensor([1.0, 2.0]), torch.tensor([[1.0], [9.0], [10.0]]), pattern)
        tensor([[21.],
                [ 0.]])
    """
    out: Tensor = _MATRIX_PRODUCT.way(values, y)(values, y, pattern)
    return out


def transposed_product(values: Tensor, x: Tensor, pattern: Pattern) -> Tensor:
    r"""Return :math:`\mathbf{V}^{\top} \mathbf{X}`, given values and pattern of the matrix."""
    transposed, order = pattern.transpose()
    return matrix_product(values.index_select(0, order), x, transposed)


def entry_products(x: Tensor, y: Tensor, pattern: Pattern) -> Tensor:
    r"""Return :math:`\mathbf{x}_i^{\top} \mathbf{y}_j` for each entry :math:`(i, j)` of a pattern.

    Example:
        >>> pattern = make_pattern(torch.tensor([0, 1]), torch.tensor([1, 0]), 2, 2)
        >>> entry_products(torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [5.0]]), pattern)
        tensor([5., 6.])
    """
    values: Tensor = _ENTRY_PRODUCTS.way(x, y)(x, y, pattern)
    return values


def _matrix(pattern: Pattern, values: Tensor) -> Tensor:
    size = (pattern.num_rows, pattern.num_cols)
    return torch.sparse_csr_tensor(
        pattern.rowptr, pattern.col, values, size, check_invariants=False
    )


class _MatrixProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, y: Tensor, pattern: Pattern) -> Tensor:
        if ctx is not None:
            ctx.save_for_backward(values, y)
            ctx.pattern = pattern
        if values.numel() == 0 or y.size(1) == 0:
            return y.new_zeros(pattern.num_rows, y.size(1))
        matrix = _matrix(pattern, values)
        if y.device.type == "cpu" and y.size(1) >= WIDE_COLUMNS:
            wide: Tensor = torch.sparse.mm(matrix, y.contiguous(), reduce="sum")
            return wide
        return matrix @ y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Gradients:
        values, y = ctx.saved_tensors
        needs_values, needs_y, _ = ctx.needs_input_grad
        return (
            entry_products(grad, y, ctx.pattern) if needs_values else None,
            transposed_product(values, grad, ctx.pattern) if needs_y else None,
            None,
        )


def _plain_matrix_product(values: Tensor, y: Tensor, pattern: Pattern) -> Tensor:
    rows = values.unsqueeze(1) * y.index_select(0, pattern.col)
    return y.new_zeros(pattern.num_rows, y.size(1)).index_add(0, pattern.row, rows)


class _EntryProducts(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, pattern: Pattern) -> Tensor:
        if ctx is not None:
            ctx.save_for_backward(x, y)
            ctx.pattern = pattern
        if pattern.col.numel() == 0 or x.size(1) == 0:
            return x.new_zeros(pattern.col.numel())
        zeros = _matrix(pattern, x.new_zeros(pattern.col.numel()))
        product: Tensor = torch.sparse.sampled_addmm(
            zeros, x.contiguous(), y.t().contiguous(), beta=0.0
        )
        return product.values()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Gradients:
        x, y = ctx.saved_tensors
        needs_x, needs_y, _ = ctx.needs_input_grad
        return (
            matrix_product(grad, y, ctx.pattern) if needs_x else None,
            transposed_product(grad, x, ctx.pattern) if needs_y else None,
            None,
        )


def _plain_entry_products(x: Tensor, y: Tensor, pattern: Pattern) -> Tensor:
    return (x.index_select(0, pattern.row) * y.index_select(0, pattern.col)).sum(1)


_MATRIX_PRODUCT = Operator(_MatrixProduct, _plain_matrix_product)
_ENTRY_PRODUCTS = Operator(_EntryProducts, _plain_entry_products)
