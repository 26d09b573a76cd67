"""The refusal of readout settings by networks whose readout is their own."""

from collections.abc import Sequence

from benchmarks.spec.errors import UsageError
from benchmarks.spec.settings import Settings

_DEFAULT = Settings()
_HEAD = ("readout_norm", "sum_scale", "head_dropout")


def refuse_head_settings(method: str, settings: Settings, names: Sequence[str] = _HEAD) -> None:
    """Raise where a setting is named that a method's network would not heed.

    Args:
        method: Name of the method.
        settings: Its settings.
        names: Settings without an effect there. (default: all of the readout and the head)

    Raises:
        UsageError: If one of them is not at its default, or several readouts are asked for.
    """
    for name in names:
        value = getattr(settings, name)
        if value != getattr(_DEFAULT, name):
            raise UsageError(f"setting {name}: {method} has no use for it, got {value}")
    if not isinstance(settings.readout, str):
        raise UsageError(
            f"setting readout: {method} has a readout of its own, got {','.join(settings.readout)}"
        )
