"""Every block of code in README, CONTRIBUTING and docs/ is executed, or checked line by line."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from unittest import SkipTest

import bibtexparser
import pytest
import yaml
from _pytest.mark import ParameterSet

from tests.docs.pages import commands, examples, name, pages
from tests.docs.shell import check


def check_bibtex(source: str) -> None:
    """Expect at least one entry and nothing that BibTeX would refuse."""
    library = bibtexparser.parse_string(source)
    assert library.entries
    assert not library.failed_blocks


def check_yaml(source: str) -> None:
    """Expect a mapping or a list."""
    assert isinstance(yaml.safe_load(source), (dict, list))


def marked_pages() -> list[ParameterSet]:
    """Return the pages; those that compile take minutes longer under coverage."""
    slow = pytest.mark.no_cover
    return [pytest.param(page, marks=slow if page.stem == "compile" else ()) for page in pages()]


@pytest.mark.parametrize("page", marked_pages(), ids=name)
@pytest.mark.usefixtures("sandbox")
def test_every_block_runs(page: Path, tmp_path: Path) -> None:
    def check_bash(source: str) -> None:
        for command in commands(source):
            if "ogbg-" in command and importlib.util.find_spec("ogb") is None:
                continue
            check(command, tmp_path / "results")

    evaluators = {
        "bash": check_bash,
        "bibtex": check_bibtex,
        "yaml": check_yaml,
        "text": lambda source: None,
    }
    for example in examples(page, evaluators):
        try:
            example.evaluate()
        except SkipTest:
            # The page itself says which blocks need a package that may be missing.
            continue


@pytest.mark.parametrize("language", ["", "rust", "sh"])
def test_a_block_of_an_unknown_language_fails(language: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"```{language}\nsomething\n```\n", encoding="utf-8")
    (example,) = examples(page, {"bash": lambda source: None})
    with pytest.raises(AssertionError, match=r"page\.md:1: expected a block of python, bash, got"):
        example.evaluate()


def test_a_block_that_raises_fails(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nx = 1\n```\n\n```python\nassert x == 2\n```\n", encoding="utf-8")
    first, second = examples(page, {})
    first.evaluate()
    with pytest.raises(AssertionError):
        second.evaluate()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("make dmo", "the Makefile has no dmo"),
        ("make test EXTRA=docs", "the Makefile has no EXTRA=docs"),
        ('pip install ".[benchmarks]"', "has no extra benchmarks"),
        ("pip install something-else", "something-else is no requirement"),
        ("pip install --constraint missing.txt .", "missing.txt"),
        ("python -m benchmarks rnu", "No such command|has no command"),
        ("python -m benchmarks epoch --quicker", "--quicker"),
        ("python -m benchmarks table --compare diffpool", "--compare"),
        (".venv/bin/pylint .", "does not use pylint"),
        (".venv/bin/python -m pytest tests/missing", "there is no tests/missing"),
        ("git clone https://example.org/pyg_diffpool", "git clone"),
        ("curl https://example.org", "no test knows"),
    ],
)
def test_a_command_that_does_not_exist_fails(command: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=message):  # AssertionError, or the parser's own
        check(command, tmp_path)
