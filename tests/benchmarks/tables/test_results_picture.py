import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from typer.testing import CliRunner

from benchmarks.commands.cli import app
from benchmarks.spec.errors import UsageError
from benchmarks.tables import results_picture
from benchmarks.tables.results_picture import BEST, OURS, PAPER, SAME, draw_results
from benchmarks.tables.scores import result_rows
from tests.benchmarks.tables.made_runs import fair_cell, reference_cell, write_cells


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    halves = [fair_cell(fold, 0, 0.5, 0.4 + 0.02 * fold) for fold in range(10)]
    write_cells(folder, "one", halves)
    write_cells(folder, "two", [fair_cell(0, 0, 0.5, 0.7)], dataset="DD", method="graphsage")
    write_cells(folder, "three", halves, method="m.y:Class")
    return folder


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are saved."""
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path, **options: figures.append(self))
    return figures


def marks(axes, color):
    """Return the points drawn in a colour."""
    return [
        (list(line.get_xdata()), list(line.get_ydata()))
        for line in axes.lines
        if to_hex(line.get_color()).upper() == color and line.get_linestyle() != "--"
    ]


def test_a_panel_a_data_set_has_intervals_and_published_figures(results, drawn, tmp_path):
    rows = result_rows(results)
    draw_results(rows, tmp_path / "made" / "here.png")
    enzymes, dd = drawn[0].axes
    assert [axes.get_title() for axes in (enzymes, dd)] == ["ENZYMES", "DD"]
    labels = [text.get_text() for text in enzymes.get_yticklabels()]
    # The paper's rows in its order, then the user's.
    assert labels == ["graphsage", "diffpool", "m.y:Class"]
    row = next(row for row in rows if row["method"] == "diffpool")
    assert row["mean"] == 49.0
    # Ten numbers two apart: a deviation of 2 · sqrt(55/6), Student's 2.262 of it over sqrt(10).
    half = 2.2622 * 2 * (55 / 6) ** 0.5 / 10**0.5
    assert (row["low"], row["high"]) == pytest.approx((49 - half, 49 + half), abs=0.01)
    assert ([row["low"], row["high"]], [1, 1]) in marks(enzymes, OURS)
    assert ([49.0], [1]) in marks(enzymes, OURS)
    assert marks(enzymes, PAPER) == [([62.53], [1])]
    assert marks(enzymes, SAME) == [([59.5], [1])]
    best = [line for line in enzymes.lines if line.get_linestyle() == "--"]
    assert [(line.get_color(), line.get_xdata()[0]) for line in best] == [(BEST, 69.4)]
    assert enzymes.get_xlabel() == "best published: 69.4\n(spn)"


def test_a_row_of_one_fold_has_no_interval_and_is_hollow(results, drawn, tmp_path):
    draw_results(result_rows(results), tmp_path / "here.png")
    (point,) = [line for line in drawn[0].axes[1].lines if line.get_marker() == "o"]
    assert list(point.get_xdata()) == [70.0]
    assert point.get_markerfacecolor() == "white"
    texts = [text.get_text() for text in drawn[0].legends[0].get_texts()]
    assert "ours, not on all folds yet" in texts


def test_reference_is_called_optimistic_and_its_paper_figure_is_marked_once(tmp_path, drawn):
    cells = [reference_cell(fold, 0, [0.5, 0.6]) for fold in range(10)]
    write_cells(tmp_path, "one", cells, protocol="reference")
    draw_results(result_rows(tmp_path), tmp_path / "here.png")
    assert drawn[0].get_suptitle() == "Accuracy in % under protocol reference, optimistic"
    (axes,) = drawn[0].axes
    assert (len(marks(axes, PAPER)), len(marks(axes, SAME))) == (1, 0)


def test_no_rows_and_two_protocols_are_refused(results, tmp_path):
    with pytest.raises(UsageError, match="--plot: expected results to draw, there are none"):
        draw_results([], tmp_path / "here.png")
    write_cells(results, "r", [reference_cell(0, 0, [0.5])], protocol="reference")
    with pytest.raises(UsageError, match="fair and reference are not comparable; choose one by"):
        draw_results(result_rows(results), tmp_path / "here.png")


def test_methods_and_data_sets_unknown_to_the_paper_come_last():
    assert results_picture._in_order({"b", "wl", "a"}, ("wl",)) == ["wl", "a", "b"]


def table(*arguments):
    return CliRunner().invoke(app, ["table", *map(str, arguments)])


def test_the_command_writes_the_picture_beside_its_table(results, tmp_path):
    path = tmp_path / "pictures" / "table.png"
    done = table("--results", results, "--plot", path, "--format", "markdown")
    assert done.exit_code == 0
    assert done.stdout.startswith("| data set |")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert "picture: " in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--plot", "here.pdf"), "--plot: expected a file that ends in .png, got here.pdf"),
        (("--plot", "here.png", "--all"), "expected it without --all"),
        (("--plot", "h.png", "--compare", "diffpool", "graphsage"), "without --compare"),
        (("--plot", "{results}/one/run.json/h.png"), "run.json is a file"),
    ],
)
def test_pictures_that_cannot_be_made_are_refused(results, arguments, message):
    texts = [text.format(results=results) for text in arguments]
    done = table("--results", results, *texts)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())
