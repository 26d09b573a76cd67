"""Peak memory: of a GPU by torch's own count, of a process by the system's high-water mark."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import psutil
import torch

from benchmarks.timing.limited_process import describe
from benchmarks.timing.turns import Step, free_memory, on_cuda

MIB, GIB = 2**20, 2**30


class Peak:
    """How far memory rises from here on, on the device or in this process."""

    def __init__(self, device: str) -> None:
        self.on_gpu = on_cuda(device)
        if self.on_gpu:
            torch.cuda.reset_peak_memory_stats()
            self.start = torch.cuda.memory_allocated()
        else:
            _reset_high_water_mark()
            self.start = psutil.Process().memory_info().rss

    def mib(self) -> float:
        """Return the largest rise so far."""
        top = torch.cuda.max_memory_allocated() if self.on_gpu else high_water_mark()
        return float(max(top - self.start, 0)) / MIB


def device_peak(step: Step, device: str) -> tuple[float | None, str | None]:
    """Return how far a call lifts a GPU's memory above what it holds already, in MiB.

    On a CPU there is nothing to ask. The second value is the note of a failure.
    """
    if not on_cuda(device):
        return None, None
    note = None
    free_memory(device)
    torch.cuda.synchronize()
    peak = Peak(device)
    try:
        step()
        torch.cuda.synchronize()
    except Exception as error:
        note = describe(error)
    # Outside the handler, which would keep the frames of the failed step alive.
    if note is not None:
        free_memory(device)
        return None, note
    return peak.mib(), None


def free_bytes(device: str) -> int:
    """Return the memory that is free, on the device or in this machine."""
    if on_cuda(device):
        return int(torch.cuda.mem_get_info()[0])
    return int(psutil.virtual_memory().available)


def high_water_mark() -> int:
    """Return the largest resident memory so far, in bytes.

    ``ru_maxrss`` would be simpler, but Linux hands it down from the parent to a spawned process.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def _reset_high_water_mark() -> None:
    """Forget what importing needed; where that cannot be done, small peaks read too low."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return
