"""The way from the network as the paper describes it to ours, one change at a time."""

from __future__ import annotations

from typing import Any, NamedTuple


class Rung(NamedTuple):
    """A change of settings, which all rungs after it keep.

    Attributes:
        label: What is changed, for a table.
        changes: The settings.
    """

    label: str
    changes: dict[str, Any]


LADDER = (
    Rung(
        "the paper's network, node labels only",
        {
            "preset": "paper",
            "features": "labels",
            "num_pools": 1,
            "cluster_ratio": 0.1,
            "epochs": 100,
            "patience": 100,
        },
    ),
    Rung("all node features, attributes included", {"features": "auto"}),
    Rung("objectives per node, not as sums", {"scale": "nodes"}),
    Rung(
        "three layers before each pooling, outputs of all layers",
        {"num_layers": 3, "jump": "cat"},
    ),
    Rung(
        "maximum of every level, not the sum of the last",
        {
            "readout": "max",
            "readout_levels": "all",
        },
    ),
    Rung(
        "two poolings of 25 %, at most 32 clusters",
        {"num_pools": 2, "cluster_ratio": 0.25, "max_clusters": 32},
    ),
    Rung("cosine schedule, batches of 32", {"schedule": "cosine", "batch_size": 32}),
    Rung(
        "maximum, mean and sum side by side, normalised",
        {"readout": ("max", "mean", "sum"), "sum_scale": "asinh", "readout_norm": "batch"},
    ),
    Rung("dropout of 0.5 in the head", {"head_dropout": 0.5}),
    Rung("epoch by the mean of five validation scores", {"validation_window": 5}),
    Rung("a fully adjacent last layer", {"fully_adjacent": True}),
)


def settings_of(number: int) -> dict[str, Any]:
    """Return the settings of a rung: its own changes and those of all before it."""
    settings: dict[str, Any] = {}
    for rung in LADDER[: number + 1]:
        settings |= rung.changes
    return settings
