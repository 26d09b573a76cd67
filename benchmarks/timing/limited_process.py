"""Runs a function in a process of its own that dies at a memory or time limit."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

import psutil
import torch

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
    function: Callable[..., Any],
    arguments: Sequence[Any] = (),
    memory_gib: float = math.inf,
    seconds: float = math.inf,
    hear: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """Call ``function(tell, *arguments)`` in a fresh process under limits.

    Args:
        function: Of a module's top level. It calls ``tell()`` when its preparations are done: from
            there on its time counts, before that it has five minutes.
        arguments: What else it is given.
        memory_gib: Resident memory at which the process is killed.
        seconds: Time at which it is killed.
        hear: Called with each text that the function tells.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    # No daemon: it may have processes of its own.
    process = context.Process(target=_serve, args=(sender, os.getpid(), function, tuple(arguments)))
    process.start()
    sender.close()
    try:
        return _watch(process, receiver, memory_gib * GIB, seconds, hear)
    finally:
        _kill(process)
        receiver.close()


def _watch(
    process: BaseProcess,
    receiver: Connection,
    memory_bytes: float,
    seconds: float,
    hear: Callable[[str], None],
) -> Outcome:
    deadline, started = time.monotonic() + START_SECONDS, False
    child = psutil.Process(process.pid)
    while True:
        # A message that is there counts, also when it came late.
        if receiver.poll(LOOK_SECONDS):
            try:
                kind, value = receiver.recv()
            except EOFError:
                process.join()
                return Outcome(None, _cause_of_death(process.exitcode))
            if kind == "told":
                if not started:
                    deadline, started = time.monotonic() + seconds, True
                hear(value)
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
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    try:
        value = function(lambda text="": sender.send(("told", text)), *arguments)
    except Exception as error:
        told = describe(error)
        sender.send(("died", told if told == OUT_OF_MEMORY else f"failed: {told}"))
        return
    sender.send(("value", value))


def _kill(process: BaseProcess) -> None:
    """End the process and what it started."""
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.kill()
    process.kill()
    process.join()


def _end_with(parent: int) -> None:
    """End this process soon after its parent, however that one ends."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed: torch raises a RuntimeError, on a GPU a subclass of it."""
    signs = ("DefaultCPUAllocator", "not enough memory", "out of memory", "ALLOC_FAILED")
    return isinstance(error, MemoryError | torch.cuda.OutOfMemoryError) or any(
        sign in str(error) for sign in signs
    )


def describe(error: BaseException) -> str:
    """Return one line about an error."""
    if is_out_of_memory(error):
        return OUT_OF_MEMORY
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:300]}"


def _cause_of_death(exit_code: int | None) -> str:
    # Nobody but the system's own out-of-memory killer sends this signal here.
    if exit_code == -signal.SIGKILL:
        return f"{OUT_OF_MEMORY} (killed by the system)"
    return f"failed: its process ended with {exit_code}"
