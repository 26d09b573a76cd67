"""Tables of numbers in text files: C parsers read the good ones, a slow pass names a bad line."""

from __future__ import annotations

import codecs
import csv
import itertools
import re
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from benchmarks.spec.errors import UsageError

_SEPARATOR = re.compile(r"[ \t]*,[ \t]*|[ \t]+")
_INTEGER = re.compile(r"[+-]?[0-9]+(\.0*)?")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_PLAIN = b"0123456789+-, \t\r\n"
_INT64 = torch.iinfo(torch.int64)
_LONGEST_SHOWN = 40
_CHUNK = 2**20


def read_integers(path: Path) -> Tensor:
    """Read whole numbers separated by commas, spaces or tabs.

    A byte-order mark, blank lines, any line ends and a comma at the end of a line are read over.

    Args:
        path: The file.

    Returns:
        A matrix ``[rows, columns]`` (int64), ``[0, 0]`` of a file without rows.

    Raises:
        UsageError: For anything else; it names the file and the line.
    """
    if _is_plain(path):
        try:
            table = pd.read_csv(
                path,
                header=None,
                dtype=np.int64,
                sep=_separator(path) or r"\s+",
                skipinitialspace=True,
                quoting=csv.QUOTE_NONE,
                encoding="utf-8-sig",
            ).to_numpy()
            if table.dtype == np.int64:  # Beyond that pandas turns to uint64 by itself.
                return torch.from_numpy(np.array(table, copy=not table.flags.writeable))
        except (ValueError, OverflowError):
            pass
    values, lines = _read_slowly(path, array("q"), _integer)
    table = np.array(values, dtype=np.int64)
    return torch.from_numpy(table).view(len(lines), _width(lines, values))


def read_floats(path: Path) -> Tensor:
    """Read finite numbers as :func:`read_integers` does, in PyTorch's default dtype."""
    separator = _separator(path)
    if separator != "":
        try:
            # NumPy rounds as Python's float does; pandas may miss the last bit.
            table = np.loadtxt(
                path, delimiter=separator, ndmin=2, comments=None, encoding="utf-8-sig"
            )
            values = torch.from_numpy(table).to(torch.get_default_dtype())
            if bool(values.isfinite().all()):
                return values
        except ValueError:
            pass
    numbers, lines = _read_slowly(path, array("d"), _number)
    width = _width(lines, numbers)
    values = torch.from_numpy(np.array(numbers)).view(len(lines), width)
    values = values.to(torch.get_default_dtype())
    unfit = (~values.isfinite()).nonzero()
    if len(unfit) > 0:  # Read without an error, and too large for the type.
        row, column = unfit[0].tolist()
        raise UsageError(
            f"{path.name}, line {lines[row]}: expected a finite number in column {column + 1}, got "
            f"{numbers[row * width + column]!r}, beyond {values.dtype}"
        )
    return values


def line_of_row(path: Path, row: int) -> int:
    """Return the number of the line, from 1, that holds a row; blank lines hold none."""
    return next(itertools.islice((number for number, _ in _lines(path)), row, None))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, with their numbers."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            text = line.strip()
            if text:
                yield number, text


def _is_plain(path: Path) -> bool:
    """Tell whether a file holds whole numbers alone: pandas would cast words and fractions."""
    with path.open("rb") as file:
        if file.read(3) != codecs.BOM_UTF8:
            file.seek(0)
        while chunk := file.read(_CHUNK):
            if chunk.translate(None, _PLAIN):
                return False
    return True


def _separator(path: Path) -> str | None:
    """Return what the first row suggests: a comma, None for blanks, or nothing without a row."""
    _, text = next(_lines(path), (0, ""))
    if not text:
        return ""
    return "," if "," in text else None


def _read_slowly(
    path: Path, values: array[float], parse: Callable[[str], float | None]
) -> tuple[array[float], list[int]]:
    """Return all values, row by row, and the line of each row."""
    expected = "a whole number (int64)" if values.typecode == "q" else "a finite number"
    lines: list[int] = []
    width = 0
    for number, text in _lines(path):
        where = f"{path.name}, line {number}"
        fields = _SEPARATOR.split(text)
        if fields[-1] == "" and len(fields) > 1:
            fields.pop()
        for column, field in enumerate(fields, start=1):
            value = parse(field)
            if value is None:
                got = _shown(field) if field else "a missing value"
                raise UsageError(f"{where}: expected {expected} in column {column}, got {got}")
            values.append(value)
        if lines and len(fields) != width:
            raise UsageError(
                f"{where}: expected {width} columns as in line {lines[0]}, got {len(fields)}"
            )
        width = len(fields)
        lines.append(number)
    return values, lines


def _integer(text: str) -> int | None:
    if not _INTEGER.fullmatch(text) or len(text) > _LONGEST_SHOWN:
        return None
    value = int(text.partition(".")[0])
    return value if _INT64.min <= value <= _INT64.max else None


def _number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None


def _width(lines: list[int], values: array[float]) -> int:
    return len(values) // len(lines) if lines else 0


def _shown(text: str) -> str:
    short = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
    return f"'{short}'"
