"""Results as JSON lines: one line a finished row, with its provenance, so that a run can resume."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from benchmarks.records.provenance import code_version, machine, package_versions
from benchmarks.spec.errors import UsageError

Row = dict[str, Any]


def provenance(seed: int) -> Row:
    """Return what every row of timings says of its code, packages, machine, threads and seed.

    The load average tells a busy machine, where two torch threads can be ten times slower than one.
    """
    packages = package_versions()
    with suppress(metadata.PackageNotFoundError):
        packages["torch-geometric-pool"] = metadata.version("torch-geometric-pool")
    return {
        "seed": seed,
        "threads": torch.get_num_threads(),
        **code_version(),
        "packages": packages,
        "machine": machine(),
        "load_average": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


class ResultLines:
    """The rows of one benchmark run, kept part by part.

    A part is what is measured together, such as the contenders that take turns on one data set.
    Its rows are written at once, when it is finished.

    Args:
        folder: Where a new file goes.
        config: Settings of the run; rows of other settings do not mix with them.
        seed: Seed of the run.
        resume: File of an earlier, stopped run to go on with. (default: :obj:`None`)
        prefix: What the name of a new file begins with, before the time. (default: ``""``)

    Raises:
        UsageError: If ``resume`` is no file of rows, or one of other settings.
    """

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any],
        seed: int,
        resume: Path | None = None,
        prefix: str = "",
    ) -> None:
        stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        self.path = folder / f"{prefix}{stamp}.jsonl" if resume is None else resume
        # A round trip, since settings are compared with those that JSON has kept.
        self._added = {"config": json.loads(json.dumps(config)), **provenance(seed)}
        self._parts: dict[str, list[Row]] = {}
        if resume is not None:
            self.read_again()
        if any(
            row.get("config") != self._added["config"] or row.get("seed") != seed
            for row in self.rows
        ):
            raise UsageError(f"--resume: {self.path.name} was made with other settings or seed")

    def read_again(self) -> None:
        """Read the file, to which another process may have added rows.

        Raises:
            UsageError: If it is no file of rows.
        """
        self._parts = {}
        for row in _read(self.path):
            self._parts.setdefault(row["part"], []).append(row)

    @property
    def rows(self) -> list[Row]:
        """All rows, in the order in which their parts were finished."""
        return [row for part in self._parts.values() for row in part]

    def finished(self, part: str) -> list[Row] | None:
        """Return the rows of a finished part, or None."""
        return self._parts.get(part)

    def add(self, part: str, rows: Sequence[Row]) -> list[Row]:
        """Store the rows of a part that has just been finished, all in one piece; return them."""
        stored = [{"part": part, **row, **self._added} for row in rows]
        self._parts[part] = stored
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as lines:
            lines.write("".join(json.dumps(row) + "\n" for row in stored))
        return stored


def _read(path: Path) -> list[Row]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        if not all("part" in row for row in rows):
            raise KeyError("part")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"--resume: no file of rows at {path} ({error})") from error
    return rows
