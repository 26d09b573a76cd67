import io

import pytest
from rich.console import Console

from benchmarks.runs.budget import Budget
from benchmarks.runs.estimate import Timings
from benchmarks.runs.paper_cells import Request, plan_rows
from benchmarks.runs.schedule import announce, missing_work, run_missing
from benchmarks.spec.errors import UsageError
from benchmarks.training import network_engine
from tests.benchmarks.runs.test_budget import Clock
from tests.benchmarks.stored import fake_training


@pytest.fixture
def table(tiny_data, tmp_path):
    """Plan two rows of TINY, the second of which asks for fewer epochs."""
    results = tmp_path / "results"
    rows = []
    for epochs in (40, 3):
        request = Request("fair", {"epochs": epochs}, [0, 1, 2], [0], None, results)
        rows += plan_rows(("TINY",), (tiny_data,), request).rows
    return rows, results


def epochs_of(cells):
    return [cell.settings.epochs for cell in cells]


def test_the_cheapest_run_comes_first_fold_by_fold(table, monkeypatch):
    rows, results = table
    begun = fake_training(monkeypatch)
    assert run_missing(rows, results, 1, Budget(None), Console(quiet=True)) == 0
    assert [(cell.settings.epochs, cell.fold) for cell in begun] == [
        (3, 0), (3, 1), (3, 2), (40, 0), (40, 1), (40, 2),
    ]  # fmt: skip
    assert missing_work(rows, results, Timings(results)) == []


def test_what_is_missing_and_how_long_it_takes_is_told(table, monkeypatch):
    rows, results = table
    out = io.StringIO()
    console = Console(file=out, width=120)
    announce(rows, missing_work(rows, results, Timings(results)), 2, console)
    assert "6 of 6 cells are missing; the time of 6 is unknown" in out.getvalue()

    # Two cells of three epochs, of 30 s each: another takes 30 s, three of forty take 400 s each.
    clock = Clock()
    spend = {"before": lambda cell: setattr(clock, "time", clock.time + 30.0)}
    fake_training(monkeypatch, seconds=30.0, **spend)
    run_missing(rows, results, 1, Budget(60.0, clock), Console(quiet=True))
    works = missing_work(rows, results, Timings(results))
    assert [(len(work.cells), work.expected.seconds) for work in works] == [(1, 30.0), (3, 1200.0)]
    announce(rows, works, 2, console)
    assert "4 of 6 cells are missing; about 10 min with 2 jobs" in out.getvalue()


def test_no_cell_begins_that_would_end_beyond_the_budget(table, monkeypatch):
    rows, results = table
    clock, out = Clock(), io.StringIO()
    begun = fake_training(
        monkeypatch, lambda cell: setattr(clock, "time", clock.time + 30.0), seconds=30.0
    )
    # The first cell's time is unknown; after three of 30 s, one of 400 s has no room in 110 s.
    run_missing(rows, results, 1, Budget(200.0, clock), Console(file=out))
    assert epochs_of(begun) == [3, 3, 3]
    assert "the budget is spent" in out.getvalue()
    run_missing(rows, results, 1, Budget(50.0, clock), Console(quiet=True))
    assert epochs_of(begun) == [3, 3, 3]
    run_missing(rows, results, 1, Budget(None), Console(quiet=True))
    assert epochs_of(begun) == [3, 3, 3, 40, 40, 40]


def test_an_interrupt_at_the_limit_is_an_end_and_one_before_is_not(table, monkeypatch):
    rows, results = table
    clock = Clock()

    def interrupted(cell):
        clock.time += 10.0
        if cell.fold == 1:
            raise KeyboardInterrupt

    begun = fake_training(monkeypatch, interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_missing(rows, results, 1, Budget(1000.0, clock), Console(quiet=True))
    assert run_missing(rows, results, 1, Budget(10.0, clock), Console(quiet=True)) == 0
    assert [cell.fold for cell in begun] == [0, 1, 1]
    assert len(rows[1].missing(results)) == 2


def test_a_failing_cell_is_counted_and_the_others_go_on(table, monkeypatch):
    rows, results = table

    def failing(cell):
        if cell.fold == 1:
            raise RuntimeError("no luck")

    begun = fake_training(monkeypatch, failing)
    out = io.StringIO()
    assert run_missing(rows, results, 1, Budget(None), Console(file=out)) == 2
    assert len(begun) == 6
    assert "no luck" in out.getvalue()
    assert "budget" not in out.getvalue()


def test_a_refused_run_does_not_stop_the_others(table, monkeypatch):
    rows, results = table
    begun = fake_training(monkeypatch)
    prepare = network_engine.prepare

    def refuse(source, cells, *arguments):
        if cells[0].settings.epochs == 3:
            raise UsageError("no room for it")
        prepare(source, cells, *arguments)

    monkeypatch.setattr(network_engine, "prepare", refuse)
    out = io.StringIO()
    assert run_missing(rows, results, 1, Budget(None), Console(file=out)) == 3
    assert epochs_of(begun) == [40, 40, 40]
    assert "no room for it" in out.getvalue()
