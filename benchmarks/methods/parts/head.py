"""The refusal of settings that a method's network would not heed."""

from collections.abc import Sequence

from benchmarks.spec.errors import UsageError
from benchmarks.spec.settings import Settings

BLOCK = ("residual", "fully_adjacent", "edge_features")
"""Settings of GraphSAGE blocks, and of those in their place."""
HEAD = ("readout_norm", "sum_scale", "skip_input", "head_dropout")
"""Settings of what follows the last rows."""
ASSIGNMENT = ("assignment", "temperature", "final_temperature", "sparse_level")
"""Settings of learned assignments."""
POOLING = (*ASSIGNMENT, "objectives")
"""Settings of learned poolings."""

_DEFAULT = Settings()


def refuse_unused(method: str, settings: Settings, names: Sequence[str]) -> None:
    """Raise where a setting without an effect on a method is not at its default.

    Args:
        method: Name of the method.
        settings: Its settings.
        names: The settings that have no effect.

    Raises:
        UsageError: For the first that is named.
    """
    for name in names:
        value = getattr(settings, name)
        if value != getattr(_DEFAULT, name):
            raise UsageError(f"setting {name}: {method} has no use for it, got {value}")


def refuse_several_readouts(method: str, settings: Settings) -> None:
    """Raise where several readouts are named for a method that has one of its own.

    Args:
        method: Name of the method.
        settings: Its settings.

    Raises:
        UsageError: If they are several.
    """
    if not isinstance(settings.readout, str):
        raise UsageError(
            f"setting readout: {method} has a readout of its own, got {','.join(settings.readout)}"
        )
