"""What the pages say twice is said the same: versions, extras, figures, and names of commands."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import tomllib
import yaml
from typer.testing import CliRunner

import pyg_diffpool
from benchmarks.commands.cli import app
from benchmarks.records.store import RESULTS
from benchmarks.records.table_format import score_text
from benchmarks.runs.plan import make_plan
from tests.docs.pages import ROOT, name, pages
from tests.docs.shell import find_command, parse_benchmarks

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_citation_is_of_this_version_and_of_this_paper() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == pyg_diffpool.__version__
    # It is said in one place, which the metadata are built from (tests/test_packaging.py).
    assert "version" in PROJECT["dynamic"]
    assert citation["license"] == PROJECT["license"]
    (author,) = citation["authors"]
    assert author["name"] == PROJECT["authors"][0]["name"]
    (paper,) = citation["references"]
    for person in paper["authors"]:
        assert f"{person['family-names']}, {person['given-names']}" in README
    assert f"title     = {{{paper['title']}}}" in README


def test_this_version_has_its_changes_and_its_notes() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[(\d[^\]]*)\] - \d{4}-\d\d-\d\d$", changelog, re.MULTILINE)
    notes = (ROOT / "docs" / "release_notes.md").read_text(encoding="utf-8")
    assert versions[0] == pyg_diffpool.__version__
    assert re.findall(r"^## (\d.*)$", notes, re.MULTILINE)[0] == pyg_diffpool.__version__


def test_every_extra_is_explained() -> None:
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    table = page.partition("## Extras")[2].partition("\n## ")[0]
    explained = re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)
    assert sorted(explained) == sorted(PROJECT["optional-dependencies"])


def test_accuracies_in_the_readme_are_those_of_the_stored_cells() -> None:
    done = CliRunner().invoke(app, ["table", "--protocol", "fair", "--format", "json"])
    stored = {(row["dataset"], row["method"]): score_text(row) for row in json.loads(done.stdout)}
    figure = r"([\d.]+ ± [\d.]+)"
    rows = re.findall(rf"^\| `([\w-]+)`[^|]* \| {figure} \| {figure} \|", README, re.MULTILINE)
    assert len(rows) >= 5
    for method, enzymes, proteins in rows:
        assert stored["ENZYMES", method] == enzymes
        assert stored["PROTEINS", method] == proteins


@pytest.mark.parametrize("page", pages(), ids=name)
def test_runs_named_are_stored(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"\b[\w-]+-(?:fair|reference)-[0-9a-f]{8}\b", text)
    # Trained by the reader, from the command on the page.
    own = make_plan("CommunityChains", "diffpool", "fair", {}, [0], [0], None).run_id
    stored = {path.parent.name for path in RESULTS.rglob("run.json")}
    assert [run for run in named if run != own and run not in stored] == []
    # Its id holds the device.
    blocks = re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert all("--device cpu" in block for block in blocks if own in block)


@pytest.mark.parametrize("page", pages(), ids=name)
def test_commands_in_running_text_exist(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for span in re.findall(r"`python -m benchmarks ([^`]+)`", text):
        words = shlex.split(span)
        if len(words) > 1:
            parse_benchmarks(words)
        else:
            find_command(words[0])  # named, without the options that it may need
