"""The pages of the documentation, and their blocks of code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from sybil import Document, Example, Region, Sybil
from sybil.parsers.markdown.lexers import FencedCodeBlockLexer
from sybil.parsers.myst import PythonCodeBlockParser, SkipParser

ROOT = Path(__file__).parents[2]

# Written by the build from docstrings and from the commands' own help.
GENERATED = ("docs/api/", "docs/benchmarks/commands.md")


def pages() -> list[Path]:
    """Return every Markdown page that a person wrote."""
    written = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]
    return [page for page in written if not name(page).startswith(GENERATED)]


def name(page: Path) -> str:
    """Return a page's path in the repository."""
    return page.relative_to(ROOT).as_posix()


def examples(page: Path, evaluators: Mapping[str, Callable[[str], None]]) -> Iterator[Example]:
    """Return a page's blocks of code in their order; Python blocks share their names.

    Args:
        page: The page.
        evaluators: What checks the source of a block, by its language. A block of another
            language, or of none, fails when it is evaluated.
    """

    def other_blocks(document: Document) -> Iterator[Region]:
        lexer = FencedCodeBlockLexer(
            language=r"[^\n]*", mapping={"language": "language", "source": "source"}
        )
        for region in lexer(document):
            language = region.lexemes["language"].strip()
            # Directives are executed by the build; Python has a parser of its own.
            if language != "python" and not language.startswith("{"):
                region.parsed = (language, str(region.lexemes["source"]))
                region.evaluator = evaluate
                yield region

    def evaluate(example: Example) -> None:
        language, source = example.parsed
        if language not in evaluators:
            known = ", ".join(["python", *evaluators])
            raise AssertionError(
                f"{page.name}:{example.line}: expected a block of {known}, got {language!r}"
            )
        evaluators[language](source)

    yield from Sybil([PythonCodeBlockParser(), SkipParser(), other_blocks]).parse(page)


def commands(source: str) -> list[str]:
    """Return the commands of a block for a shell, without comments, continued lines joined."""
    joined = source.replace("\\\n", " ")
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines())
    return [line for line in lines if line]
