"""Links between the pages, and to files and headings of the repository, lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from tests.docs.pages import ROOT, name, pages

# There once the site has been built.
BUILT = ("docs/benchmarks/commands.md",)


def targets(text: str) -> list[str]:
    """Return what a page links to, pictures included."""
    tree = SyntaxTreeNode(MarkdownIt("commonmark").enable("table").parse(text))
    links = [node.attrs.get("href") for node in tree.walk() if node.type == "link"]
    pictures = [node.attrs.get("src") for node in tree.walk() if node.type == "image"]
    return [str(target) for target in [*links, *pictures]]


def headings(text: str) -> set[str]:
    """Return the anchors of a page, as GitHub and MyST write them."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken(page: Path) -> list[str]:
    """Return the links of a page that lead nowhere, other sites not considered."""
    bad = []
    for target in targets(page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        built = file.is_relative_to(ROOT) and name(file) in BUILT
        if not (built or file.exists()) or (
            anchor and anchor not in headings(file.read_text(encoding="utf-8"))
        ):
            bad.append(target)
    return bad


@pytest.mark.parametrize("page", pages(), ids=name)
def test_no_link_is_broken(page: Path) -> None:
    assert broken(page) == []


def test_broken_links_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A title\n\n[here](#a-title) [there](page.md#nowhere) [gone](gone.md) ![no](no.png)\n"
        "[away](https://example.org/x)\n",
        encoding="utf-8",
    )
    assert broken(page) == ["page.md#nowhere", "gone.md", "no.png"]


def test_nothing_written_names_a_machine() -> None:
    sources = [*pages(), *ROOT.glob("docs/**/*.py"), ROOT / "CITATION.cff"]
    absolute = re.compile(r"(?<![\w:/.])/(?:home|root|tmp|work|Users|mnt)/")
    named = [name(path) for path in sources if absolute.search(path.read_text(encoding="utf-8"))]
    assert named == []
