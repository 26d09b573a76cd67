"""Where the page's numbers come from: its own code, and each run's code, packages and machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.records.provenance import code_version, package_versions

Record = dict[str, Any]


def provenance_record(runs: Sequence[Record]) -> Record:
    """Return the provenance of the page and of its runs as JSON-ready values.

    There is no time of making in it: the same results make the same page.

    Args:
        runs: The runs' descriptions.
    """
    return {
        "code": code_version(),
        "packages": package_versions(),
        "runs": [
            {
                "run": run["run"],
                "started": run["started"],
                "code": run.get("code"),
                "packages": run.get("packages", {}),
                "machine": machine_text(run.get("machine", {})),
                "splits": splits_text(run["splits"]),
            }
            for run in runs
        ],
    }


def machine_text(machine: Record) -> str:
    """Name a machine by what decides its results."""
    parts = [machine.get("cpu"), machine.get("system"), machine.get("gpu")]
    if machine.get("cores"):
        parts.insert(1, f"{machine['cores']} cores")
    if machine.get("memory_gib"):
        parts.insert(2, f"{machine['memory_gib']} GiB")
    return ", ".join(str(part) for part in parts if part)


def splits_text(splits: Record) -> str:
    """Name the folds of a run."""
    if "official" in splits:
        return "official split"
    if splits.get("file"):
        return f"published folds, {splits['file']}"
    return f"own stratified folds, seed {splits.get('seed')}"
