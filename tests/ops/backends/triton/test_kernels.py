"""What is checked and chosen before a program runs, none of which needs Triton."""

import pytest
import torch

from pyg_diffpool.ops.backends.triton import kernels
from pyg_diffpool.ops.backends.triton.kernels import (
    contract,
    contract_tiling,
    expand,
    expand_tiling,
    triton_available,
)


def arguments(dtype=torch.float32):
    x, p, s = (torch.ones(3, columns, dtype=dtype) for columns in (2, 4, 4))
    return x, p, s, torch.tensor([0, 3])


def gradients(dtype=torch.float32):
    return [torch.ones(1, 4, columns, dtype=dtype) for columns in (2, 4, 4)]


def test_float64_is_refused():
    with pytest.raises(TypeError, match=r"x: expected float32, bfloat16 or .* got torch.float64"):
        contract(*arguments(torch.float64), 1)
    with pytest.raises(TypeError, match=r"grad_x: expected float32, .* got torch.float64"):
        expand(*arguments(), *gradients(torch.float64))


def test_unknown_precision_is_refused():
    with pytest.raises(ValueError, match=r"precision: expected one of 'ieee', .* got 'exact'"):
        contract(*arguments(), 1, precision="exact")


def test_without_triton(monkeypatch):
    monkeypatch.setattr(kernels, "triton_available", lambda: False)
    with pytest.raises(ImportError, match=r"expected triton .*pip install 'pyg-diffpool\[triton\]"):
        contract(*arguments(), 1)


@pytest.mark.triton
@pytest.mark.skipif(not triton_available(), reason="triton is not installed")
def test_tensors_on_the_cpu_are_refused():
    with pytest.raises(ValueError, match="x: expected a tensor on a GPU"):
        contract(*arguments(), 1)


@pytest.mark.parametrize("num_clusters", [1, 30, 128, 500])
def test_the_workspace_is_bounded(num_clusters):
    for num_nodes in (1, 1000, 100_000, 10_000_000, 10**9):
        chunk = 1 << kernels._chunk_bits(num_nodes, num_clusters)
        rows = 2 * num_nodes // chunk
        assert rows <= 2048
        assert rows * num_clusters <= num_nodes / 2


@pytest.mark.parametrize("num_nodes", [1, 128, 129, 5000, 10**6])
@pytest.mark.parametrize("num_clusters", [1, 32, 33, 130])
def test_a_chunk_is_the_least_power_of_two_above_its_bounds(num_nodes, num_clusters):
    least = max(128, 4 * num_clusters, num_nodes / 1024)
    chunk = 2 ** kernels._chunk_bits(num_nodes, num_clusters)
    assert chunk / 2 < least <= chunk


DTYPES = [torch.float32, torch.bfloat16, torch.float16, None]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("widest", [64, 128])
@pytest.mark.parametrize(
    ("features", "clusters"), [(0, 1), (16, 16), (89, 100), (300, 6), (5, 130)]
)
def test_tiles_cover_all_columns_and_no_more(features, clusters, widest, dtype):
    tiling = contract_tiling(features, clusters, dtype, 40, "ieee", widest)
    assert tiling.tiles == tiling.tiles_k * tiling.tiles_j
    assert 0 <= tiling.tiles_k * tiling.block_k - clusters < tiling.block_k
    spans = (tiling.tiles_j * tiling.block_j, tiling.tiles_j * tiling.block_f)
    assert spans[0] >= clusters
    assert spans[1] >= features
    assert spans[0] - clusters < tiling.block_j or spans[1] - features < tiling.block_f
    assert tiling.block_k <= widest
    rows = expand_tiling(features, clusters, dtype, 40, "ieee", widest)
    assert rows.tiles * rows.block_k >= clusters
    assert rows.tiles * rows.block_f >= features
    assert max(rows.block_k, rows.block_f) <= widest
    assert rows.depth == (32 if dtype in (torch.bfloat16, torch.float16) else 16)


def test_rows_of_a_tile_follow_the_mean_graph():
    """Expanding takes twice the mean, so that few graphs lie in two pieces."""
    assert [contract_tiling(8, 8, None, nodes, "ieee").block_rows for nodes in (3, 17, 90)] == [
        16,
        32,
        32,
    ]
    assert [expand_tiling(8, 8, None, nodes, "ieee").block_rows for nodes in (3, 17, 90)] == [
        16,
        64,
        64,
    ]


def test_every_chunk_has_a_slot():
    """A graph of n nodes takes ⌈n / C⌉ chunks; as many slots and no fewer are launched."""
    for sizes in ([1] * 40, [128] * 3, [129, 0, 500], [1000]):
        needed = sum(-(-size // 128) for size in sizes)
        assert needed <= kernels._slots(sum(sizes), len(sizes), 7) <= needed + len(sizes)


def test_operands_of_one_dtype_share_it():
    x, p, s, _ = arguments()
    assert kernels._common_dtype(x, p, s) == torch.float32
    assert kernels._common_dtype(x, p.half(), s) is None
    assert kernels._common_dtype(x, p, s.half()) is None
