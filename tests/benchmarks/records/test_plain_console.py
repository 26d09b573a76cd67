import io

from rich.table import Table

from benchmarks.records.plain_console import PlainConsole

TEXT = "[red]a[/red] :smile: [x]"


def written(act):
    file = io.StringIO()
    act(PlainConsole(file=file, width=80, force_terminal=True, color_system=None))
    return file.getvalue()


def test_lines_tables_and_statuses_keep_their_text():
    table = Table(title=TEXT)
    table.add_column(TEXT)
    table.add_row(TEXT)
    assert TEXT in written(lambda console: console.print(TEXT))
    assert written(lambda console: console.print(table)).count(TEXT) == 3

    def show(console):
        with console.status(TEXT) as status:
            status.update(TEXT + "!")

    shown = written(show)
    assert TEXT in shown
    assert TEXT + "!" in shown
