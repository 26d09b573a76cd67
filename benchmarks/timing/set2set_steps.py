"""How many steps of Set2Set can be measured, and the time of more of them.

The authors' code takes as many steps as the largest graph has nodes: 5,748 on DD. Each step keeps
its part of the graph of derivatives, so that memory and time grow with the steps; where they
would not do, fewer are measured and the time is extrapolated along the straight line.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from torch_geometric.data import Batch

from benchmarks.timing.claim_contenders import SHARED, ClaimTrainee, TimingData
from benchmarks.timing.memory import free_bytes
from benchmarks.timing.turns import timed

SHORT = 3
"""Steps of the paper of Set2Set and of PyG's examples."""
PROBED = 19
SECONDS = 120.0
"""A contender that would take longer measures fewer steps."""
_SHARE_OF_MEMORY = 0.5
_VECTORS_KEPT = 3
"""Per step and node: the query read by the node, its product with the node, the weighted node."""


def measurable_steps(
    data: TimingData,
    short: ClaimTrainee,
    batches: Sequence[Batch],
    rounds: int,
    device: str,
    seed: int,
) -> int:
    """Return how many steps can be measured on these batches: all, or as many as will do.

    Args:
        data: The data set.
        short: The contender of few steps.
        batches: The batches.
        rounds: Turns on each batch.
        device: Where it is measured.
        seed: Of the weights.
    """
    by_memory = free_bytes(device) * _SHARE_OF_MEMORY / bytes_of_step(batches)
    steps = max(PROBED, int(min(data.largest, by_memory)))
    if steps <= PROBED:
        return min(data.largest, PROBED)
    probe = data.trainee("set2set", PROBED, seed)
    largest = max(batches, key=lambda batch: int(batch.num_nodes))
    available = SECONDS / (rounds * len(batches))
    return steps_within(
        available, _timed(short, largest, device), _timed(probe, largest, device), steps
    )


def steps_within(seconds: float, short: float, probed: float, wanted: int) -> int:
    """Return how many steps a training step of so many seconds has room for, at most ``wanted``.

    Args:
        seconds: Time there is for a training step.
        short: Time of one with :data:`SHORT` steps.
        probed: Time of one with :data:`PROBED` steps.
        wanted: Steps that are wanted.
    """
    pace = max((probed - short) / (PROBED - SHORT), 1e-9)
    return max(min(wanted, SHORT + int((seconds - short) / pace)), min(wanted, PROBED))


def full_time(short: np.ndarray, measured: np.ndarray, steps: int, wanted: int) -> np.ndarray:
    """Return the times of ``wanted`` steps from those of :data:`SHORT` and of ``steps``."""
    stretch = (wanted - SHORT) / (steps - SHORT)
    return np.asarray(short + (measured - short) * stretch)


def bytes_of_step(batches: Sequence[Batch]) -> float:
    """Return the memory that a step keeps for the backward pass, at the largest batch."""
    width = SHARED["hidden_channels"] * SHARED["num_layers"]
    return float(max(int(batch.num_nodes) for batch in batches) * width * 4 * _VECTORS_KEPT)


def _timed(trainee: ClaimTrainee, batch: Batch, device: str) -> float:
    trainee.step(batch)
    return timed(partial(trainee.step, batch), device)
