"""Where timings run: the CPU or a CUDA device."""

from __future__ import annotations

import importlib.util

import torch

from benchmarks.spec.errors import UsageError, unknown_name
from benchmarks.spec.settings import Settings

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


def check_accelerator(settings: Settings) -> None:
    """Refuse settings that need a GPU, or the package for its kernels, where there is none.

    Raises:
        UsageError: If ``accelerator`` is ``gpu`` without a CUDA device, or with fewer than
            ``devices``, if batches have fewer graphs than there are devices, or if ``backend`` is
            ``triton`` where the network is not on a GPU.
    """
    there = torch.cuda.is_available()
    several = settings.devices > 1 and settings.accelerator != "cpu" and there
    if several and settings.devices > torch.cuda.device_count():
        raise UsageError(
            f"setting devices: expected at most {torch.cuda.device_count()}, the number of CUDA "
            f"devices, got {settings.devices}"
        )
    if settings.accelerator == "gpu" and not there:
        raise UsageError(
            "setting accelerator: gpu needs a CUDA device, torch finds none; expected cpu or auto"
        )
    if settings.devices > min(settings.batch_size, settings.eval_batch_size):
        raise UsageError(
            "setting devices: expected at most one a graph of a batch, got "
            f"{settings.devices} with batches of {settings.batch_size} graphs, in evaluation of "
            f"{settings.eval_batch_size}"
        )
    if settings.backend != "triton":
        return
    if settings.accelerator == "cpu" or not there:
        raise UsageError(
            "setting backend: triton needs a CUDA device, the network is trained on a CPU; "
            "expected auto, padded or ragged"
        )
    if importlib.util.find_spec("triton") is None:
        raise UsageError(
            'setting backend: triton needs the package triton: pip install "pyg-diffpool[triton]"'
        )


def synchronise(device: str) -> None:
    """Wait for the device, whose work goes on after a call has returned."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()
