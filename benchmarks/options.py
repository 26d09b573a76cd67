"""Options that several commands have, each declared once."""

from pathlib import Path
from typing import Annotated

import typer

LARGEST_SEED = 2**32 // 1000 - 1
"""Training begins from 1000 · seed + fold, for which NumPy takes 32 bits."""
LARGEST_RANDOM_SEED = 2**32 - 1
"""Largest seed of what is drawn directly from it."""
MOST_THREADS = 1024

SplitsFolder = Annotated[
    str | None,
    typer.Option(
        metavar="DIR",
        help="Folder of the published splits on which runs were trained. Default: "
        "$PYG_DIFFPOOL_DATA/splits.",
    ),
]
ResultsFolder = Annotated[
    Path, typer.Option("--results", help="Folder of results.", show_default=False)
]
ResultsOrOutFolder = Annotated[
    Path, typer.Option("--results", "--out", help="Folder of results.", show_default=False)
]
"""Of commands that write nothing elsewhere: ``--out`` is what ``run`` calls the same folder."""
