"""The results store: a folder a run, one JSON file a finished cell, written whole or not at all."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

RESULTS = Path(__file__).parents[1] / "results"
"""The committed results."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path to write to, whose file takes the place of ``path`` when all is written.

    A kill at any moment leaves the old file or the new one; an error leaves the old one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file as :func:`replacing` does, on the disk before it takes its place."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def save_atomically(path: Path, value: Any) -> None:
    """Save with ``torch.save`` as :func:`replacing` does."""
    with replacing(path) as temporary:
        torch.save(value, temporary)


def to_json(value: Any, indent: int | None = None) -> bytes:
    """Return ``value`` as JSON text; curves take one line each, so that results diff well."""
    return (json.dumps(value, indent=indent) + "\n").encode()


class RunStore:
    """The folder of one run: ``run.json``, ``cells/`` and ``checkpoints/``."""

    def __init__(self, results: Path, run_id: str) -> None:
        self.run_id = run_id
        self.folder = results / run_id

    def cell_path(self, configuration: int, fold: int, seed: int) -> Path:
        """Return where a cell's result lies; it is there exactly when the cell is finished."""
        return self.folder / "cells" / f"{cell_name(configuration, fold, seed)}.json"

    def checkpoint_path(self, configuration: int, fold: int, seed: int) -> Path:
        """Return where a cell's best weights lie; git ignores them."""
        return self.folder / "checkpoints" / f"{cell_name(configuration, fold, seed)}.ckpt"

    def failure_path(self, configuration: int, fold: int, seed: int) -> Path:
        """Return where a cell that cannot succeed says why."""
        return self.folder / "failed" / f"{cell_name(configuration, fold, seed)}.json"

    def claim_path(self, configuration: int, fold: int, seed: int) -> Path:
        """Return the lock that a runner holds while it trains a cell; git ignores it."""
        folder = self.folder / ".claims"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{cell_name(configuration, fold, seed)}.lock"

    def has(self, configuration: int, fold: int, seed: int) -> bool:
        """Tell whether a cell is finished, and can be read."""
        path = self.cell_path(configuration, fold, seed)
        return path.exists() and not isinstance(_read_cell(path), str)

    def has_failed(self, configuration: int, fold: int, seed: int) -> bool:
        """Tell whether a cell failed for a reason that is in itself."""
        return self.failure_path(configuration, fold, seed).exists()

    def write_failure(self, record: dict[str, Any]) -> None:
        """Keep why a cell failed; deleting the file lets the next run try again."""
        path = self.failure_path(record["configuration"], record["fold"], record["seed"])
        write_atomically(path, to_json(record, indent=2))

    def write_cell(self, record: dict[str, Any]) -> None:
        """Append a finished cell."""
        number = record["configuration"], record["fold"], record["seed"]
        write_atomically(self.cell_path(*number), _cell_json(record))
        self.failure_path(*number).unlink(missing_ok=True)

    def write_checkpoint(
        self, configuration: int, fold: int, seed: int, checkpoint: dict[str, Any]
    ) -> None:
        """Keep a cell's best weights with what is needed to rebuild the network."""
        save_atomically(self.checkpoint_path(configuration, fold, seed), checkpoint)

    def cells(self) -> list[dict[str, Any]]:
        """Return every finished cell, in the order of configuration, fold and seed.

        Files that cannot be read are left out, see :func:`left_out`.
        """
        records = [record for record in map(_read_cell, self._paths()) if isinstance(record, dict)]
        return sorted(records, key=lambda cell: (cell["configuration"], cell["fold"], cell["seed"]))

    def _paths(self) -> list[Path]:
        paths = sorted((self.folder / "cells").glob("*.json"))
        return [path for path in paths if not path.name.startswith(".")]

    def write_run(self, record: dict[str, Any]) -> None:
        """Write the run's description and provenance."""
        write_atomically(self.folder / "run.json", to_json(record, indent=2))

    def read_run(self) -> dict[str, Any] | None:
        """Return the run's description, or nothing before it was started, or if it is damaged."""
        record = _read_description(self.folder / "run.json")
        return record if isinstance(record, dict) else None


def stored_runs(results: Path) -> Iterator[tuple[RunStore, dict[str, Any]]]:
    """Yield each run under ``results`` with its description, in the order of their ids.

    Those whose description cannot be read are left out, see :func:`left_out`.
    """
    for path in sorted(results.glob("*/run.json")):
        store = RunStore(results, path.parent.name)
        run = store.read_run()
        if run is not None:
            yield store, run


def left_out(results: Path) -> list[str]:
    """Return a line for each run or cell that failed, or whose file cannot be read."""
    lines = []
    for path in sorted(results.glob("*/run.json")):
        reason = _read_description(path)
        if isinstance(reason, str):
            lines.append(f"left out: {path}: {reason}")
            continue
        store = RunStore(results, path.parent.name)
        for cell in store._paths():
            reason = _read_cell(cell)
            if isinstance(reason, str):
                lines.append(f"left out: {cell}: {reason} (run makes it again)")
        for failure in sorted((store.folder / "failed").glob("*.json")):
            record = _read_object(failure)
            reason = record if isinstance(record, str) else str(record.get("failed"))
            lines.append(f"failed: {store.run_id}, {failure.stem}: {reason}")
    return lines


def _read_object(path: Path) -> dict[str, Any] | str:
    """Return the JSON object of a file, or why there is none."""
    try:
        record = json.loads(path.read_bytes())
    except FileNotFoundError:
        return "expected a file, there is none"
    except (OSError, ValueError, RecursionError) as error:
        return f"expected JSON, got {error}"
    if not isinstance(record, dict):
        return f"expected an object, got {type(record).__name__}"
    return record


def _read_description(path: Path) -> dict[str, Any] | str:
    record = _read_object(path)
    if isinstance(record, str):
        return record
    kinds = {
        **dict.fromkeys(("run", "dataset", "method", "protocol", "started"), str),
        "configurations": list,
        "splits": dict,
    }
    wrong = [key for key, kind in kinds.items() if not isinstance(record.get(key), kind)]
    return f"expected the key {wrong[0]!r} of a run" if wrong else record


def _read_cell(path: Path) -> dict[str, Any] | str:
    record = _read_object(path)
    if isinstance(record, str):
        return record
    numbers = [record.get(key) for key in ("configuration", "fold", "seed")]
    if not all(type(number) is int for number in numbers) or path.stem != cell_name(*numbers):
        return f"expected configuration, fold and seed of its name, got {numbers}"
    metric = record.get("metric", "accuracy")
    scores = {key: record.get(key) for key in (f"validation_{metric}", "validation_loss")}
    for key, value in scores.items():
        if not isinstance(value, int | float) or isinstance(value, bool):
            return f"expected a number for {key!r}, got {value!r}"
    if f"test_{metric}" not in record or not isinstance(record.get("curves"), dict):
        return f"expected the keys 'test_{metric}' and 'curves' of a cell"
    return record


def cell_name(configuration: int, fold: int, seed: int) -> str:
    """Return the name that all files and folders of a cell begin with."""
    return f"configuration-{configuration}_fold-{fold:02d}_seed-{seed}"


def _cell_json(record: dict[str, Any]) -> bytes:
    """Return a cell as JSON with one line a key and one line a curve."""
    lines = []
    for key, value in record.items():
        if key == "curves":
            curves = ",\n".join(
                f"    {json.dumps(name)}: {json.dumps(values)}" for name, values in value.items()
            )
            lines.append(f'  "curves": {{\n{curves}\n  }}')
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value)}")
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()
