"""What training a network takes at least, and the refusal of what cannot fit in memory."""

import math

import torch
from torch import Tensor, nn

from benchmarks.data.source import Source
from benchmarks.kernels.capacity import available_gib
from benchmarks.methods import build_network
from benchmarks.spec.errors import UsageError
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import Settings
from pyg_diffpool import DiffPoolNet

_GIB = 2**30
_REAL = 4
_SIZES = (
    "hidden_channels",
    "embedding_channels",
    "num_layers",
    "num_layers_after",
    "mlp_channels",
    "num_pools",
    "cluster_ratio",
    "max_clusters",
    "field_size",
    "num_fields",
    "edge_hidden",
    "batch_size",
)
_COPIES = 4
"""Of each weight: itself, its gradient and Adam's two moments."""


def refuse_above_memory(method: str, settings: Settings, source: Source) -> None:
    """Raise before anything is allocated if a network cannot fit in the memory.

    The estimate is a lower bound: what it lets pass may still be too large, what it refuses is.

    Args:
        method: Name of the method.
        settings: Its settings.
        source: The data set.

    Raises:
        UsageError: If weights or levels alone take more than is available.
    """
    needed = least_gib(method, settings, source)
    available = _available_gib(settings)
    if needed > available:
        amount = f"{needed:,.1f} GiB or more" if math.isfinite(needed) else "more than can be told"
        raise UsageError(
            f"--method {method}: training would take {amount}, and {available:.1f} GiB are "
            f"available; expected smaller settings, got {_large_settings(settings)}"
        )


def least_gib(method: str, settings: Settings, source: Source) -> float:
    """Return the memory that the weights, and a batch's pooled levels, take at least.

    A network of the user's that cannot be built without memory counts as 0.
    """
    problem = source.problem(
        max(1, source.graphs.num_features), cluster_numbers(source.sizes, settings)
    )
    try:
        with torch.device("meta"):
            network = build_network(method, settings, problem)
    except (Exception, SystemExit) as error:
        # What fails for another reason fails again, and is told, when it is built in earnest.
        return float("inf") if "overflow" in str(error).lower() else 0.0
    weights = _COPIES * sum(parameter.numel() for parameter in network.parameters())
    return _REAL * (weights + _level_entries(network, settings, problem)) / _GIB


def cluster_numbers(sizes: Tensor, settings: Settings) -> list[int]:
    """Return the number of clusters of each pooling, from the training graphs' sizes alone."""
    return DiffPoolNet.clusters(
        int(sizes.max()), settings.cluster_ratio, settings.num_pools, settings.max_clusters
    )


def _level_entries(network: nn.Module, settings: Settings, problem: Problem) -> float:
    """Return the entries of a training batch's assignments and pooled adjacencies, and gradients.

    Only of DiffPool's own network it is known that they are all there at the same time.
    """
    # Of sparse levels, what training makes of them.
    if not isinstance(network, DiffPoolNet) or settings.sparse_level:
        return 0.0
    graphs = min(settings.batch_size, problem.train_sizes.numel() // 2)
    nodes = graphs * float(problem.train_sizes.double().mean())
    entries = 0.0
    for clusters in problem.clusters:
        entries += 2 * (nodes * clusters + graphs * float(clusters) ** 2)
        nodes = graphs * float(clusters)
    return entries


def _large_settings(settings: Settings) -> str:
    """Return the sizes that are above their defaults, or all where none is."""
    usual = Settings()
    sizes = {name: getattr(settings, name) or 0 for name in _SIZES}
    above = [name for name, size in sizes.items() if size > (getattr(usual, name) or 0)]
    return ", ".join(f"{name} {sizes[name]}" for name in above or _SIZES if sizes[name])


def _available_gib(settings: Settings) -> float:
    if settings.accelerator != "cpu" and torch.cuda.is_available():
        return float(torch.cuda.mem_get_info()[0]) / _GIB
    return available_gib()
