"""README as a package index shows it; everything else is in pyproject.toml."""

from __future__ import annotations

import re
from pathlib import Path

from setuptools import setup

# Where to read the repository, once it has a public address; without a slash at the end.
REPOSITORY: str | None = None

LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def on_an_index(readme: str, repository: str | None) -> str:
    """Let no link lead to a file that lies beside README in the repository alone.

    Links and pictures get the repository's address. Without one, a link becomes its text, and a
    picture goes.
    """

    def elsewhere(match: re.Match[str]) -> str:
        picture, text, target = match.groups()
        if "://" in target or target.startswith("#"):
            return match[0]
        if repository is None:
            return "" if picture else text
        return f"{picture}[{text}]({repository}/{'raw' if picture else 'blob'}/HEAD/{target})"

    return re.sub(r"\n{3,}", "\n\n", LINK.sub(elsewhere, readme))


if __name__ == "__main__":
    setup(
        long_description=on_an_index(
            (Path(__file__).parent / "README.md").read_text(encoding="utf-8"), REPOSITORY
        ),
        long_description_content_type="text/markdown",
    )
