"""The notebooks as they lie in the repository: with all their outputs, and fit to be read."""

import base64
import re

import pytest

from tests.notebooks.execution import METADATA, PATHS, read
from tests.notebooks.outputs import code_cells, masked, pictures, text

pytestmark = pytest.mark.notebook

NAMES = (
    "1_pooling_in_five_minutes",
    "2_the_paper_equation_by_equation",
    "3_reading_the_clusters",
    "4_benchmark_your_own_pooling",
    "5_tasks_on_nodes",
)
MOST_BYTES = 2_500_000  # of all notebooks together
# Absolute paths of a machine, escape codes of a terminal, dates.
NOT_TO_BE_READ = re.compile(r"/(tmp|home|root|work|usr|Users)/|\x1b|\b20\d\d-\d\d-\d\d")

each_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def test_the_notebooks_are_those_that_the_tutorials_promise():
    assert tuple(path.stem for path in PATHS) == NAMES
    assert sum(path.stat().st_size for path in PATHS) < MOST_BYTES


@each_notebook
def test_every_cell_was_executed_once_and_in_order(path):
    notebook = read(path)
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1))
    for cell in code_cells(notebook):
        results = [out for out in cell.outputs if out.output_type == "execute_result"]
        assert all(out.execution_count == cell.execution_count for out in results)
    assert notebook.metadata == METADATA


@each_notebook
def test_outputs_are_clean(path):
    for cell in code_cells(read(path)):
        assert {out.output_type for out in cell.outputs} <= {
            "stream",
            "display_data",
            "execute_result",
        }
        assert all(out.name == "stdout" for out in cell.outputs if out.output_type == "stream")
        shown = text(cell)
        assert NOT_TO_BE_READ.search(shown) is None, shown


@each_notebook
def test_each_picture_is_there(path):
    cells = code_cells(read(path))
    for cell in cells:
        assert pictures(cell) == cell.source.count("plt.show()")
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                assert base64.b64decode(output.data["image/png"]).startswith(b"\x89PNG")
    assert sum(map(pictures, cells)) >= 1


@each_notebook
def test_each_begins_with_what_the_reader_learns(path):
    first = read(path).cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert "You will" in first.source
    assert re.search(r"minutes?\b.* to read", first.source) or "Reading takes" in first.source


def test_masks_hide_what_differs_between_machines_and_nothing_else():
    assert masked("fold 1: 35.2 %, 3 s, run-0a1b2c3d ━━━ 0:00:07") == masked(
        "fold 1: -4 %, 12 s, run-ffffffff ━ 1:00:07"
    )
    assert masked("validation 35.2 %") != masked("test 35.2 %")
    assert masked("a\nb") == "a b"
