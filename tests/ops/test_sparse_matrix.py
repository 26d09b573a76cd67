"""Products with rectangular sparse matrices, against dense ones."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.func import jacfwd, jacrev
from torch.testing import assert_close

from pyg_diffpool.ops.sparse_matrix import (
    Pattern,
    entry_products,
    make_pattern,
    matrix_product,
    transposed_product,
)
from tests.problems import leaf

# A row and a column without entries, and rows of several.
ROW, COL = torch.tensor([0, 0, 0, 2, 3, 3]), torch.tensor([4, 0, 1, 1, 0, 4])
NUM_ROWS, NUM_COLS = 4, 5
PATTERNS = {
    "entries": make_pattern(ROW, COL, NUM_ROWS, NUM_COLS),
    "sorted by column": make_pattern(ROW, COL, NUM_ROWS, NUM_COLS).sorted_by_column(),
    "no entries": make_pattern(ROW[:0], COL[:0], NUM_ROWS, NUM_COLS),
}


def random(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def dense(values: torch.Tensor, pattern: Pattern) -> torch.Tensor:
    zeros = values.new_zeros(NUM_ROWS, NUM_COLS)
    return zeros.index_put((pattern.row, pattern.col), values)


@pytest.mark.parametrize("columns", [0, 3, 70])
@pytest.mark.parametrize("name", PATTERNS)
def test_products(name, columns):
    pattern = PATTERNS[name]
    values = random(pattern.col.numel())
    x, y = random(NUM_ROWS, columns), random(NUM_COLS, columns)
    matrix = dense(values, pattern)
    assert_close(matrix_product(values, y, pattern), matrix @ y)
    assert_close(transposed_product(values, x, pattern), matrix.t() @ x)
    assert_close(entry_products(x, y, pattern), (x @ y.t())[pattern.row, pattern.col])


@pytest.mark.parametrize("name", PATTERNS)
def test_the_transposed_pattern(name):
    pattern = PATTERNS[name]
    transposed, order = pattern.transpose()
    values = random(pattern.col.numel())
    found = values.new_zeros(NUM_COLS, NUM_ROWS)
    found[transposed.row, transposed.col] = values[order]
    assert_close(found, dense(values, pattern).t())
    assert torch.equal(transposed.rowptr.diff(), torch.bincount(pattern.col, minlength=NUM_COLS))
    assert (transposed.num_rows, transposed.num_cols) == (NUM_COLS, NUM_ROWS)


def test_rows_are_summed_and_counted():
    pattern, values = PATTERNS["entries"], random(6)
    assert_close(pattern.sum_rows(values), dense(values, pattern).sum(1))
    assert pattern.counts.tolist() == [3, 0, 1, 2]


def gradient_cases():
    pattern = PATTERNS["entries"]
    return {
        "matrix_product": (lambda v, y: matrix_product(v, y, pattern), random(6), random(5, 2)),
        "transposed_product": (
            lambda v, x: transposed_product(v, x, pattern),
            random(6),
            random(4, 2),
        ),
        "entry_products": (lambda x, y: entry_products(x, y, pattern), random(4, 2), random(5, 2)),
    }


@pytest.mark.parametrize("name", gradient_cases())
def test_gradients_of_first_and_second_order(name):
    function, *inputs = gradient_cases()[name]
    inputs = tuple(map(leaf, inputs))
    assert gradcheck(function, inputs)
    assert gradgradcheck(function, inputs)


@pytest.mark.parametrize("name", gradient_cases())
def test_function_transforms(name):
    function, *inputs = gradient_cases()[name]
    wanted = torch.autograd.functional.jacobian(function, tuple(inputs))
    assert_close(jacrev(function, argnums=(0, 1))(*inputs), wanted)
    assert_close(jacfwd(function, argnums=(0, 1))(*inputs), wanted)
