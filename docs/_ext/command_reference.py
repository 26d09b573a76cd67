"""Writes the reference of ``python -m benchmarks`` from the commands' own help."""

from pathlib import Path

from sphinx.application import Sphinx
from typer.cli import get_docs_for_click
from typer.main import get_command

PROGRAM = "python -m benchmarks"
PAGE = Path("benchmarks") / "commands.md"


def commands() -> str:
    """Return the page, in Markdown."""
    from benchmarks.cli import app

    command = get_command(app)
    context = command.make_context(PROGRAM, [], resilient_parsing=True)
    text = get_docs_for_click(
        obj=command, ctx=context, name=PROGRAM, title=f"Commands of `{PROGRAM}`"
    )
    return text.replace("```console\n$ ", "```text\n")


def write(app: Sphinx) -> None:
    """Write the page, unless it would stay the same: Sphinx would read it again."""
    page, text = Path(app.srcdir) / PAGE, commands()
    if not page.exists() or page.read_text(encoding="utf-8") != text:
        page.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
