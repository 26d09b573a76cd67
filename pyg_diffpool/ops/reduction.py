"""How one value a graph becomes one value a batch."""

from __future__ import annotations

from torch import Tensor

from pyg_diffpool.ops.validation import check_choice

CONVENTIONS = ("paper", "reference", "pyg")
REDUCTIONS = ("mean", "sum", "none")


def check_convention(convention: str, reduction: str = "mean") -> None:
    """Check both names, and that they go together."""
    check_choice("convention", convention, CONVENTIONS)
    check_choice("reduction", reduction, REDUCTIONS)
    if convention == "pyg" and reduction != "mean":
        raise ValueError(
            "reduction: expected 'mean' beside convention='pyg', whose number belongs to a whole "
            f"batch, got {reduction!r}"
        )


def reduce_graphs(
    values: Tensor, sizes: Tensor, convention: str, reduction: str, *, pairs: bool
) -> Tensor:
    """Reduce one value a graph, of which each has so many nodes.

    The mean of convention ``paper`` is over graphs, an empty one counting as 0; that of
    ``reference`` is over the nodes, or pairs of nodes, of all graphs together. The value of ``pyg``
    is a scalar already.
    """
    if convention == "pyg" or reduction == "none":
        return values
    if reduction == "sum":
        return values.sum()
    if convention == "reference":
        counts = sizes.square() if pairs else sizes
        return values.sum() / counts.sum().clamp(min=1)
    return values.sum() / max(values.numel(), 1)


def at_least_one(count: int | Tensor) -> int | Tensor:
    """Return the count that a mean divides by, which of nothing is 0."""
    return count.clamp(min=1) if isinstance(count, Tensor) else max(count, 1)
