"""The results as the page's table: the texts of ``python -m benchmarks table``, and sort keys."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from benchmarks.records.table_format import RESULTS
from benchmarks.tables.scores import result_rows

Record = dict[str, Any]

_NUMBERS = {
    "accuracy %": "mean",
    "paper (reference)": "paper",
    "published": "published",
    "best published": "best_published",
}
"""Columns that are sorted by a number of the row; others by their text."""
_PUBLISHED = ("paper", "published", "best_published")


def table_record(results: Path, runs: Collection[str]) -> Record:
    """Return the rows of some runs as JSON-ready values, and which runs have none.

    Args:
        results: Folder of results.
        runs: Ids of the runs.
    """
    rows = [row for row in result_rows(results, all_runs=True) if row["run"] in runs]
    found = {row["run"] for row in rows}
    return {
        "columns": [{"head": head, "number": head in _NUMBERS} for head in RESULTS.columns],
        "rows": [_row(row) for row in rows],
        "unfinished": [run for run in runs if run not in found],
        "notes": list(RESULTS.notes),
    }


def _row(row: Record) -> Record:
    texts = {head: fill(row) for head, fill in RESULTS.columns.items()}
    facts = ("run", "dataset", "method", "protocol", "mean", "std", *_PUBLISHED)
    return {
        **{name: row[name] for name in facts},
        "cells": [
            {"text": text, "sort": row[_NUMBERS[head]] if head in _NUMBERS else text}
            for head, text in texts.items()
        ],
    }
