"""What a network is built for: the sizes of a fold's data, and nothing else of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor


class Problem(NamedTuple):
    """The sizes that a method's network may depend on; all from training graphs alone.

    Attributes:
        num_features: Width of the node features.
        num_classes: Number of outputs a graph.
        clusters: Number of clusters of each pooling; empty for flat networks.
        train_sizes: Number of nodes of each training graph, ``[G]``.
        num_edge_features: Width of the edge features, 0 where the data have none.
        encoder: Name of the encoder that the features need before any network
            (:mod:`benchmarks.data.ogb_encoder`), if they do.
    """

    num_features: int
    num_classes: int
    clusters: list[int]
    train_sizes: Tensor
    num_edge_features: int = 0
    encoder: str | None = None

    def as_record(self) -> dict[str, Any]:
        """Return what a checkpoint keeps of it."""
        return self._asdict()

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Problem:
        """Rebuild a problem from a checkpoint; older ones hold no sizes and no edge features."""
        given = {name: record[name] for name in cls._fields if name in record}
        return cls(**{"train_sizes": torch.empty(0, dtype=torch.long), **given})
