"""The refusal of settings that a method's network would not heed."""

from collections.abc import Sequence

from benchmarks.spec.errors import UsageError
from benchmarks.spec.settings import Settings

BLOCK = ("residual", "fully_adjacent", "edge_features")
"""Settings of GraphSAGE blocks, and of those in their place."""
HEAD = ("readout_norm", "sum_scale", "skip_input", "head_dropout")
"""Settings of what follows the last rows."""
CONVOLUTION = (
    "aggr",
    "root_weight",
    "normalize",
    "final_activation",
    "jump",
    "embedding_channels",
)
"""Settings of the convolutions in GraphSAGE blocks."""
ASSIGNMENT = (
    "assignment",
    "temperature",
    "final_temperature",
    "annealing_steps",
    "sparse_level",
    "convention",
    "scale",
    "backend",
    "per_graph_clusters",
)
"""Settings of learned assignments."""
POOLING = (
    *ASSIGNMENT,
    "objectives",
    "link_weight",
    "entropy_weight",
    "cluster_ratio",
    "max_clusters",
    "readout_levels",
)
"""Settings of learned poolings, and of levels."""
NETWORK = ("batch_norm", "readout", *BLOCK, *HEAD, *CONVOLUTION, *POOLING)
"""Settings of a DiffPoolNet's layers."""
OWN = (
    "processing_steps",
    "sort_quantile",
    "field_size",
    "num_fields",
    "pyramid_levels",
    "edge_hidden",
)
"""Settings of a single method each."""

_DEFAULT = Settings()


def own_of_others(*own: str) -> tuple[str, ...]:
    """Return the settings in :data:`OWN` without those that are the method's own.

    Args:
        own: The settings that the method has.
    """
    return tuple(name for name in OWN if name not in own)


def refuse_unused(
    method: str, settings: Settings, names: Sequence[str] = (), *, own: Sequence[str] = ()
) -> None:
    """Raise where a setting without an effect on a method is not at its default.

    Those in :data:`OWN` are without an effect on all methods but their own.

    Args:
        method: Name of the method.
        settings: Its settings.
        names: The settings that have no effect.
        own: Those in :data:`OWN` that the method has.

    Raises:
        UsageError: For the first that is named.
    """
    for name in (*names, *own_of_others(*own)):
        value = getattr(settings, name)
        if value != getattr(_DEFAULT, name):
            raise UsageError(f"setting {name}: {method} has no use for it, got {value}")


def refuse_scale_without_sum(settings: Settings, readout: str | Sequence[str]) -> None:
    """Raise where a scale of sums is named, and nothing is summed.

    Args:
        settings: Settings of a network that has readouts and may skip its input to the head.
        readout: The network's readouts.

    Raises:
        UsageError: If it is named in vain.
    """
    names = (readout,) if isinstance(readout, str) else readout
    if settings.sum_scale is not None and "sum" not in names and not settings.skip_input:
        raise UsageError(
            f"setting sum_scale: expected with the readout sum or with skip_input, got "
            f"{settings.sum_scale} with the readout {','.join(names)}"
        )
