"""Tested versions in docs/install.md; ``python -m tests.docs.matrix_table`` writes it."""

from __future__ import annotations

import json

from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "install.md"
ROWS = json.loads((ROOT / "tests" / "matrix.json").read_text(encoding="utf-8"))
BEGIN, END = "<!-- matrix: begin -->\n", "<!-- matrix: end -->"


def table() -> str:
    """Return the table in Markdown."""
    lines = [
        "| Python | requirements | torch | torch-geometric | NumPy | tests | passed | skipped |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in ROWS:
        names = ("python", "requirements", "torch", "torch-geometric", "numpy")
        names += ("tests", "passed", "skipped")
        lines.append(f"| {' | '.join(str(row[name]) for name in names)} |")
    return "\n".join(lines) + "\n"


def written() -> str:
    """Return the page with this table in the place of its own."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
