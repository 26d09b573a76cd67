"""The assignments by name. To add one, add a module here and an entry in the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from torch import Tensor

from pyg_diffpool.ops.assignments.projection import entmax15, sparsemax
from pyg_diffpool.ops.assignments.straight_through import straight_through
from pyg_diffpool.ops.precision import without_autocast
from pyg_diffpool.ops.row_entropy import entropy_of_rows
from pyg_diffpool.ops.soft_assignment import masked_logits, soft_assignment_and_entropy

__all__ = ["ASSIGNMENTS", "AssignmentAndEntropy", "assignment_and_entropy"]

AssignmentAndEntropy: TypeAlias = Callable[[Tensor, Tensor | None], tuple[Tensor, Tensor]]


def _projection(project: Callable[[Tensor], Tensor]) -> AssignmentAndEntropy:
    """Return a function of logits and a mask of columns, given one of wide, masked logits."""

    def assign(logits: Tensor, columns: Tensor | None) -> tuple[Tensor, Tensor]:
        with without_autocast(logits):
            s = project(masked_logits(logits, columns))
        return s, entropy_of_rows(s)

    return assign


ASSIGNMENTS: dict[str, AssignmentAndEntropy] = {
    "softmax": soft_assignment_and_entropy,
    "sparsemax": _projection(sparsemax),
    "entmax15": _projection(entmax15),
    "straight-through": straight_through,
}


def assignment_and_entropy(
    name: str,
    logits: Tensor,
    columns: Tensor | None = None,
    temperature: float | Tensor = 1.0,
) -> tuple[Tensor, Tensor]:
    r"""Return the assignment of each row and its entropy.

    Args:
        name: A name of :data:`ASSIGNMENTS`.
        logits: :math:`(*, K)`.
        columns: Boolean mask of the clusters to use, broadcastable to :obj:`logits`, with at least
            one in each row. (default: all)
        temperature: The logits are divided by it. (default: :obj:`1.0`)

    Returns:
        :math:`(*, K)` with rows that sum to one and exact zeros for masked clusters; and
        :math:`(*)`.

    Example:
        >>> import torch
        >>> s, _ = assignment_and_entropy("sparsemax", torch.tensor([[1.0, 0.5, -1.0]]))
        >>> s
        tensor([[0.7500, 0.2500, 0.0000]])
    """
    if isinstance(temperature, Tensor) or temperature != 1:
        logits = logits / temperature
    return ASSIGNMENTS[name](logits, columns)
