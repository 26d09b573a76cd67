"""The results store: a folder a run, one JSON file a finished cell, written whole or not at all."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

RESULTS = Path(__file__).parent / "results"
"""The committed results."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a kill at any moment leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def save_atomically(path: Path, value: Any) -> None:
    """Save with ``torch.save`` so that a kill at any moment leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    torch.save(value, temporary)
    os.replace(temporary, path)


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

    def has(self, configuration: int, fold: int, seed: int) -> bool:
        """Tell whether a cell is finished."""
        return self.cell_path(configuration, fold, seed).exists()

    def write_cell(self, record: dict[str, Any]) -> None:
        """Append a finished cell."""
        path = self.cell_path(record["configuration"], record["fold"], record["seed"])
        write_atomically(path, _cell_json(record))

    def write_checkpoint(
        self, configuration: int, fold: int, seed: int, checkpoint: dict[str, Any]
    ) -> None:
        """Keep a cell's best weights with what is needed to rebuild the network."""
        save_atomically(self.checkpoint_path(configuration, fold, seed), checkpoint)

    def cells(self) -> list[dict[str, Any]]:
        """Return every finished cell, in the order of configuration, fold and seed."""
        paths = (self.folder / "cells").glob("*.json")
        records = [json.loads(path.read_bytes()) for path in paths if not path.name.startswith(".")]
        return sorted(records, key=lambda cell: (cell["configuration"], cell["fold"], cell["seed"]))

    def write_run(self, record: dict[str, Any]) -> None:
        """Write the run's description and provenance."""
        write_atomically(self.folder / "run.json", to_json(record, indent=2))

    def read_run(self) -> dict[str, Any] | None:
        """Return the run's description, or nothing before it was started."""
        path = self.folder / "run.json"
        if not path.exists():
            return None
        record: dict[str, Any] = json.loads(path.read_bytes())
        return record


def stored_runs(results: Path) -> Iterator[tuple[RunStore, dict[str, Any]]]:
    """Yield each run under ``results`` with its description, in the order of their ids."""
    for path in sorted(results.glob("*/run.json")):
        store = RunStore(results, path.parent.name)
        yield store, json.loads(path.read_bytes())


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
