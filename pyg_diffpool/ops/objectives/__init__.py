"""The side objectives by name. To add one, add a module here and an entry in the table."""

from __future__ import annotations

from pyg_diffpool.ops.objectives.balance import BALANCE, balance_loss
from pyg_diffpool.ops.objectives.collapse import COLLAPSE, collapse_loss
from pyg_diffpool.ops.objectives.cut import CUT, cut_loss
from pyg_diffpool.ops.objectives.entropy import ENTROPY
from pyg_diffpool.ops.objectives.link import LINK
from pyg_diffpool.ops.objectives.modularity import MODULARITY, modularity_loss
from pyg_diffpool.ops.objectives.objective import Objective, Pooling, mean_over_graphs
from pyg_diffpool.ops.objectives.orthogonality import ORTHOGONALITY, orthogonality_loss

__all__ = [
    "OBJECTIVES",
    "OF_THE_PAPER",
    "Objective",
    "Pooling",
    "balance_loss",
    "collapse_loss",
    "cut_loss",
    "mean_over_graphs",
    "modularity_loss",
    "orthogonality_loss",
]

OBJECTIVES: dict[str, Objective] = {
    "link": LINK,
    "entropy": ENTROPY,
    "cut": CUT,
    "orthogonality": ORTHOGONALITY,
    "modularity": MODULARITY,
    "collapse": COLLAPSE,
    "balance": BALANCE,
}
OF_THE_PAPER = ("link", "entropy")
