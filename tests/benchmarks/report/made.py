"""Runs trained once a session on a small data set, and the page made of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.benchmarks.command_line import invoke, options_of
from tests.benchmarks.report.browser import Browser, chromium
from tests.benchmarks.serving import serving
from tests.benchmarks.tu_files import write_tu_zip

SETTINGS = ("epochs=3", "hidden_channels=4", "num_layers=1", "num_pools=2", "cluster_ratio=0.5")
RUNS = {
    "diffpool": ("diffpool", "fair", "0-1", SETTINGS),
    "reference": ("diffpool", "reference", "0-1", SETTINGS),
    "det": ("diffpool-det", "fair", "0-1", SETTINGS),
    "nolp": ("diffpool-nolp", "fair", "0", SETTINGS),
    "flat": ("graphsage", "fair", "0", ("epochs=3",)),
    "kernel": ("wl", "fair", "0", ()),
}


class Made(NamedTuple):
    """What the session's tests share.

    Attributes:
        data: Folder of the data set TINY.
        results: Folder of results.
        runs: Ids of the runs, by the names of RUNS; the checkpoints of ``nolp`` are gone.
        page: The page of all runs.
        told: What the command said.
    """

    data: Path
    results: Path
    runs: dict[str, str]
    page: Path
    told: str


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Made:
    data = tmp_path_factory.mktemp("report")
    results, page = data / "results", data / "report.html"
    write_tu_zip(data, graphs_per_class=40)
    with pytest.MonkeyPatch.context() as patch, serving(data, patch):
        runs = {name: _train(results, *asked) for name, asked in RUNS.items()}
        for path in (results / runs["nolp"] / "checkpoints").iterdir():
            path.unlink()
        done = invoke("report", "--results", results, "--out", page, "--graphs", 6)
    assert done.exit_code == 0, done.stderr
    return Made(data, results, runs, page, done.stderr)


def _train(results: Path, method: str, protocol: str, folds: str, settings) -> str:
    before = set(results.glob("*"))
    done = invoke(
        "run", "--dataset", "TINY", "--method", method, "--protocol", protocol, "--folds", folds,
        "--jobs", 1, "--device", "cpu", "--out", results,
        *options_of(settings),
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    (folder,) = set(results.glob("*")) - before
    return folder.name


@pytest.fixture
def served(made, monkeypatch) -> Iterator[Made]:
    """The session's runs, with their data where the runner finds them."""
    with serving(made.data, monkeypatch):
        yield made


@pytest.fixture(scope="session")
def driver(tmp_path_factory) -> Iterator[Any]:
    with chromium(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def browser(made, driver) -> Iterator[Browser]:
    """The page of all runs, just loaded; whatever a test does leaves no error in the console."""
    yield Browser(driver, made.page)
    assert driver.get_log("browser") == []
