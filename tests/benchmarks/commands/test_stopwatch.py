from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import typer

from benchmarks.commands.stopwatch import Session, check_names, names_of
from benchmarks.spec.errors import UsageError
from benchmarks.timing.works import Work


def works(ran, stop_at=None):
    """Three works that tell who ran; one may be interrupted."""

    def run(name):
        if name == stop_at:
            raise KeyboardInterrupt
        ran.append(name)
        return [{"value": name}]

    for name in ("a", "b", "c"):
        yield Work(name, lambda name=name: run(name))


def test_a_stopped_session_goes_on_behind_what_is_stored(tmp_path, capsys):
    ran = []
    session = Session("json", tmp_path, {"rounds": 2}, 0)
    with pytest.raises(typer.Exit) as stopped:
        session.run(works(ran, stop_at="c"))
    assert stopped.value.exit_code == 130
    assert f"--resume {session.lines.path}" in capsys.readouterr().err
    again = Session("json", tmp_path, {"rounds": 2}, 0, resume=session.lines.path)
    again.run(works(ran), describe=lambda row: row["value"].upper())
    assert ran == ["a", "b", "c"]
    assert "c: C" in capsys.readouterr().err
    shown = []
    rows = again.finish(lambda rows, style: shown.append((len(rows), style)))
    assert [row["value"] for row in rows] == ["a", "b", "c"]
    assert shown == [(3, "json")]
    assert "3 rows in" in capsys.readouterr().err


def test_a_spent_budget_ends_works_and_no_command(tmp_path, capsys):
    ran = []
    session = Session("json", tmp_path, {}, 0)
    # A budget whose timer rings in the second work.
    spent = SimpleNamespace(spent=True, interrupts=nullcontext)
    session.run(works(ran, stop_at="b"), budget=spent)
    assert ran == ["a"]
    assert "the budget is spent" in capsys.readouterr().err


def test_absent_data_are_told_or_refused(tmp_path, capsys):
    def absent():
        raise FileNotFoundError("nowhere")

    session = Session("json", tmp_path, {}, 0)
    assert session.load("DD", absent) is None
    assert "DD: skipped, its data are not there (nowhere)" in capsys.readouterr().err
    assert session.load("DD", lambda: 7) == 7
    with pytest.raises(UsageError, match="nowhere"):
        session.load("ENZYME", absent, asked=True)


def test_names():
    assert names_of(" b, a,b,, ") == ["b", "a"]
    check_names("set", ["a"], ["a", "b"])
    with pytest.raises(UsageError, match="unknown set 'aa'"):
        check_names("set", ["a", "aa"], ["a", "b"])
