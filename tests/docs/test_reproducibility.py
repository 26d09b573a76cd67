"""docs/reproducibility.md names every figure that is committed, and what all were made on."""

from __future__ import annotations

import json

from benchmarks.records.store import RESULTS, stored_runs
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "reproducibility.md").read_text(encoding="utf-8")
ROWS = sorted(RESULTS.glob("*/*.jsonl"))


# Rows whose machine had the files of one commit over a checkout of another, as the pages say.
COPIED = {"benchmarks/results/gpu/20261126T101320Z.jsonl": "3f0b3a2"}


def test_every_picture_is_named() -> None:
    pictures = [path.name for path in (ROOT / "docs" / "pictures").glob("*.png")]
    assert pictures
    assert [name for name in pictures if f"`{name}`" not in PAGE] == []


def test_the_latest_timings_of_each_command_are_named() -> None:
    assert ROWS
    for folder in {path.parent for path in ROWS}:
        latest = max(path for path in folder.glob("2*.jsonl"))
        assert latest.relative_to(ROOT).as_posix() in PAGE
    for path in RESULTS.glob("*/[!2]*.jsonl"):
        assert path.relative_to(ROOT).as_posix() in PAGE


def test_nothing_was_made_from_code_that_differs_from_its_commit() -> None:
    for path in ROWS:
        copied = COPIED.get(path.relative_to(ROOT).as_posix())
        assert copied is None or f"`{copied}`" in PAGE
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            assert row["commit"], path
            assert row["dirty"] is (copied is not None), path
    for store, _ in stored_runs(RESULTS):
        for cell in store.cells():
            assert cell["commit"], store.folder
            assert cell["dirty"] is False, store.folder


def test_all_runs_were_made_on_what_the_page_says() -> None:
    for store, run in stored_runs(RESULTS):
        machine, packages = run["machine"], run["packages"]
        assert (machine["cpu"], machine["cores"], machine["gpu"]) == ("AMD EPYC", 2, None), store
        assert packages["torch"].partition("+")[0] in PAGE, store
        for name in ("python", "torch-geometric", "numpy"):
            assert packages[name] in PAGE, (store.run_id, name)
