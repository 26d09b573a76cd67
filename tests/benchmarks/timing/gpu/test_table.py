import pytest

from benchmarks.timing.gpu import table
from benchmarks.timing.gpu.part import FAILED, OK
from benchmarks.timing.limited_process import OUT_OF_MEMORY
from benchmarks.timing.rivals import OURS_GIVEN, PYG, PYG_GIVEN


def checked(case, backend="padded", dtype="float32", wrong=(), error=1e-7):
    return {
        "kind": "correctness", "case": case, "backend": backend, "dtype": dtype,
        "errors": {"x": error / 2, "adj": error}, "tolerance": 1e-5, "wrong": list(wrong),
    }  # fmt: skip


def test_checks_are_grouped_by_backend_and_dtype():
    rows = [
        checked("a"),
        checked("b", wrong=["adj", "x"], error=3e-3),
        checked("a", dtype="bfloat16"),
        {"kind": "waiting", "case": "network", "verdict": FAILED, "note": "synchronizing"},
        {"kind": "repeating", "case": "c", "form": "raw", "verdict": FAILED, "different": [0, 2]},
    ]
    both, half, waiting, repeating = table.correctness_lines(rows)
    assert both == {
        "check": "values and gradients",
        "of": "padded",
        "dtype": "float32",
        "checked": "2 batches",
        "worst error": "3e-03",
        "allowed": "1e-05",
        "verdict": FAILED,
        "where it fails": "b (adj, x)",
    }
    assert (half["checked"], half["worst error"], half["verdict"]) == ("1 batches", "1e-07", OK)
    assert (waiting["of"], waiting["where it fails"]) == ("network", "synchronizing")
    assert (repeating["checked"], repeating["where it fails"]) == ("raw", "results [0, 2]")


def test_targets_compare_with_the_better_pyg():
    def row(contender, ms, mib, name="DD"):
        return {"set": name, "contender": contender, "median_ms": ms, "peak_mib": mib}

    rows = [
        row(OURS_GIVEN, 2.0, 4.0),
        row(PYG, 30.0, 240.0),
        row(PYG_GIVEN, 19.0, 200.0),
    ]
    time_line, memory_line = table.target_lines(rows)
    assert (time_line["measured"], time_line["verdict"]) == ("9.5×", "NOT MET")
    assert (memory_line["measured"], memory_line["verdict"]) == ("50×", "met")
    assert table.target_lines([r | {"set": "ENZYMES"} for r in rows])[0]["verdict"] == ""


@pytest.mark.parametrize(
    ("ours", "pyg", "given", "why"),
    [
        ("too slow", None, None, "ours: too slow"),
        (None, OUT_OF_MEMORY, OUT_OF_MEMORY, "PyG runs out of memory"),
        (None, OUT_OF_MEMORY, "crashed", f"crashed; {OUT_OF_MEMORY}"),
        (None, None, None, "not measured"),
    ],
)
def test_why_there_is_no_ratio(ours, pyg, given, why):
    notes = {OURS_GIVEN: ours, PYG: pyg, PYG_GIVEN: given}
    rows = [{"set": "DD", "contender": name, "note": note} for name, note in notes.items()]
    for line in table.target_lines(rows):
        assert (line["measured"], line["verdict"]) == (why, "")


def test_rates_and_shares_have_units():
    rates = {"kind": "rates", "bytes_per_s": 3.345e12, "flops_per_s": {"float32": 5.1e13}}
    assert table.rates_lines([rates]) == [{"copy TB/s": "3.35", "float32 TFLOP/s": "51"}]
    batch = {
        "kind": "ceiling", "what": "contraction", "nodes": 12_000, "clusters": 8, "features": 64,
        "dtype": "float32",
    }  # fmt: skip
    measured = {
        "median_ms": 2.0, "bytes_per_s": 1.5e12, "flops_per_s": 2e13, "ceiling_ms": 1.0,
        "bound": "memory", "share": 0.5, "required": 0.6, "verdict": "NOT MET",
    }  # fmt: skip
    line, empty = table.ceiling_lines([batch | measured, batch | {"note": "not on a CPU"}])
    assert line == {
        "what": "contraction", "nodes": "12,000", "K": "8", "F": "64", "dtype": "float32",
        "median ms": "2", "TB/s": "1.5", "TFLOP/s": "20", "ceiling ms": "1", "bound": "memory",
        "share": "50%", "required": "60%", "verdict": "NOT MET",
    }  # fmt: skip
    assert (empty["median ms"], empty["share"], empty["verdict"]) == ("not on a CPU", "", "")


def test_training_counts_the_cells_that_are_done():
    row = {
        "kind": "training", "set": "DD", "label": "a timing", "cells": 10, "failed": 1, "jobs": 4,
        "seconds": 61.26, "cell_seconds": [5.04, 6.0], "epochs": [5, 4], "run": "an-id",
    }  # fmt: skip
    assert table.training_lines([row]) == [
        {
            "data set": "DD", "what": "a timing", "cells": "9 of 10", "jobs": "4",
            "s in all": "61.3", "s a cell": "5.0, 6.0", "epochs": "5, 4", "note": "an-id",
        }
    ]  # fmt: skip


def test_tables_with_lines_are_shown_and_notes_at_the_end(capsys):
    rows = [
        {"kind": "rates", "part": "r", "bytes_per_s": 1e12, "flops_per_s": {}},
        {"kind": "crash", "part": "a: b", "note": "ValueError: no", "verdict": FAILED},
        {"kind": "skipped", "part": "a: c", "note": "no time was left"},
    ]
    table.show(rows, "markdown")
    printed = capsys.readouterr().out
    assert printed.index("What the device can do") < printed.index("Not done")
    assert "| a: b | ValueError: no FAILED |\n| a: c | no time was left |" in printed
    assert "Correctness" not in printed
