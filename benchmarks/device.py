"""Where timings run: the CPU or a CUDA device."""

from __future__ import annotations

import torch

from benchmarks.errors import UsageError, unknown_name

DEVICES = ("auto", "cpu", "cuda")


def choose_device(name: str) -> str:
    """Return cpu or cuda for one of :data:`DEVICES`.

    Raises:
        UsageError: If the name is unknown, or cuda is asked for and not there.
    """
    if name not in DEVICES:
        raise unknown_name("device", name, DEVICES)
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise UsageError("--device cuda: torch finds no CUDA device; expected auto or cpu")
    return ("cuda" if there else "cpu") if name == "auto" else name


def synchronise(device: str) -> None:
    """Wait for the device, whose work goes on after a call has returned."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()
