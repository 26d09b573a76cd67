"""Parts that tests of ``python -m benchmarks gpu`` run, also in processes of their own."""

import json
import os
import time
from pathlib import Path

from benchmarks.records.rows import ResultLines
from benchmarks.timing.gpu.part import Setting
from benchmarks.timing.works import Work

PARTS = __name__
"""Where the parts are; that of ``good`` is ``good_part``."""


def new_lines(folder, resume=None):
    """Return a new file of rows, or one that is gone on with."""
    return ResultLines(folder, {"quick": True}, 0, resume)


def stored(lines):
    """Return the rows that are in the file."""
    return [json.loads(line) for line in lines.path.read_text().splitlines()]


def by_part(rows):
    """Return the last row of each work."""
    return {row["part"]: row for row in rows}


def setting(folder=Path("unused"), seconds=60.0):
    """Work on the CPU, quickly, for so long."""
    return Setting("cpu", 0, True, time.time() + seconds, folder)


def good_part(setting):
    yield Work("one", lambda: [{"kind": "figure", "value": 1}])
    yield Work("two", lambda: [{"kind": "figure", "value": 2}])


def raising_part(setting):
    def fail():
        raise ValueError("no such luck")

    def run_out():
        raise RuntimeError("CUDA out of memory. Tried to allocate 80 GiB")

    yield Work("before", lambda: [{"kind": "figure", "value": 1}])
    yield Work("fails", fail)
    yield Work("too large", run_out)
    yield Work("after", lambda: [{"kind": "figure", "value": 2}])


def broken_part(setting):
    raise ImportError("no module for this")


def dying_part(setting):
    yield Work("before", lambda: [{"kind": "figure", "value": 1}])
    yield Work("dies", lambda: os._exit(7))
    yield Work("after", lambda: [{"kind": "figure", "value": 2}])


def part_without_data(setting):
    yield Work("absent", lambda: [{"kind": "figure", "value": 1}], "NO-SUCH-DATA")


def sleeping_part(setting):
    yield Work("sleeps", lambda: time.sleep(600))
