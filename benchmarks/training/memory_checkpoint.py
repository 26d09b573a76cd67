"""Checkpoints of a training kept in memory: the store writes the best one when the cell is done."""

import copy
from typing import Any

try:
    from lightning.pytorch.plugins.io import CheckpointIO
except ModuleNotFoundError:  # The same package under its older name.
    from pytorch_lightning.plugins.io import CheckpointIO

from benchmarks.training.weight_copy import copied_weights

WEIGHTS = "state_dict"


class MemoryCheckpointIO(CheckpointIO):
    """Keeps in memory what ModelCheckpoint saves: an improving epoch costs a copy, not a file."""

    def __init__(self) -> None:
        self.saved: dict[str, dict[str, Any]] = {}

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Copy ``checkpoint``, whose tensors the next step would change."""
        others = {name: value for name, value in checkpoint.items() if name != WEIGHTS}
        self.saved[str(path)] = {
            **copy.deepcopy(others),
            WEIGHTS: copied_weights(checkpoint[WEIGHTS]),
        }

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Return what was saved under ``path``."""
        return self.saved[str(path)]

    def remove_checkpoint(self, path: Any) -> None:
        """Forget what was saved under ``path``."""
        self.saved.pop(str(path), None)
