"""Writes the reference of ``python -m benchmarks`` from the commands' own help."""

from pathlib import Path

from sphinx.application import Sphinx
from typer.cli import get_docs_for_click
from typer.main import get_command

PROGRAM = "python -m benchmarks"
PAGE = Path("benchmarks") / "commands.md"


def reference() -> str:
    """Return the page in Markdown, with one section per command."""
    from benchmarks.commands.cli import app

    group = get_command(app)
    context = group.make_context(PROGRAM, [], resilient_parsing=True)
    sections = [f"# Commands of `{PROGRAM}`\n\n{group.help}\n\n"]
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        sections.append(
            get_docs_for_click(
                obj=command,
                ctx=context,
                indent=1,
                name=name,
                call_prefix=PROGRAM,
                title=f"`{name}`",
            )
        )
    return "".join(sections).replace("```console\n$ ", "```text\n")


def write(app: Sphinx) -> None:
    """Write the page if it has changed, since Sphinx would read it again otherwise."""
    page, text = Path(app.srcdir) / PAGE, reference()
    if not page.exists() or page.read_text(encoding="utf-8") != text:
        page.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
