"""The poolings of one graph, from the output of a network for a batch."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias, TypeGuard

import torch
from torch import Tensor

from pyg_diffpool.models import DiffPoolOutput
from pyg_diffpool.nn import PooledGraph, SparsePooledGraph
from pyg_diffpool.ops.validation import FLOATING

Poolings: TypeAlias = DiffPoolOutput | PooledGraph | SparsePooledGraph | Tensor | Sequence[Any]

# Row sums of a softmax in bfloat16 deviate from one by up to about this much.
ROW_TOLERANCE = 0.05


class Pooling(NamedTuple):
    """A pooling of one graph or of a batch, on the CPU in float64.

    Attributes:
        s: Assignment ``[n, K]``; for a batch also ``[B, n, K]``.
        adj: Pooled adjacency ``[K, K]`` (``[B, K, K]``), or None if it is not known.
        available: Boolean mask of the clusters that may be used, ``[K]`` (``[B, K]``).
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
        TypeError: If :obj:`out` is anything else.
        ValueError: If there is no pooling, or shapes do not match.

    Example:
        >>> [pooling.s.shape for pooling in read_poolings([torch.eye(3), torch.ones(3, 1)])]
        [torch.Size([3, 3]), torch.Size([1, 3, 1])]
    """
    parts: Any = out
    if isinstance(out, DiffPoolOutput):
        parts = out.levels
    elif isinstance(out, (PooledGraph, SparsePooledGraph, Tensor)):
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


def _read(part: PooledGraph | SparsePooledGraph | Tensor, level: int) -> Pooling:
    if isinstance(part, SparsePooledGraph):
        part = part.to_padded(padded_nodes=level > 0)
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


def check_number(name: str, number: Any, first: int, last: int) -> None:
    """Check that an argument is an integer from first to last.

    Args:
        name: The argument's name, for the message.
        number: The argument's value.
        first: Smallest valid value.
        last: Largest valid value.

    Raises:
        TypeError: If :obj:`number` is not an integer.
        ValueError: If :obj:`number` is out of range.

    Example:
        >>> check_number("level", 0, 0, 1)
    """
    try:
        value = operator.index(number)
    except TypeError as error:
        raise TypeError(f"{name}: expected an integer, got {type(number).__name__}") from error
    if not first <= value <= last:
        raise ValueError(f"{name}: expected {first} to {last}, got {value}")


def count_graphs(poolings: Sequence[Pooling]) -> int | None:
    """Return the number of graphs, or None if a single assignment ``[N, K]`` leaves it open.

    Args:
        poolings: See :func:`read_poolings`.

    Raises:
        ValueError: If levels have different numbers of graphs.

    Example:
        >>> count_graphs(read_poolings([torch.ones(5, 1), torch.ones(2, 1, 1)]))
        2
    """
    counts = [part.size(0) for s, adj, _ in poolings for part in (s, adj) if _is_batch(part)]
    if len(set(counts)) > 1:
        raise ValueError(f"out: expected as many graphs on each level, got {counts}")
    return counts[0] if counts else None


def _is_batch(part: Tensor | None) -> TypeGuard[Tensor]:
    return part is not None and part.dim() == 3


def poolings_of_graph(poolings: Sequence[Pooling], graph: int, node: Tensor) -> list[Pooling]:
    """Select the poolings of one graph.

    Args:
        poolings: Poolings of all graphs, see :func:`read_poolings`.
        graph: Index of the graph.
        node: Indices of the graph's nodes in the batch.

    Raises:
        ValueError: If the graph has more nodes than rows, or rows are not probabilities.

    Example:
        >>> poolings = read_poolings([torch.eye(4), torch.ones(2, 4, 1)])
        >>> [pooling.s.shape for pooling in poolings_of_graph(poolings, 1, torch.tensor([2, 3]))]
        [torch.Size([2, 4]), torch.Size([4, 1])]
    """
    own: list[Pooling] = []
    for level, (s, adj, available) in enumerate(poolings):
        if s.dim() == 2:
            s = s[node]
        elif level == 0:
            # The first rows are nodes, the rest is padding.
            s = s[graph, : node.numel()]
        else:
            s = s[graph]
        if level == 0 and s.size(0) != node.numel():
            raise ValueError(
                f"out: assignment 0: expected a row for each of the {node.numel()} nodes of graph "
                f"{graph}, got {s.size(0)}"
            )
        check_probabilities(s[own[-1].available] if own else s, level)
        # A plain assignment has no graph dimension: its single row applies to all graphs.
        usable = available[graph if available.size(0) > 1 else 0]
        own.append(Pooling(s, None if adj is None else adj[graph], usable))
    return own


def check_probabilities(s: Tensor, level: int) -> None:
    """Check that rows are finite, non-negative, and sum to one.

    Args:
        s: Assignment ``[n, K]``.
        level: Index of the level, for the message.

    Raises:
        ValueError: If a row is not a probability distribution.

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
