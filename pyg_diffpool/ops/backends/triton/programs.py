r"""The GPU programs that ``kernels.py`` launches.

Importing this module imports Triton, whose decorators read ``TRITON_INTERPRET`` at that time.
Therefore, only ``kernels.py`` imports it, when a kernel is called.

**Slots.** A launch has a fixed number of slots, which depends only on shapes: chunk :math:`c` of
graph :math:`g`, whose first node is :math:`\mathrm{ptr}_g`, has slot

.. math::
    \lfloor \mathrm{ptr}_g / C \rfloor + g + c, \qquad
    0 \le c < \max(1, \lceil n_g / C \rceil),

for chunks of :math:`C` rows. No two chunks share a slot, since
:math:`\lfloor (a + n) / C \rfloor + 1 \ge \lfloor a / C \rfloor + \lceil n / C \rceil`; there are
:math:`\lfloor N / C \rfloor + B` slots; and a program finds its graph by a search in ``ptr``.
Programs of slots without a chunk return immediately. Similarly, chunk :math:`c` of a graph of more
than one chunk has row :math:`\lfloor 2\,\mathrm{ptr}_g / C \rfloor + c` of the workspace, for which
:math:`2N / C` rows are sufficient, because :math:`\lfloor 2q \rfloor \ge \lceil q \rceil` for
:math:`q > 1`.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def find_graph(ptr, position, batch_size, steps, bits, SLOTS: tl.constexpr):
    """Return the last graph that starts at or before a slot, or at or before a node (not SLOTS).

    Each step reads 32 boundaries at once and keeps one of 32 intervals: the loads of a step are
    independent of each other, and those of different steps are not.
    """
    low = position * 0
    width = low + batch_size
    which = tl.arange(0, 32)
    for _ in range(steps):
        stride = (width + 31) // 32
        middle = low + which * stride
        inside = which * stride < width
        first = tl.load(ptr + middle, mask=inside, other=0)
        if SLOTS:
            first = (first >> bits) + middle
        before = tl.sum((inside & (first <= position)).to(tl.int32), axis=0)
        skipped = (tl.maximum(before, 1) - 1) * stride
        low += skipped
        width = tl.minimum(stride, width - skipped)
    return low


@triton.jit
def multiply_add(a, b, total, PRECISION: tl.constexpr, INTERPRETED: tl.constexpr):
    """Return total + a @ b, accumulated in float32.

    Two operands of the same half-precision dtype use tensor cores directly, since their products
    are exact in float32. A float32 operand multiplied by a bfloat16 one is split into the sum of
    two bfloat16 values, which keeps 16 of its 24 bits and needs two fast products instead of a slow
    one.
    """
    if a.dtype == b.dtype:
        if INTERPRETED:
            # The interpreter would multiply the bit patterns of bfloat16 as integers.
            total = tl.dot(a.to(tl.float32), b.to(tl.float32), total, input_precision="ieee")
        else:
            total = tl.dot(a, b, total, input_precision=PRECISION)
    elif a.dtype == tl.bfloat16 and b.dtype == tl.float32:
        high = b.to(tl.bfloat16)
        low = (b - high.to(tl.float32)).to(tl.bfloat16)
        total = multiply_add(a, low, total, PRECISION, INTERPRETED)
        total = multiply_add(a, high, total, PRECISION, INTERPRETED)
    elif a.dtype == tl.float32 and b.dtype == tl.bfloat16:
        high = a.to(tl.bfloat16)
        low = (a - high.to(tl.float32)).to(tl.bfloat16)
        total = multiply_add(low, b, total, PRECISION, INTERPRETED)
        total = multiply_add(high, b, total, PRECISION, INTERPRETED)
    else:
        # The range of float16 is too small for this split: tf32x3 is nearly as exact as float32.
        total = tl.dot(a.to(tl.float32), b.to(tl.float32), total, input_precision="tf32x3")
    return total


@triton.jit
def load_tile(pointers, rows_mask, columns, LIMIT: tl.constexpr, MASKED: tl.constexpr):
    """Load a tile, with zeros beyond the rows of the graph and the columns of the matrix.

    Columns are only masked if the tiles do not divide them evenly (MASKED), to keep loads wide.
    """
    mask = rows_mask[:, None]
    if MASKED:
        mask = mask & (columns[None, :] < LIMIT)
    return tl.load(pointers, mask=mask, other=0.0)


@triton.jit
def store_tile(pointers, tile, rows, columns, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """Store the part of a tile that is within a matrix of ROWS × COLUMNS."""
    mask = (rows < ROWS)[:, None] & (columns < COLUMNS)[None, :]
    tl.store(pointers + rows[:, None] * COLUMNS + columns[None, :], tile, mask=mask)


@triton.jit(do_not_specialize=["batch_size", "steps", "bits"])
def contract_chunk(
    x,
    p,
    s,
    ptr,
    out_x,
    out_p,
    out_s,
    workspace,
    x_stride,
    p_stride,
    s_stride,
    batch_size,
    steps,
    bits,
    F: tl.constexpr,
    K: tl.constexpr,
    BLOCK_ROWS: tl.constexpr,
    BLOCK_K: tl.constexpr,
    BLOCK_J: tl.constexpr,
    BLOCK_F: tl.constexpr,
    TILES_K: tl.constexpr,
    TILES_J: tl.constexpr,
    STAGES: tl.constexpr,
    PRECISION: tl.constexpr,
    INTERPRETED: tl.constexpr,
):
    r"""Write one tile of :math:`\mathbf{S}^{\top} [\mathbf{X} | \mathbf{P} | \mathbf{S}]`.

    The program of tile :math:`(k, j)` of a chunk keeps one accumulator per product, of sizes
    BLOCK_K × BLOCK_F, BLOCK_K × BLOCK_J and BLOCK_K × BLOCK_J, and reads the chunk's rows once. The
    programs of one chunk are adjacent in launch order, so that rows that several of them read come
    from device memory once, and from the L2 cache afterwards.
    """
    TILES: tl.constexpr = TILES_K * TILES_J
    slot = tl.program_id(0) // TILES
    tile = tl.program_id(0) % TILES
    graph = find_graph(ptr, slot, batch_size, steps, bits, SLOTS=True)
    begin = tl.load(ptr + graph)
    num_nodes = tl.load(ptr + graph + 1) - begin
    chunk = slot - (begin >> bits) - graph
    done = chunk << bits
    if (done >= num_nodes) & (chunk > 0):
        return
    first = begin + done
    count = tl.minimum(num_nodes - done, 1 << bits).to(tl.int32)

    rows = tl.arange(0, BLOCK_ROWS)
    columns_k = tile // TILES_J * BLOCK_K + tl.arange(0, BLOCK_K)
    columns_j = tile % TILES_J * BLOCK_J + tl.arange(0, BLOCK_J)
    columns_f = tile % TILES_J * BLOCK_F + tl.arange(0, BLOCK_F)
    left_pointers = s + (first + rows[:, None]) * s_stride + columns_k[None, :]
    s_pointers = s + (first + rows[:, None]) * s_stride + columns_j[None, :]
    p_pointers = p + (first + rows[:, None]) * p_stride + columns_j[None, :]
    x_pointers = x + (first + rows[:, None]) * x_stride + columns_f[None, :]
    MASKED_K: tl.constexpr = TILES_K * BLOCK_K > K
    MASKED_J: tl.constexpr = TILES_J * BLOCK_J > K
    MASKED_F: tl.constexpr = TILES_J * BLOCK_F > F

    sum_x = tl.zeros((BLOCK_K, BLOCK_F), tl.float32)
    sum_p = tl.zeros((BLOCK_K, BLOCK_J), tl.float32)
    sum_s = tl.zeros((BLOCK_K, BLOCK_J), tl.float32)
    for offset in tl.range(0, count, BLOCK_ROWS, num_stages=STAGES):
        inside = rows < count - offset
        left_tile = load_tile(left_pointers, inside, columns_k, K, MASKED_K)
        left = tl.trans(left_tile)
        p_tile = load_tile(p_pointers, inside, columns_j, K, MASKED_J)
        sum_p = multiply_add(left, p_tile, sum_p, PRECISION, INTERPRETED)
        if TILES_K == 1 and BLOCK_J == BLOCK_K:
            s_tile = left_tile
        else:
            s_tile = load_tile(s_pointers, inside, columns_j, K, MASKED_J)
        sum_s = multiply_add(left, s_tile, sum_s, PRECISION, INTERPRETED)
        if F > 0:
            x_tile = load_tile(x_pointers, inside, columns_f, F, MASKED_F)
            sum_x = multiply_add(left, x_tile, sum_x, PRECISION, INTERPRETED)
        left_pointers += BLOCK_ROWS * s_stride
        s_pointers += BLOCK_ROWS * s_stride
        p_pointers += BLOCK_ROWS * p_stride
        x_pointers += BLOCK_ROWS * x_stride

    if num_nodes <= (1 << bits):
        target_x = out_x + graph.to(tl.int64) * (K * F)
        target_p = out_p + graph.to(tl.int64) * (K * K)
        target_s = out_s + graph.to(tl.int64) * (K * K)
    else:
        row = ((2 * begin) >> bits) + chunk
        target_x = workspace + row * (K * (F + 2 * K))
        target_p = target_x + K * F
        target_s = target_p + K * K
    if F > 0:
        store_tile(target_x, sum_x, columns_k, columns_f, K, F)
    store_tile(target_p, sum_p, columns_k, columns_j, K, K)
    store_tile(target_s, sum_s, columns_k, columns_j, K, K)


@triton.jit(do_not_specialize=["batch_size", "steps", "bits"])
def add_chunks(
    workspace,
    ptr,
    out_x,
    out_p,
    out_s,
    batch_size,
    steps,
    bits,
    F: tl.constexpr,
    K: tl.constexpr,
    BLOCK_CHUNKS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Sum the workspace rows of one graph of several chunks, in a fixed order.

    A graph of more than C nodes contains a node whose index is a multiple of C: the program of such
    a node processes its graph if the node is the first one of this kind in the graph.
    """
    BLOCKS: tl.constexpr = (K * (F + 2 * K) + BLOCK - 1) // BLOCK
    multiple = tl.program_id(0) // BLOCKS
    node = multiple.to(tl.int64) << bits
    graph = find_graph(ptr, node, batch_size, steps, bits, SLOTS=False)
    begin = tl.load(ptr + graph)
    size = tl.load(ptr + graph + 1) - begin
    if (size <= (1 << bits)) | (node - begin >= (1 << bits)):
        return
    num_chunks = ((size - 1) >> bits) + 1

    WIDTH: tl.constexpr = K * (F + 2 * K)
    element = tl.program_id(0) % BLOCKS * BLOCK + tl.arange(0, BLOCK)
    chunks = tl.arange(0, BLOCK_CHUNKS)
    pointers = workspace + (((2 * begin) >> bits) + chunks[:, None]) * WIDTH + element[None, :]
    total = tl.zeros((BLOCK,), tl.float32)
    for chunk in range(0, num_chunks.to(tl.int32), BLOCK_CHUNKS):
        mask = (chunks[:, None] < num_chunks - chunk) & (element[None, :] < WIDTH)
        total += tl.sum(tl.load(pointers, mask=mask, other=0.0), axis=0)
        pointers += BLOCK_CHUNKS * WIDTH

    graph_x = out_x + graph * (K * F)
    graph_p = out_p + graph * (K * K) - K * F
    graph_s = out_s + graph * (K * K) - (K * F + K * K)
    in_x = element < K * F
    in_p = (element >= K * F) & (element < K * F + K * K)
    in_s = (element >= K * F + K * K) & (element < WIDTH)
    tl.store(graph_x + element, total, mask=in_x)
    tl.store(graph_p + element, total, mask=in_p)
    tl.store(graph_s + element, total, mask=in_s)


