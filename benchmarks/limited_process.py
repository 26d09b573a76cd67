"""Runs a function in a process of its own that dies at a memory or time limit."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

import psutil

OUT_OF_MEMORY = "out of memory"
OVER_TIME = "over the time limit"
# Between two looks a process can grow by some hundred MiB.
LOOK_SECONDS = 0.02
START_SECONDS = 300.0
GIB = 2**30


class Outcome(NamedTuple):
    """What became of a limited process.

    Attributes:
        value: What the function returned, or None.
        died: None, or why there is no value: out of memory, over the time limit, or its error.
    """

    value: Any
    died: str | None


def default_memory_gib() -> float:
    """Return three quarters of the memory that is available now."""
    return round(0.75 * int(psutil.virtual_memory().available) / GIB, 1)


def run_limited(
    function: Callable[..., Any], arguments: Sequence[Any], memory_gib: float, seconds: float
) -> Outcome:
    """Call ``function(started, *arguments)`` in a fresh process under limits.

    Args:
        function: Of a module's top level. It calls ``started()`` when its preparations are done:
            from there on its time counts, before that it has five minutes.
        arguments: What else it is given.
        memory_gib: Resident memory at which the process is killed.
        seconds: Time at which it is killed.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(
        target=_serve, args=(sender, os.getpid(), function, tuple(arguments)), daemon=True
    )
    process.start()
    sender.close()
    try:
        return _watch(process, receiver, memory_gib * GIB, seconds)
    finally:
        process.kill()
        process.join()
        receiver.close()


def _watch(
    process: BaseProcess, receiver: Connection, memory_bytes: float, seconds: float
) -> Outcome:
    deadline = time.monotonic() + START_SECONDS
    child = psutil.Process(process.pid)
    while True:
        # A message that is there counts, also when it came late.
        if receiver.poll(LOOK_SECONDS):
            try:
                kind, value = receiver.recv()
            except EOFError:
                process.join()
                return Outcome(None, _cause_of_death(process.exitcode))
            if kind == "started":
                deadline = time.monotonic() + seconds
                continue
            return Outcome(value, None) if kind == "value" else Outcome(None, value)
        try:
            resident = child.memory_info().rss
        except psutil.NoSuchProcess:
            continue
        if resident > memory_bytes:
            return Outcome(None, OUT_OF_MEMORY)
        if time.monotonic() > deadline:
            return Outcome(None, OVER_TIME)


def _serve(
    sender: Connection, parent: int, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> None:
    # The terminal's interrupt is for the parent, which ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with, args=(parent,), daemon=True).start()
    try:
        value = function(lambda: sender.send(("started", None)), *arguments)
    except Exception as error:
        sender.send(("died", OUT_OF_MEMORY if _is_of_memory(error) else _describe(error)))
        return
    sender.send(("value", value))


def end_with(parent: int) -> None:
    """End this process soon after its parent, however that one ends."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def _is_of_memory(error: Exception) -> bool:
    """Whether an allocation failed: torch raises a RuntimeError, on a GPU a subclass of it."""
    text = str(error)
    return isinstance(error, MemoryError) or any(
        sign in text for sign in ("DefaultCPUAllocator", "not enough memory", "out of memory")
    )


def _describe(error: Exception) -> str:
    lines = str(error).splitlines() or [""]
    return f"failed: {type(error).__name__}: {lines[0][:200]}"


def _cause_of_death(exit_code: int | None) -> str:
    # Nobody but the system's own out-of-memory killer sends this signal here.
    if exit_code == -signal.SIGKILL:
        return f"{OUT_OF_MEMORY} (killed by the system)"
    return f"failed: its process ended with {exit_code}"
