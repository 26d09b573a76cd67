import pytest
import torch

from benchmarks.timing import kernels as timed_kernels
from benchmarks.timing.batches import tree_like
from benchmarks.timing.kernels import LIBRARY, PRODUCT, SUM, kernel_rows, products, segment_sums
from pyg_diffpool.ops.sparse_product import spmm


def problem(seed=0):
    return tree_like(torch.tensor([12, 1, 30]), seed, num_clusters=4, num_features=3)


def test_all_kernels_equal_the_dense_product():
    given = problem()
    dense = torch.zeros(43, 43)
    dense[given.edge_index[0], given.edge_index[1]] = 1.0
    expected = dense.t() @ given.x
    found = products(given, given.x)
    assert {LIBRARY, "torch CSR @", "torch.sparse.mm(reduce)", "index_add"} <= set(found)
    for kernel in found.values():
        torch.testing.assert_close(kernel(), expected)


def test_all_kernels_sum_each_graph():
    given = problem()
    expected = torch.stack([rows.sum(0) for rows in given.x.split([12, 1, 30])])
    for kernel in segment_sums(given, given.x).values():
        torch.testing.assert_close(kernel(), expected)


def test_rows_of_every_kernel():
    rows = kernel_rows("tiny", [problem(0), problem(1)], rounds=3, seconds=0)
    kernels = {PRODUCT: products(problem(), problem().x), SUM: segment_sums(problem(), problem().x)}
    for operation, expected in kernels.items():
        for columns in ([3], [4]):
            chosen = [
                row for row in rows if (row["operation"], row["columns"]) == (operation, columns)
            ]
            assert [row["kernel"] for row in chosen] == list(expected)
            assert all(row["median_ms"] > 0 and row["relative_error"] < 1e-5 for row in chosen)


def test_a_wrong_kernel_is_told(monkeypatch):
    monkeypatch.setattr(timed_kernels, "spmm", lambda adjacency, x: 1.0005 * spmm(adjacency, x))
    with pytest.raises(ArithmeticError, match="pyg_diffpool: off by"):
        kernel_rows("tiny", [problem()], rounds=3, seconds=0)