@triton.jit(do_not_specialize=["batch_size", "steps", "bits"])
def expand_rows(
    x,
    p,
    s,
    ptr,
    grad_x,
    grad_p,
    grad_s,
    out_x,
    out_s,
    x_stride,
    p_stride,
    s_stride,
    batch_size,
    steps,
    bits,
    F: tl.constexpr,
    K: tl.constexpr,
    BLOCK_ROWS: tl.constexpr,
    BLOCK_K: tl.constexpr,
    BLOCK_F: tl.constexpr,
    DEPTH: tl.constexpr,
    TILES: tl.constexpr,
    STAGES: tl.constexpr,
    PRECISION: tl.constexpr,
    INTERPRETED: tl.constexpr,
):
    r"""Write a tile of :math:`\mathrm{d}\mathbf{X}` and a tile of :math:`\mathrm{d}\mathbf{S}`.

    Both have the same rows of a graph. Up to 128 clusters and features, one tile covers all
    columns, and every operand is read once. Beyond that, the programs of the same rows are adjacent
    in launch order, and find the operands in the L2 cache, as do all programs of a graph with its
    K × (F + 2K) gradients.
    """
    slot = tl.program_id(0) // TILES
    tile = tl.program_id(0) % TILES
    graph = find_graph(ptr, slot, batch_size, steps, bits, SLOTS=True).to(tl.int64)
    begin = tl.load(ptr + graph)
    num_nodes = tl.load(ptr + graph + 1) - begin
    done = (slot - (begin >> bits) - graph) << bits
    if done >= num_nodes:
        return
    first = begin + done
    rows = tl.arange(0, BLOCK_ROWS)
    inside = rows < num_nodes - done
    depth = tl.arange(0, DEPTH)
    columns_k = tile * BLOCK_K + tl.arange(0, BLOCK_K)
    columns_f = tile * BLOCK_F + tl.arange(0, BLOCK_F)
    grad_x += graph * (K * F)
    grad_p += graph * (K * K)
    grad_s += graph * (K * K)
    MASKED_K: tl.constexpr = TILES * BLOCK_K > K
    MASKED_F: tl.constexpr = TILES * BLOCK_F > F
    DEEP_K: tl.constexpr = K % DEPTH != 0
    DEEP_F: tl.constexpr = F % DEPTH != 0

    sum_x = tl.zeros((BLOCK_ROWS, BLOCK_F), tl.float32)
    sum_s = tl.zeros((BLOCK_ROWS, BLOCK_K), tl.float32)
    row_offsets = first + rows[:, None]
    for start in tl.range(0, K, DEPTH, num_stages=STAGES):
        inner = start + depth
        known = inner < K
        s_tile = load_tile(s + row_offsets * s_stride + inner[None, :], inside, inner, K, DEEP_K)
        p_tile = load_tile(p + row_offsets * p_stride + inner[None, :], inside, inner, K, DEEP_K)
        square = inner[:, None] * K + columns_k[None, :]
        onto_p = load_tile(grad_p + square, known, columns_k, K, MASKED_K)
        sum_s = multiply_add(p_tile, onto_p, sum_s, PRECISION, INTERPRETED)
        onto_s = load_tile(grad_s + square, known, columns_k, K, MASKED_K)
        sum_s = multiply_add(s_tile, onto_s, sum_s, PRECISION, INTERPRETED)
        if F > 0:
            wide = inner[:, None] * F + columns_f[None, :]
            onto_x = load_tile(grad_x + wide, known, columns_f, F, MASKED_F)
            sum_x = multiply_add(s_tile, onto_x, sum_x, PRECISION, INTERPRETED)
    for start in tl.range(0, F, DEPTH, num_stages=STAGES):
        inner = start + depth
        x_tile = load_tile(x + row_offsets * x_stride + inner[None, :], inside, inner, F, DEEP_F)
        from_x = load_tile(
            grad_x + columns_k[:, None] * F + inner[None, :],
            columns_k < K,
            inner,
            F,
            DEEP_F,
        )
        sum_s = multiply_add(x_tile, tl.trans(from_x), sum_s, PRECISION, INTERPRETED)

    if F > 0:
        mask = inside[:, None] & (columns_f < F)[None, :]
        targets = out_x + row_offsets * F + columns_f[None, :]
        tl.store(targets, sum_x.to(out_x.dtype.element_ty), mask=mask)
    mask = inside[:, None] & (columns_k < K)[None, :]
    targets = out_s + row_offsets * K + columns_k[None, :]
    tl.store(targets, sum_s.to(out_s.dtype.element_ty), mask=mask)
