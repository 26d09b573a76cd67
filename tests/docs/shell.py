"""Checks the commands that the documentation tells a user to type."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import tomllib
from typer.main import get_command
from typer.testing import CliRunner

from benchmarks.commands.cli import app
from tests.docs.pages import ROOT

PROGRAM = ("python", "-m", "benchmarks")

# Minutes long each, and run by tests of their own: here only their options are read.
TIMINGS = ("coarsen", "epoch", "scaling", "loader", "gpu")

# What is added to the others, so that each takes a second or two.
SMALLER = {
    "run": "--jobs 1 --device cpu --folds 0 --seeds 0 --set epochs=1 --set hidden_channels=8",
    "demo": "--seeds 1 --epochs 1 --graphs 40",
    "paper": "--only-table",
    "report": "--graphs 2",
}
FOLDER = {
    "run": "--out",
    "demo": "--out",
    "paper": "--out",
    "analyse": "--results",
    "report": "--results",
    "picture": "--results",
}
"""The option of each that names the folder of results; ``table`` reads the committed ones."""

SMALL_RUN = "run --dataset ENZYMES --method diffpool --protocol fair"


def check(command: str, out: Path) -> None:
    """Run a command, or what can be run of it within a test.

    Args:
        command: One line for a shell.
        out: Folder of results that they read and write. A ``run`` trains one fold for one epoch.
    """
    words = shlex.split(command)
    programs = {
        "make": check_make,
        "pip": check_pip,
        "git": check_git,
        "tensorboard": check_tensorboard,
    }
    if tuple(words[:3]) == PROGRAM:
        check_benchmarks(words[3:], out)
    elif words == [".", ".venv/bin/activate"]:
        assert "\nBIN := .venv/bin\n" in (ROOT / "Makefile").read_text(encoding="utf-8")
    elif words[0].startswith(".venv/bin/"):
        check_tool([words[0].removeprefix(".venv/bin/"), *words[1:]])
    elif words[0] in programs:
        programs[words[0]](words[1:])
    else:
        raise AssertionError(f"no test knows how to check the command {command!r}")


def check_benchmarks(words: list[str], out: Path) -> None:
    """Run ``python -m benchmarks …`` in this process, on small data.

    Checkpoints are not in the repository: where a command names a stored run, it is given one that
    was trained here, and none of the graphs that it names.
    """
    command = words[0]
    if command in ("merge", *TIMINGS) or {"--engine", "--devices"} & set(words):
        parse_benchmarks(words)  # Folders, clusters and devices are the reader's.
        return
    if command in ("analyse", "picture", "report"):
        words = on_small_run(words, out)
    words = [*words, *shlex.split(SMALLER.get(command, ""))]
    if command in FOLDER:
        words += [FOLDER[command], str(out)]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, f"python -m benchmarks {shlex.join(words)}: {done.output}"


def on_small_run(words: list[str], out: Path) -> list[str]:
    """Put a run that was trained here in the place of the runs and graphs that are named."""
    parse_benchmarks(words)
    trained = sorted(path.name for path in out.glob("*-diffpool-fair-*"))
    if not trained:
        check_benchmarks(shlex.split(SMALL_RUN), out)
        return on_small_run(words, out)
    if "--graph" in words:
        del words[(at := words.index("--graph")) : at + 2]
    runs = [number for number, word in enumerate(words) if re.search(r"-[0-9a-f]{8}$", word)]
    for number in runs:
        words[number] = trained[0]
    return words


def parse_benchmarks(words: list[str]) -> None:
    """Read options and arguments as the command would, and run nothing."""
    find_command(words[0]).make_context(words[0], words[1:])


def find_command(name: str) -> Any:
    """Return a command of ``python -m benchmarks``."""
    group = get_command(app)
    context = group.make_context("benchmarks", [], resilient_parsing=True)
    command = group.get_command(context, name)
    assert command is not None, f"python -m benchmarks has no command {name}"
    return command


def check_make(words: list[str]) -> None:
    """Look targets and variables up in the Makefile, whose targets CI runs."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in words:
        variable, assigned, _ = word.partition("=")
        pattern = rf"^{variable} \?=" if assigned else rf"^{word}:"
        assert re.search(pattern, makefile, re.MULTILINE), f"the Makefile has no {word}"


def check_pip(words: list[str]) -> None:
    """Look extras up in pyproject.toml, and files on disk."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = {re.split(r"[^\w-]", name)[0] for name in project["dependencies"]}
    assert words[0] == "install"
    rest = iter(words[1:])
    for word in rest:
        local = re.fullmatch(r"\.(?:\[([\w,-]+)\])?", word)
        if word == "--index-url":
            assert next(rest).startswith("https://")
        elif word == "--constraint":
            assert (ROOT / (file := next(rest))).is_file(), f"there is no {file}"
        elif local:
            extras = set(filter(None, (local[1] or "").split(",")))
            unknown = extras - set(project["optional-dependencies"])
            assert not unknown, f"pyproject.toml has no extra {', '.join(unknown)}"
        else:
            assert word in required, f"pip install: {word} is no requirement of this package"


def check_git(words: list[str]) -> None:
    """Allow what names no address: there is no public one."""
    assert words[0] in ("add", "status", "tag"), f"no test checks git {words[0]}"


def check_tensorboard(words: list[str]) -> None:
    """See that an extra brings TensorBoard, and that it is told where to look."""
    assert '"tensorboard' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert words[0] == "--logdir"
    assert len(words) == 2


def check_tool(words: list[str]) -> None:
    """See that the Makefile uses the tool too, and that the files named are there."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    tool = " ".join(words[:3]) if words[0] == "python" else words[0]
    assert f"$(BIN)/{tool}" in makefile, f"the Makefile does not use {tool}"
    for word in words[1:]:
        if "/" in word:
            assert (ROOT / word).exists(), f"there is no {word}"
