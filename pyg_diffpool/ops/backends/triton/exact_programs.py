r"""The GPU programs that ``exact.py`` launches: squared distances, exact where terms cancel.

Like ``programs.py``, this module imports Triton, and is imported when a kernel is called.

**No branch on the host.** Whether a graph needs float64 products is only known on the device.
Programs of graphs that do not need them return at once, so that asking costs a launch and no
synchronisation.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def square_entries(
    weight,
    rowptr,
    col,
    target,
    ptr,
    out,
    PARTS: tl.constexpr,
    WEIGHTED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    r"""Write a part of :math:`\lVert \mathbf{A}_g \rVert_F^2`, where duplicate edges add up.

    Duplicates are adjacent. The square of a sum of weights is the sum of each weight times itself
    and twice the weights before it, which are read until no edge of the block has another one.
    """
    graph = tl.program_id(0) // PARTS
    part = tl.program_id(0) % PARTS
    begin = tl.load(rowptr + tl.load(ptr + graph))
    end = tl.load(rowptr + tl.load(ptr + graph + 1))
    length = (end - begin + PARTS - 1) // PARTS
    first = begin + part * length
    last = tl.minimum(first + length, end)
    total = tl.zeros((BLOCK,), tl.float64)
    for start in range(first, last, BLOCK):
        edge = start + tl.arange(0, BLOCK)
        inside = edge < last
        source = tl.load(col + edge, mask=inside, other=-1)
        row = tl.load(target + edge, mask=inside, other=-1)
        own = load_weights(weight, edge, inside, WEIGHTED)
        before = tl.zeros((BLOCK,), tl.float64)
        back = 1
        repeated = inside & (edge - back >= begin)
        repeated &= tl.load(col + edge - back, mask=repeated, other=-1) == source
        repeated &= tl.load(target + edge - back, mask=repeated, other=-1) == row
        while tl.max(repeated.to(tl.int32), axis=0) > 0:
            before += load_weights(weight, edge - back, repeated, WEIGHTED)
            back += 1
            repeated &= edge - back >= begin
            repeated &= tl.load(col + edge - back, mask=repeated, other=-1) == source
            repeated &= tl.load(target + edge - back, mask=repeated, other=-1) == row
        total += own * (own + 2 * before)
    tl.store(out + tl.program_id(0), tl.sum(total, axis=0))


@triton.jit
def load_weights(weight, edge, mask, WEIGHTED: tl.constexpr):
    """Load weights in float64: one per edge, or ones."""
    if WEIGHTED:
        values = tl.load(weight + edge, mask=mask, other=0.0).to(tl.float64)
    else:
        values = mask.to(tl.float64)
    return values


@triton.jit
def add_terms(
    gram,
    adj,
    parts,
    squared,
    near,
    threshold,
    K: tl.constexpr,
    PARTS: tl.constexpr,
    BLOCK: tl.constexpr,
    BLOCK_PARTS: tl.constexpr,
):
    r"""Write the squared distance of a graph, and whether it is a small fraction of the norm.

    .. math::
        \lVert \mathbf{A} \rVert_F^2 - 2\, \mathrm{tr}(\mathbf{A}') + \lVert \mathbf{G} \rVert_F^2
    """
    graph = tl.program_id(0).to(tl.int64)
    part = tl.arange(0, BLOCK_PARTS)
    norm = tl.sum(tl.load(parts + graph * PARTS + part, mask=part < PARTS, other=0.0), axis=0)
    offset = tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK,), tl.float64)
    for start in range(0, K * K, BLOCK):
        entry = start + offset
        value = tl.load(gram + graph * K * K + entry, mask=entry < K * K, other=0.0).to(tl.float64)
        total += value * value
    for start in range(0, K, BLOCK):
        entry = start + offset
        position = graph * K * K + entry * (K + 1)
        total -= 2 * tl.load(adj + position, mask=entry < K, other=0.0).to(tl.float64)
    result = norm + tl.sum(total, axis=0)
    tl.store(squared + graph, result)
    tl.store(near + graph, (result < threshold * norm).to(tl.uint8))


@triton.jit
def multiply_near(
    s,
    weight,
    rowptr,
    col,
    target,
    ptr,
    near,
    parts,
    out,
    s_stride,
    K: tl.constexpr,
    TILES: tl.constexpr,
    TILE: tl.constexpr,
    ROWS: tl.constexpr,
    EDGES: tl.constexpr,
    PARTS: tl.constexpr,
    BLOCK_PARTS: tl.constexpr,
    TERMS: tl.constexpr,
    WEIGHTED: tl.constexpr,
):
    r"""Write a tile of :math:`\mathbf{S}_g^{\top} \mathbf{S}_g` of a near graph in float64.

    With TERMS, write its part of the squared distance instead: the squares of the tile, from the
    tiles of the diagonal also the trace of :math:`\mathbf{S}^{\top} \mathbf{A} \mathbf{S}` over
    their columns, and from the first one the norm of the adjacency.
    """
    graph = (tl.program_id(0) // (TILES * TILES)).to(tl.int64)
    tile = tl.program_id(0) % (TILES * TILES)
    if tl.load(near + graph) == 0:
        return
    across = tile // TILES * TILE + tl.arange(0, TILE)
    down = tile % TILES * TILE + tl.arange(0, TILE)
    begin = tl.load(ptr + graph)
    end = tl.load(ptr + graph + 1)
    total = tl.zeros((TILE, TILE), tl.float64)
    for start in range(begin, end, ROWS):
        for step in tl.static_range(ROWS):
            row = start + step
            inside = row < end
            left = tl.load(s + row * s_stride + across, mask=inside & (across < K), other=0.0)
            right = tl.load(s + row * s_stride + down, mask=inside & (down < K), other=0.0)
            total += left.to(tl.float64)[:, None] * right.to(tl.float64)[None, :]
    if TERMS:
        value = tl.sum(tl.sum(total * total, axis=1), axis=0)
        if tile // TILES == tile % TILES:
            first = tl.load(rowptr + begin)
            last = tl.load(rowptr + end)
            trace = tl.zeros((EDGES, TILE), tl.float64)
            for start in range(first, last, EDGES):
                edge = start + tl.arange(0, EDGES)
                known = edge < last
                mask = known[:, None] & (across < K)[None, :]
                one = tl.load(col + edge, mask=known, other=0)
                other = tl.load(target + edge, mask=known, other=0)
                from_one = s + one[:, None] * s_stride + across[None, :]
                from_other = s + other[:, None] * s_stride + across[None, :]
                product = tl.load(from_one, mask=mask, other=0.0).to(tl.float64)
                product *= tl.load(from_other, mask=mask, other=0.0).to(tl.float64)
                trace += product * load_weights(weight, edge, known, WEIGHTED)[:, None]
            value -= 2 * tl.sum(tl.sum(trace, axis=1), axis=0)
        if tile == 0:
            part = tl.arange(0, BLOCK_PARTS)
            norms = tl.load(parts + graph * PARTS + part, mask=part < PARTS, other=0.0)
            value += tl.sum(norms, axis=0)
        tl.store(out + tl.program_id(0), value)
    else:
        square = (across < K)[:, None] & (down < K)[None, :]
        entries = graph * K * K + across[:, None] * K + down[None, :]
        tl.store(out + entries, total, mask=square)


@triton.jit(do_not_specialize=["num_nodes"])
def add_exact_gradient(
    s,
    gram,
    weight,
    rowptr,
    col,
    out_weight,
    out_rowptr,
    out_col,
    batch,
    near,
    grad,
    out,
    s_stride,
    num_nodes,
    K: tl.constexpr,
    ROWS: tl.constexpr,
    TILE: tl.constexpr,
    WEIGHTED: tl.constexpr,
    DIRECTED: tl.constexpr,
):
    r"""Add the gradient of the squared distances of near graphs to some rows of a gradient.

    .. math::
        4\,\mathbf{S} \mathbf{G} - 2\,\mathbf{A}^{\top} \mathbf{S} - 2\,\mathbf{A} \mathbf{S}
    """
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    inside = row < num_nodes
    graph = tl.load(batch + row, mask=inside, other=0)
    inside &= tl.load(near + graph, mask=inside, other=0) != 0
    if tl.max(inside.to(tl.int32), axis=0) == 0:
        return
    column = tl.program_id(1) * TILE + tl.arange(0, TILE)
    mask = inside[:, None] & (column < K)[None, :]
    total = tl.zeros((ROWS, TILE), tl.float64)
    for inner in range(0, K):
        own = tl.load(s + row * s_stride + inner, mask=inside, other=0.0).to(tl.float64)
        entries = (graph * K + inner)[:, None] * K + column[None, :]
        total += own[:, None] * tl.load(gram + entries, mask=mask, other=0.0)
    total = 4 * total
    through = add_neighbours(s, weight, rowptr, col, row, inside, column, s_stride, K, WEIGHTED)
    if DIRECTED:
        through += add_neighbours(
            s, out_weight, out_rowptr, out_col, row, inside, column, s_stride, K, WEIGHTED
        )
    else:
        through = 2 * through
    slope = tl.load(grad + graph, mask=inside, other=0.0).to(tl.float64)
    total = (total - 2 * through) * slope[:, None]
    pointers = out + row[:, None] * K + column[None, :]
    before = tl.load(pointers, mask=mask, other=0.0)
    tl.store(pointers, (before + total).to(out.dtype.element_ty), mask=mask)


@triton.jit
def add_neighbours(
    s,
    weight,
    rowptr,
    col,
    row,
    inside,
    column,
    s_stride,
    K: tl.constexpr,
    WEIGHTED: tl.constexpr,
):
    """Return the weighted sum over the edges of each row of the rows at their other ends."""
    first = tl.load(rowptr + row, mask=inside, other=0)
    degree = tl.load(rowptr + row + 1, mask=inside, other=0) - first
    total = tl.zeros((row.shape[0], column.shape[0]), tl.float64)
    for step in range(0, tl.max(degree, axis=0)):
        known = step < degree
        other = tl.load(col + first + step, mask=known, other=0)
        mask = known[:, None] & (column < K)[None, :]
        value = tl.load(s + other[:, None] * s_stride + column[None, :], mask=mask, other=0.0)
        value = value.to(tl.float64)
        if WEIGHTED:
            own = tl.load(weight + first + step, mask=known, other=0.0).to(tl.float64)
            value = value * own[:, None]
        total += value
    return total
