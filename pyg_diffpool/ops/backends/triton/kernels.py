r"""The products of a ragged batch as fused Triton kernels: no padding, one launch for all graphs.

The forward pass (:func:`contract`) reads each of :math:`\mathbf{X}, \mathbf{P}, \mathbf{S}` once
and writes three products per graph; the backward pass (:func:`expand`) reads each of them once and
writes each gradient once.

* Products and sums are float32 ("ieee": no tensor cores for float32 inputs); products of
  half-precision inputs use tensor cores and are accumulated in float32. float64 is not supported.
* Results are bitwise deterministic: there are no atomics, and the order of all sums is determined
  by the shapes. Graphs of more than :math:`C` nodes are contracted in chunks of :math:`C` rows,
  whose partial sums are added by a second launch.
* There is no host-device synchronisation: the number of programs and the size of the workspace
  depend only on shapes, and a program finds its graph on the device (see ``programs.py``).

The functions take validated arguments and do not support autograd. Triton is optional (extra
``triton``) and imported on the first call.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from types import ModuleType
from typing import NamedTuple

import torch
from torch import Tensor

from pyg_diffpool.ops.backends.triton.tiles import block_size, contiguous_rows, num_blocks
from pyg_diffpool.ops.precision import HALF
from pyg_diffpool.ops.validation import check_choice

# How float32 is multiplied: in float32, by three tensor core products (nearly as exact), or by one.
PRECISIONS = ("ieee", "tf32x3", "tf32")
DTYPES = (torch.float32, *HALF)

# Enough chunks to fill a large GPU several times; more would only enlarge the workspace.
MAX_CHUNKS = 1024
MIN_CHUNK = 128

# Minimum shared memory of a multiprocessor in bytes for tiles of width 128 (Hopper: 232448).
WIDE_TILE_MEMORY = 200_000


@lru_cache(maxsize=1)
def triton_available() -> bool:
    """Return whether Triton is installed."""
    return find_spec("triton") is not None


def contract(
    x: Tensor, p: Tensor, s: Tensor, ptr: Tensor, batch_size: int, *, precision: str = "ieee"
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Compute the three products of every graph :math:`g` with its assignment.

    .. math::
        \mathbf{S}_g^{\top} \mathbf{X}_g, \qquad
        \mathbf{S}_g^{\top} \mathbf{P}_g, \qquad
        \mathbf{S}_g^{\top} \mathbf{S}_g

    Graphs of more than :math:`C` nodes need a workspace of :math:`2N/C` rows of :math:`K (F + 2K)`
    float32 values for the whole batch. :math:`C \ge 4K` keeps it below half the size of float32
    inputs, and :math:`C \ge N / 1024` below 2048 rows.

    Args:
        x: Features :math:`(N, F)`; :math:`F = 0` is valid.
        p: Sparse product :math:`\mathbf{P} = \mathbf{A}^{\top} \mathbf{S}`, :math:`(N, K)`.
        s: Assignment :math:`(N, K)`.
        ptr: First node of each graph, followed by :math:`N`, as int64, :math:`(B + 1)`.
        batch_size: Number of graphs :math:`B`.
        precision: How float32 inputs are multiplied: :obj:`"ieee"`, :obj:`"tf32x3"` (tensor cores,
            nearly as exact) or :obj:`"tf32"`. (default: :obj:`"ieee"`)

    Returns:
        :math:`(B, K, F)`, :math:`(B, K, K)` and :math:`(B, K, K)` in float32.

    Raises:
        ImportError: If Triton is not installed.
        TypeError: If a dtype is not float32, bfloat16 or float16.
        ValueError: If tensors are on the CPU (where only Triton's interpreter runs).
    """
    programs, interpreted = _programs(precision, x=x, p=p, s=s)
    (num_nodes, num_features), num_clusters = x.shape, s.size(1)
    out_x = _empty(s, batch_size, num_clusters, num_features)
    out_p = _empty(s, batch_size, num_clusters, num_clusters)
    out_s = _empty(s, batch_size, num_clusters, num_clusters)
    if batch_size == 0:
        return out_x, out_p, out_s

    bits = _chunk_bits(num_nodes, num_clusters)
    width = num_clusters * (num_features + 2 * num_clusters)
    workspace = _empty(s, 2 * num_nodes >> bits, width)
    tiling = contract_tiling(
        num_features,
        num_clusters,
        _common_dtype(x, p, s),
        num_nodes // batch_size,
        precision,
        _widest_tile(s.device),
    )
    x, p, s = contiguous_rows(x), contiguous_rows(p), contiguous_rows(s)
    with torch.cuda.device_of(s):  # type: ignore[no-untyped-call]
        programs.contract_chunk[(_slots(num_nodes, batch_size, bits) * tiling.tiles,)](
            *(x, p, s, ptr, out_x, out_p, out_s, workspace),
            *(x.stride(0), p.stride(0), s.stride(0)),
            *(batch_size, _search_steps(batch_size), bits, num_features, num_clusters),
            BLOCK_ROWS=tiling.block_rows,
            BLOCK_K=tiling.block_k,
            BLOCK_J=tiling.block_j,
            BLOCK_F=tiling.block_f,
            TILES_K=tiling.tiles_k,
            TILES_J=tiling.tiles_j,
            STAGES=tiling.stages,
            PRECISION=precision,
            INTERPRETED=interpreted,
            num_warps=tiling.warps,
        )
        if num_nodes > 1 << bits:
            chunks, block = 64, 64
            multiples = (num_nodes - 1 >> bits) + 1
            programs.add_chunks[(multiples * num_blocks(width, block),)](
                *(workspace, ptr, out_x, out_p, out_s),
                *(batch_size, _search_steps(batch_size), bits, num_features, num_clusters),
                BLOCK_CHUNKS=chunks,
                BLOCK=block,
                num_warps=4,
            )
    return out_x, out_p, out_s


