"""``python -m benchmarks merge``: results of several folders, brought together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.records.merge import merge as merge_folders
from benchmarks.records.output_path import check_folder
from benchmarks.records.plain_console import PlainConsole
from benchmarks.records.store import RESULTS, left_out
from benchmarks.spec.errors import UsageError


def merge(
    folders: Annotated[
        list[Path], typer.Argument(help="Folders of results.", metavar="DIR...", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option(help="Folder to write to.", metavar="DIR", show_default=False)
    ] = RESULTS,
) -> None:
    """Bring the results of several folders together, as of machines that share no folder.

    Nothing is written if two folders have different results of the same cell.
    """
    check_folder("--out", out)
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"DIR: no folder {folder}")
    done = merge_folders(folders, out)
    console = PlainConsole(stderr=True)
    for folder in folders:
        for line in left_out(folder):
            console.print(line, markup=False, soft_wrap=True)
    console.print(
        f"{done.new} cells of {done.runs} runs are new in {out}, {done.present} were there",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
