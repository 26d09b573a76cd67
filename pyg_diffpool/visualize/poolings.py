"""One graph's poolings, from whatever a network returns for a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from pyg_diffpool.models import DiffPoolOutput
from pyg_diffpool.nn import PooledGraph
from pyg_diffpool.ops import coarsen
from pyg_diffpool.ops.validation import FLOATING
from pyg_diffpool.visualize.input_graph import InputGraph

Poolings: TypeAlias = DiffPoolOutput | PooledGraph | Tensor | Sequence[Any]

# Sums of a softmax's row in bfloat16 miss one by about so much.
ROW_TOLERANCE = 0.05


class Pooling(NamedTuple):
    """A pooling of one graph or of a batch, on the CPU in float64.

    Attributes:
        s: Assignment ``[n, K]``; of a batch also ``[B, n, K]``.
        adj: Pooled adjacency ``[K, K]`` (``[B, K, K]``), or None where it is not known.
        available: Which clusters may be used, Boolean, ``[K]`` (``[B, K]``).
    """

    s: Tensor
    adj: Tensor | None
    available: Tensor


def read_poolings(out: Poolings) -> list[Pooling]:
    r"""Return all poolings of a batch.

    Args:
        out: A :class:`DiffPoolOutput`, a :class:`PooledGraph`, a sequence of these, or
            assignments: :math:`(N, K)` or :math:`(B, n, K)`, then :math:`(B, K, K')` or, for a
            single graph, :math:`(K, K')`, and so on.

    Raises:
        TypeError: If it is anything else.
        ValueError: If there is no pooling, or shapes do not fit together.

    Example:
        >>> [pooling.s.shape for pooling in read_poolings([torch.eye(3), torch.ones(3, 1)])]
        [torch.Size([3, 3]), torch.Size([1, 3, 1])]
    """
    parts: Any = out
    if isinstance(out, DiffPoolOutput):
        parts = out.levels
    elif isinstance(out, (PooledGraph, Tensor)):
        parts = [out]
    if not isinstance(parts, Sequence):
        raise TypeError(
            "out: expected a DiffPoolOutput, a PooledGraph, an assignment tensor, or a sequence "
            f"of these, got {type(out).__name__}"
        )
    if not parts:
        raise ValueError("out: expected at least one pooling, got none (a flat network?)")
    poolings: list[Pooling] = []
    for level, part in enumerate(parts):
        pooling = _read(part, level)
        below = poolings[-1].s.size(-1) if poolings else pooling.s.size(-2)
        if pooling.s.size(-2) != below:
            raise ValueError(
                f"out: assignment {level}: expected {below} rows, one for each cluster of the "
                f"level below, got shape {tuple(pooling.s.shape)}"
            )
        poolings.append(pooling)
    return poolings


def _read(part: PooledGraph | Tensor, level: int) -> Pooling:
    if isinstance(part, PooledGraph):
        s, adj, available = part.assignment, part.adj, part.mask
    elif isinstance(part, Tensor):
        s, adj, available = part, None, None
    else:
        raise TypeError(
            f"out: expected PooledGraphs or assignment tensors, got {type(part).__name__}"
        )
    if s.dim() not in (2, 3) or s.size(-1) < 1:
        raise ValueError(
            f"out: assignment {level}: expected shape [N, K] or [B, N, K] with K >= 1, "
            f"got {tuple(s.shape)}"
        )
    if s.dtype not in FLOATING:
        raise TypeError(f"out: assignment {level}: expected a floating dtype, got {s.dtype}")
    s = s.detach().cpu().double()
    if level > 0 and s.dim() == 2:
        s = s.unsqueeze(0)
    if available is None:
        graphs = s.size(0) if s.dim() == 3 else 1
        available = s.new_ones(graphs, s.size(-1), dtype=torch.bool)
    return Pooling(
        s, None if adj is None else adj.detach().cpu().double(), available.detach().cpu()
    )


def poolings_of_graph(poolings: Sequence[Pooling], graph: int, source: InputGraph) -> list[Pooling]:
    """Pick one graph's poolings, and compute the coarse adjacencies that are not known.

    Args:
        poolings: Of all graphs, see :func:`read_poolings`.
        graph: Number of the graph.
        source: The graph itself.

    Raises:
        ValueError: If there is no such graph, or assignments are not probabilities.

    Example:
        >>> source = InputGraph(torch.arange(2), torch.tensor([[0], [1]]), torch.ones(1))
        >>> poolings_of_graph(read_poolings(torch.eye(2)), 0, source)[0].adj.tolist()
        [[0.0, 1.0], [0.0, 0.0]]
    """
    own: list[Pooling] = []
    for level, pooling in enumerate(poolings):
        s = assignment_of_graph(pooling, level, graph, source.node)
        known = poolings[level].adj
        if known is not None:
            if not 0 <= graph < known.size(0):
                raise ValueError(f"graph: expected 0 to {known.size(0) - 1}, got {graph}")
            adj = known[graph]
        elif own:
            below = own[-1].adj
            assert below is not None
            adj = s.t() @ below @ s
        else:
            ones, weight = s.new_ones(s.size(0), 1), source.edge_weight
            adj = coarsen(ones, s, source.edge_index, weight.double()).adj[0]
        # Of a sequence of plain assignments, the first tells nothing of the number of graphs.
        available = pooling.available[graph if pooling.available.size(0) > 1 else 0]
        check_probabilities(s[own[-1].available] if own else s, level)
        own.append(Pooling(s, adj, available))
    return own


def assignment_of_graph(pooling: Pooling, level: int, graph: int, node: Tensor) -> Tensor:
    """Return the rows of one graph, ``[n, K]``.

    Args:
        pooling: Of all graphs.
        level: Its number, for messages.
        graph: Number of the graph.
        node: Numbers of the graph's nodes in the batch.

    Raises:
        ValueError: If there is no such graph or row.

    Example:
        >>> pooling = read_poolings(torch.eye(4))[0]
        >>> assignment_of_graph(pooling, 0, 0, torch.tensor([3])).tolist()
        [[0.0, 0.0, 0.0, 1.0]]
    """
    s = pooling.s
    if s.dim() == 2:
        if node.numel() and int(node.max()) >= s.size(0):
            raise ValueError(
                f"out: assignment {level}: expected one row for each node of data, "
                f"got shape {tuple(s.shape)}"
            )
        return s[node]
    if not 0 <= graph < s.size(0):
        raise ValueError(
            f"graph: expected 0 to {s.size(0) - 1}, as many as assignment {level} of out has, "
            f"got {graph}"
        )
    # Of a dense level 0 the first rows are nodes, the others padding.
    return s[graph, : node.numel()] if level == 0 else s[graph]


def check_probabilities(s: Tensor, level: int) -> None:
    """Check that rows are finite, nonnegative, and sum to one.

    Args:
        s: Assignment ``[n, K]``.
        level: Its number, for the message.

    Raises:
        ValueError: If they do not.

    Example:
        >>> check_probabilities(torch.eye(2), 0)
    """
    good = torch.isfinite(s) & (s >= 0)
    sums = (s.sum(-1) - 1).abs() <= ROW_TOLERANCE
    if not bool(good.all() and sums.all()):
        row = s[~(good.all(-1) & sums)][0]
        raise ValueError(
            f"out: assignment {level}: expected probabilities that sum to one (a softmax of "
            f"logits), got the row {[round(value, 3) for value in row[:6].tolist()]}"
            + ("…" if row.numel() > 6 else "")
        )
