"""Options that several commands have, each declared once."""

from pathlib import Path
from typing import Annotated

import typer

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
