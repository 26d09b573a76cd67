"""Whether a training compiles its network, and how."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.spec.settings import Settings
from pyg_diffpool import Adjacency, DiffPoolNet

# docs/compile.md, "Cost and gain": two poolings, width 64, ENZYMES, PyTorch's cache empty.
SECONDS_SAVED_A_STEP = 0.0022
SECONDS_TO_COMPILE = 25.0

BACKEND = "inductor"
OPTIONS = {
    # Random numbers as in eager mode, so that dropout drops the same.
    "fallback_random": True,
    # The processor's flags are trusted: to compile and load a test of each takes seconds.
    "cpp.vec_isa_ok": True,
}


def is_compiled(model: nn.Module, settings: Settings, num_steps: int) -> bool:
    """Whether a training of so many steps compiles its network.

    Under ``compile="auto"`` it does where it is expected to save more than it costs, which is known
    of :class:`~pyg_diffpool.DiffPoolNet` alone.
    """
    if settings.compile != "auto":
        return settings.compile == "on"
    saved = num_steps * SECONDS_SAVED_A_STEP
    return isinstance(model, DiffPoolNet) and saved > SECONDS_TO_COMPILE


def compiled_network(model: nn.Module, backend: str | None = None) -> Callable[..., Any]:
    """Return a callable that runs a network's training step compiled; weights are shared.

    It compiles once for all batches. What it compiles is stored in PyTorch's cache on disk, where
    other processes find it (``TORCHINDUCTOR_CACHE_DIR`` moves it).

    Args:
        model: The network.
        backend: One of PyTorch's compilers. (default: ``"inductor"``)
    """
    # Of one code object PyTorch keeps a few compilations only: those of earlier cells must go.
    torch.compiler.reset()
    backend = backend or BACKEND
    options = OPTIONS if backend == "inductor" else None
    compiled = torch.compile(model, dynamic=True, backend=backend, options=options)  # type: ignore[call-overload]

    @wraps(model.forward)
    def run(*arguments: Any, **keywords: Any) -> Any:
        arguments = tuple(_without_offsets(value) for value in arguments)
        keywords = {name: _without_offsets(value) for name, value in keywords.items()}
        # Numbers such as a loss's weight are constants. As variables they are found out to be
        # constants too late: everything is traced twice.
        with torch._dynamo.config.patch(specialize_float=True):
            return compiled(*arguments, **keywords)

    return run


def _without_offsets(value: Any) -> Any:
    """Copy views: the first batch's rows begin at zero, for which PyTorch compiles separately."""
    if isinstance(value, Adjacency):
        return Adjacency(*map(_without_offsets, value))
    if isinstance(value, Tensor) and value._is_view():
        return value.clone()
    return value