def expand(
    x: Tensor,
    p: Tensor,
    s: Tensor,
    ptr: Tensor,
    grad_x: Tensor,
    grad_p: Tensor,
    grad_s: Tensor,
    *,
    precision: str = "ieee",
) -> tuple[Tensor, Tensor]:
    r"""Multiply the rows of every graph :math:`g` by the matrices of this graph.

    .. math::
        \mathrm{d}\mathbf{X}_g = \mathbf{S}_g \, \mathbf{G}^{(x)}_g, \qquad
        \mathrm{d}\mathbf{S}_g = \mathbf{X}_g \, \mathbf{G}^{(x) \top}_g
            + \mathbf{P}_g \, \mathbf{G}^{(p)}_g + \mathbf{S}_g \, \mathbf{G}^{(s)}_g

    Args:
        x: Features :math:`(N, F)`; :math:`F = 0` is valid.
        p: Sparse product :math:`(N, K)`.
        s: Assignment :math:`(N, K)`.
        ptr: First node of each graph, followed by :math:`N`, as int64, :math:`(B + 1)`.
        grad_x: :math:`\mathbf{G}^{(x)}`, shape :math:`(B, K, F)`.
        grad_p: :math:`\mathbf{G}^{(p)}`, shape :math:`(B, K, K)`.
        grad_s: :math:`\mathbf{G}^{(s)}`, shape :math:`(B, K, K)`.
        precision: As in :func:`contract`. (default: :obj:`"ieee"`)

    Returns:
        :math:`\mathrm{d}\mathbf{X}` :math:`(N, F)` in the dtype of :obj:`x` and
        :math:`\mathrm{d}\mathbf{S}` :math:`(N, K)` in that of :obj:`s`.

    Raises:
        ImportError: If Triton is not installed.
        TypeError: If a dtype is not float32, bfloat16 or float16.
        ValueError: If tensors are on the CPU (where only Triton's interpreter runs).
    """
    operands = {"x": x, "p": p, "s": s, "grad_x": grad_x, "grad_p": grad_p, "grad_s": grad_s}
    programs, interpreted = _programs(precision, **operands)
    (num_nodes, num_features), num_clusters = x.shape, s.size(1)
    batch_size = ptr.numel() - 1
    out_x = torch.empty(num_nodes, num_features, dtype=x.dtype, device=x.device)
    out_s = torch.empty(num_nodes, num_clusters, dtype=s.dtype, device=s.device)
    if num_nodes == 0:
        return out_x, out_s

    tiling = expand_tiling(
        num_features,
        num_clusters,
        _common_dtype(x, p, s),
        num_nodes // batch_size,
        precision,
        _widest_tile(s.device),
    )
    bits = tiling.block_rows.bit_length() - 1
    x, p, s = contiguous_rows(x), contiguous_rows(p), contiguous_rows(s)
    with torch.cuda.device_of(s):  # type: ignore[no-untyped-call]
        programs.expand_rows[(_slots(num_nodes, batch_size, bits) * tiling.tiles,)](
            *(x, p, s, ptr, grad_x.contiguous(), grad_p.contiguous(), grad_s.contiguous()),
            *(out_x, out_s, x.stride(0), p.stride(0), s.stride(0)),
            *(batch_size, _search_steps(batch_size), bits, num_features, num_clusters),
            BLOCK_ROWS=tiling.block_rows,
            BLOCK_K=tiling.block_k,
            BLOCK_F=tiling.block_f,
            DEPTH=tiling.depth,
            TILES=tiling.tiles,
            STAGES=tiling.stages,
            PRECISION=precision,
            INTERPRETED=interpreted,
            num_warps=tiling.warps,
        )
    return out_x, out_s


class ContractTiling(NamedTuple):
    """Tile sizes of :func:`contract`."""

    block_rows: int
    block_k: int
    block_j: int
    block_f: int
    tiles_k: int
    tiles_j: int
    stages: int
    warps: int

    @property
    def tiles(self) -> int:
        """Number of programs per chunk."""
        return self.tiles_k * self.tiles_j


class ExpandTiling(NamedTuple):
    """Tile sizes of :func:`expand`."""

    block_rows: int
    block_k: int
    block_f: int
    depth: int
    tiles: int
    stages: int
    warps: int


