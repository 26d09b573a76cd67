"""Whether a training compiles its network, and how."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from benchmarks.spec.settings import Settings
from pyg_diffpool import DiffPoolNet

# One thread, ENZYMES, two poolings, width 64: 33.4 ms a step, compiled 18.2 ms, 93 s to compile in
# a process that finds nothing in PyTorch's cache.
SECONDS_SAVED_A_STEP = 0.015
SECONDS_TO_COMPILE = 93.0

# Random numbers as in eager mode, so that dropout drops the same.
COMPILER: Callable[..., Any] = partial(
    torch.compile, dynamic=True, options={"fallback_random": True}
)


def is_compiled(model: nn.Module, settings: Settings, num_steps: int) -> bool:
    """Whether a training of so many steps compiles its network.

    Under ``compile="auto"`` it does where it is expected to save more than it costs, which is known
    of :class:`~pyg_diffpool.DiffPoolNet` alone.
    """
    if settings.compile != "auto":
        return settings.compile == "on"
    saved = num_steps * SECONDS_SAVED_A_STEP
    return isinstance(model, DiffPoolNet) and saved > SECONDS_TO_COMPILE


def compiled_network(model: nn.Module) -> Callable[..., Any]:
    """Return a callable that runs a network's training step compiled; weights are shared.

    What it compiles is stored in PyTorch's cache on disk, where other processes find it
    (``TORCHINDUCTOR_CACHE_DIR`` moves it).
    """
    # Of one code object PyTorch keeps a few compilations only: those of earlier cells must go.
    torch.compiler.reset()
    compiled: Callable[..., Any] = COMPILER(model)
    return compiled
