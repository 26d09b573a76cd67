"""Rows that are committed, of older versions too, still print in every format."""

import json

import pytest

from benchmarks.records.store import RESULTS
from benchmarks.timing import (
    claim_table,
    coarsen_table,
    epoch_table,
    loader,
    scaling_table,
)
from benchmarks.timing.gpu import table as gpu_table
from benchmarks.timing.gpu.process import latest

SHOWN = {
    "coarsen": (coarsen_table.show, ("Against what is required", "| ENZYMES | ours, undirected")),
    "backends": (
        lambda rows, style: coarsen_table.show(rows, style, "backends"),
        ("| padded ms | ragged ms | chosen |", "| library | ", "| fitted | "),
    ),
    "poolings": (
        lambda rows, style: coarsen_table.show(rows, style, "poolings"),
        ("MinCut, ours |", "DMoN, tgp, unbatched |"),
    ),
    "sparse": (
        lambda rows, style: coarsen_table.show(rows, style, "sparse-levels"),
        ("Two poolings to 25 %", "| peak MiB |"),
    ),
    "epoch": (epoch_table.show, ("One training epoch", "| PyG | 3× |")),
    "operators": (epoch_table.show, ("Operators of a training step", "| others |", "| all |")),
    "profile": (
        epoch_table.show,
        ("Operators of an evaluation", "| between epochs | epoch |", "Python functions around"),
    ),
    "starts": (epoch_table.show, ("Starts", "| ours, compiled, cache filled |")),
    "gpu": (
        lambda rows, style: gpu_table.show(rows if style == "json" else latest(rows), style),
        ("| values and gradients | auto | float32 |", "| REDDIT-like | times as fast as PyG |"),
    ),
    "scaling": (scaling_table.show, ("| nodes | ours, undirected", "| slopes <= 1.1 |")),
    "loader": (loader.show, ("| ENZYMES | ResidentLoader | ", "| 10 |")),
    "time": (
        lambda rows, style: claim_table.show(rows, (), style),
        ("| ENZYMES | set2set-largest |",),
    ),
}


def bench_of(path):
    named = path.name.partition("-")[0]
    return named if named in SHOWN else path.parent.name


@pytest.mark.parametrize("style", ["rich", "markdown", "json"])
@pytest.mark.parametrize("path", sorted(RESULTS.glob("*/*.jsonl")), ids=lambda path: path.stem)
def test_committed_rows_print(path, style, capsys):
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    show, expected = SHOWN[bench_of(path)]
    show(rows, style)
    printed = capsys.readouterr().out
    if style == "json":
        assert json.loads(printed) == rows
    elif style == "markdown":
        for text in expected:
            assert text in printed


def test_older_rows_keep_their_purposes(capsys):
    path = RESULTS / "coarsen" / "20261122T152914Z.jsonl"
    coarsen_table.show([json.loads(line) for line in path.read_text().splitlines()], "markdown")
    assert "| sparse product | GEMM | softmax, entropy |" in capsys.readouterr().out
