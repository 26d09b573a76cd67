import pytest
from matplotlib.figure import Figure

from benchmarks.timing.rivals import OURS, PYG
from benchmarks.timing.scaling import FIXED
from benchmarks.timing.scaling_picture import SMALLEST_SHOWN_MIB, STYLES, draw_scaling

SIZES = (1_000, 3_162, 10_000, 31_623)


def row(contender, size, ms, mib, axis="nodes"):
    return {
        "axis": axis, "contender": contender, "size": size, "median_ms": ms, "peak_mib": mib,
    }  # fmt: skip


ROWS = [
    *(row(OURS, size, 1e-2 * size, 0.0) for size in SIZES),
    *(row(PYG, size, 1e-6 * size**2, 1e-5 * size**2) for size in SIZES[:3]),
    {"axis": "nodes", "contender": PYG, "size": SIZES[3], "died": "out of memory"},
]


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """Draw rows; return the figure, which is a PNG too."""

    def draw(rows):
        figures, path = [], tmp_path / "deep" / "picture.png"
        save = Figure.savefig

        def keep(figure, *arguments, **options):
            figures.append(figure)
            save(figure, *arguments, **options)

        monkeypatch.setattr(Figure, "savefig", keep)
        draw_scaling(rows, path)
        assert path.read_bytes().startswith(b"\x89PNG")
        return figures[0]

    return draw


def curves(axes, contender, style="-"):
    color = STYLES[contender][0]
    return [
        (list(line.get_xdata()), list(line.get_ydata()))
        for line in axes.lines
        if line.get_color() == color and line.get_linestyle() == style
    ]


def test_times_stand_above_memory_on_logarithmic_axes(drawn):
    time, memory = drawn(ROWS).axes
    assert {axes.get_xscale() for axes in (time, memory)} == {"log"}
    assert {axes.get_yscale() for axes in (time, memory)} == {"log"}
    assert curves(time, OURS)[0] == (list(SIZES), [1e-2 * size for size in SIZES])
    assert curves(memory, PYG)[0] == (list(SIZES[:3]), [1e-5 * size**2 for size in SIZES[:3]])
    # No memory at all has no place on a logarithmic axis.
    assert curves(memory, OURS)[0][1] == [SMALLEST_SHOWN_MIB] * 4
    assert (time.get_ylabel(), memory.get_ylabel()) == ("time, ms", "peak memory, MiB")
    assert (time.get_title(), memory.get_xlabel()) == (FIXED["nodes"], "nodes in the graph")


def test_a_curve_that_ended_has_a_cross_at_its_last_value(drawn):
    time, _ = drawn(ROWS).axes
    last = 1e-6 * SIZES[2] ** 2
    assert curves(time, PYG, ":") == [([SIZES[2], SIZES[3]], [last, last])]
    (cross,) = [line for line in time.lines if line.get_marker() == "x"]
    assert cross.get_xydata().tolist() == [[SIZES[3], last]]
    assert curves(time, OURS, ":") == []


def test_slopes_are_written_in_the_colours_of_their_curves(drawn):
    rows = [row(OURS, size, 1e-2 * size, 1e-3 * size**2) for size in (*SIZES, 10**5)]
    time, memory = drawn(rows).axes
    (slope,) = time.texts
    assert (slope.get_text(), slope.get_color()) == ("slope 1.00", STYLES[OURS][0])
    assert [text.get_text() for text in memory.texts] == ["slope 2.00"]


def test_each_axis_that_was_varied_has_a_column(drawn):
    figure = drawn([*ROWS, row(OURS, 4, 1.0, 2.0, "clusters")])
    assert len(figure.axes) == 4
    assert [axes.get_xlabel() for axes in figure.axes[2:]] == ["nodes in the graph", "clusters K"]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == [*STYLES, "died: memory or time limit"]
