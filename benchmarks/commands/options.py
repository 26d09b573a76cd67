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

# Of the commands that train cells.
EngineName = Annotated[
    str,
    typer.Option("--engine", help="Where cells run: local, ray, dask or submitit (SLURM)."),
]
EngineOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--engine-option",
        metavar="KEY=VALUE",
        help="The engine's own option, such as address=auto or slurm_partition=gpu; may be "
        "repeated.",
    ),
]
GpusPerCell = Annotated[
    float,
    typer.Option(
        min=0,
        help="GPUs that a cell asks of ray, dask or submitit; 0.25: four cells share one.",
    ),
]

# Of the commands that time something.
Rounds = Annotated[int, typer.Option(min=1, help="Turns of each contender.")]
Threads = Annotated[
    int, typer.Option(min=0, max=MOST_THREADS, help="Torch threads; 0: as torch has it.")
]
Seed = Annotated[int, typer.Option(min=0, max=LARGEST_RANDOM_SEED, help="Of everything drawn.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Format = Annotated[str, typer.Option("--format", help="rich, markdown or json.")]
OutFolder = Annotated[
    Path, typer.Option("--out", help="Folder of results.", metavar="DIR", show_default=False)
]
Resume = Annotated[
    Path | None, typer.Option(help="Go on with this file of a stopped run.", metavar="FILE")
]