@lru_cache(maxsize=256)
def contract_tiling(
    num_features: int,
    num_clusters: int,
    dtype: torch.dtype | None,
    mean_nodes: int,
    precision: str = "ieee",
    widest: int = 128,
) -> ContractTiling:
    """Choose tile sizes by a fixed rule, since autotuning could change the order of sums.

    A warp holds 2048 to 3072 sums, 64 to 96 per thread: without tensor cores, the number of
    multiply-adds per value read from shared memory increases with the number of sums per thread.
    Operands of mixed dtypes (None) need the space of float32.
    """
    half = dtype in HALF
    scalar = dtype == torch.float32 and precision == "ieee"
    block_k = block_size(num_clusters, widest if half else 64)
    block_j = block_size(num_clusters, 64)
    block_f = block_size(num_features, 128 if block_k <= 32 else 64)
    sums = block_k * (block_f + 2 * block_j)
    return ContractTiling(
        block_rows=block_size(mean_nodes, 64 if half else 32 if sums <= 4096 else 16),
        block_k=block_k,
        block_j=block_j,
        block_f=block_f,
        tiles_k=num_blocks(num_clusters, block_k),
        tiles_j=max(num_blocks(num_clusters, block_j), num_blocks(num_features, block_f)),
        stages=3,
        warps=2 if scalar and sums <= 4096 else 4 if sums <= 12288 else 8,
    )


@lru_cache(maxsize=256)
def expand_tiling(
    num_features: int,
    num_clusters: int,
    dtype: torch.dtype | None,
    mean_nodes: int,
    precision: str = "ieee",
    widest: int = 128,
) -> ExpandTiling:
    """Choose tile sizes by a fixed rule: one tile of columns if possible, to read rows once.

    Tiles have rows for twice the mean size, so that few graphs are split. Tensor cores need 16 rows
    per warp: with fewer, several warps would compute the same. Products that are split into several
    (float16, tf32x3, mixed dtypes: None) need more registers, and hence narrower tiles.
    """
    scalar = dtype == torch.float32 and precision == "ieee"
    if not scalar and dtype != torch.bfloat16:
        widest = 64
    block_k, block_f = block_size(num_clusters, widest), block_size(num_features, widest)
    wide = block_k + block_f > 128
    block_rows = block_size(2 * mean_nodes, 128 if wide and not scalar else 64)
    return ExpandTiling(
        block_rows=block_rows,
        block_k=block_k,
        block_f=block_f,
        depth=32 if dtype in HALF else 16,
        tiles=max(num_blocks(num_clusters, block_k), num_blocks(num_features, block_f)),
        stages=3,
        warps=8 if wide and (scalar or block_rows == 128) else 4,
    )


def _common_dtype(x: Tensor, p: Tensor, s: Tensor) -> torch.dtype | None:
    return x.dtype if x.dtype == p.dtype == s.dtype else None


@lru_cache
def _widest_tile(device: torch.device) -> int:
    """Return the widest tile whose pipeline fits into shared memory."""
    if device.type != "cuda":
        return 128
    properties = torch.cuda.get_device_properties(device)
    memory = getattr(properties, "shared_memory_per_block_optin", 0)
    return 128 if memory >= WIDE_TILE_MEMORY else 64


def _chunk_bits(num_nodes: int, num_clusters: int) -> int:
    """Return the logarithm of the chunk size C (see :func:`contract`)."""
    chunk = max(MIN_CHUNK, 4 * num_clusters, num_blocks(num_nodes, MAX_CHUNKS))
    return (chunk - 1).bit_length()


def _search_steps(batch_size: int) -> int:
    """Return the steps that divide a number of graphs by 32 until one is left."""
    return -(-(batch_size - 1).bit_length() // 5)


def _slots(num_nodes: int, batch_size: int, bits: int) -> int:
    return (num_nodes >> bits) + batch_size


def _empty(like: Tensor, *size: int) -> Tensor:
    return torch.empty(size, dtype=torch.float32, device=like.device)


def _programs(precision: str, **operands: Tensor) -> tuple[ModuleType, bool]:
    """Check dtypes and devices; return the programs and whether they run in the interpreter."""
    check_choice("precision", precision, PRECISIONS)
    for name, tensor in operands.items():
        if tensor.dtype not in DTYPES:
            raise TypeError(
                f"{name}: expected float32, bfloat16 or float16 for the Triton kernels, "
                f"got {tensor.dtype}"
            )
    if not triton_available():
        raise ImportError(
            "backend: expected triton to be installed (pip install 'pyg-diffpool[triton]'), "
            "got no such package"
        )
    import triton

    from pyg_diffpool.ops.backends.triton import programs as triton_programs

    interpreted = not isinstance(triton_programs.contract_chunk, triton.JITFunction)
    if operands["x"].device.type == "cpu" and not interpreted:
        raise ValueError("x: expected a tensor on a GPU for the Triton kernels, got one on cpu")
    return triton_programs, interpreted
