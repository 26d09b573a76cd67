"""How a command ends where the user, the disk, the memory or a missing package is at fault."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.text import Text

from benchmarks.records.plain_console import PlainConsole, tell
from benchmarks.spec.errors import UsageError

_EXTRAS = {
    **dict.fromkeys(("grakel", "joblib", "lightning", "matplotlib", "networkx"), "benchmark"),
    **dict.fromkeys(("numpy", "pandas", "plotly", "psutil", "pymetis"), "benchmark"),
    **dict.fromkeys(("scipy", "sklearn", "torchmetrics", "yaml"), "benchmark"),
    **dict.fromkeys(("torch_scatter", "torch_sparse"), "sparse"),
    **dict.fromkeys(("dask", "distributed"), "dask"),
    **{name: name for name in ("ogb", "ray", "submitit", "tensorboard", "triton")},
}
"""Extras of this project that install a package, by the package's name in Python."""
_SIGNS_OF_MEMORY = ("DefaultCPUAllocator", "not enough memory", "out of memory")


def fail(error: ValueError) -> None:
    """Print an error in one message, its details below it, and exit with code 2.

    Raises:
        typer.Exit: Always.
    """
    _tell(str(error))
    if isinstance(error, UsageError) and error.details:
        PlainConsole(stderr=True).print(error.details, soft_wrap=True, highlight=False)
    raise typer.Exit(2)


@contextmanager
def mistakes_told() -> Iterator[None]:
    """Turn what is no fault of this code into one message and an exit code.

    A :class:`~benchmarks.spec.errors.UsageError`, a file that cannot be read or written and a
    missing package exit with code 2; memory that is not there with code 1, since cells that are
    finished stay. Every other error passes, with its traceback.
    """
    try:
        yield
    except UsageError as error:
        fail(error)
    except OSError as error:
        if error.errno == errno.EPIPE:
            # Whoever read the output, such as `head`, has seen enough; typer ends the process.
            raise
        _tell(_file_message(error))
        raise typer.Exit(2) from error
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRAS:
            raise
        _tell(f'needs the package {package}: pip install "pyg-diffpool[{_EXTRAS[package]}]"')
        raise typer.Exit(2) from error
    except (MemoryError, RuntimeError) as error:
        message = _memory_message(error)
        if message is None:
            raise
        _tell(message)
        raise typer.Exit(1) from error


def tell_left_out(results: Path) -> None:
    """Say under a table what is not in it: cells that failed, files that cannot be read."""
    from benchmarks.records.store import left_out

    for line in left_out(results):
        tell(line)


def _memory_message(error: MemoryError | RuntimeError) -> str | None:
    """Return what to say of an error if it is of memory, else None."""
    # By its name: its module, of joblib, takes a while to import.
    if type(error).__name__ == "TerminatedWorkerError":
        return (
            "a worker process was killed, most likely by the system for want of memory; finished "
            "cells are kept, and the same command goes on: with fewer --jobs, or a smaller "
            "batch_size, max_clusters or hidden_channels, it needs less"
        )
    text = str(error)
    if isinstance(error, MemoryError) or any(sign in text for sign in _SIGNS_OF_MEMORY):
        return f"the memory is not enough ({(text.splitlines() or ['no details'])[0][:200]})"
    return None


def _file_message(error: OSError) -> str:
    """Return what went wrong with which file, and the variable that names the cache."""
    from benchmarks.data.folders import CACHE_VARIABLE, cache_folder

    if error.errno is None or error.filename is None:
        return str(error)
    name = str(error.filename)
    text = f"{error.strerror}: {name}"
    try:
        cache, file = cache_folder(), Path(name)
        if file.is_relative_to(cache) or file in cache.parents:
            text += f"; the cache is there, set {CACHE_VARIABLE} to a folder that can be written"
    except UsageError:  # The cache is at fault too, which is told when it is asked for.
        pass
    return text


def _tell(message: str) -> None:
    text = Text.assemble(("error:", "red"), " ", message)
    PlainConsole(stderr=True).print(text, soft_wrap=True, highlight=False)
