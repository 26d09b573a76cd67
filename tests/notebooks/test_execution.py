"""Each notebook runs from a clean kernel, and shows what is committed."""

import os
import shutil

import pytest

from tests.notebooks.execution import DATA, FOLDER, PATHS, execute, read
from tests.notebooks.outputs import code_cells, masked, pictures, text

pytestmark = pytest.mark.notebook

WITH_DATA = [path for path in PATHS if DATA in path.read_text(encoding="utf-8")]


@pytest.fixture
def folder(tmp_path):
    """Copy the folder of notebooks, so that nothing that they write lands in the repository."""
    return shutil.copytree(FOLDER, tmp_path / FOLDER.name)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_runs_and_shows_what_is_committed(path, folder):
    executed, committed = code_cells(execute(path, folder)), code_cells(read(path))
    assert [masked(text(cell)) for cell in executed] == [masked(text(cell)) for cell in committed]
    assert [pictures(cell) for cell in executed] == [pictures(cell) for cell in committed]


@pytest.mark.real_data
@pytest.mark.parametrize("path", WITH_DATA, ids=lambda path: path.stem)
def test_runs_on_real_data(path, folder):
    if DATA not in os.environ:
        pytest.skip(f"needs TU data in {DATA}")
    executed = code_cells(execute(path, folder, data=os.environ[DATA]))
    assert "PROTEINS" in "".join(map(text, executed))
    assert [pictures(cell) for cell in executed] == [
        pictures(cell) for cell in code_cells(read(path))
    ]
