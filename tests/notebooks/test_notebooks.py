import json
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_from_top_to_bottom(path, capsys):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    names = {"__name__": "notebook"}
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] != "code":
            continue
        source = "".join(cell["source"])
        exec(compile(source, f"{path.name}, cell {number}", "exec"), names)
        printed = capsys.readouterr().out
        streams = [out for out in cell["outputs"] if out["output_type"] == "stream"]
        assert len(printed.splitlines()) == sum(
            len("".join(out["text"]).splitlines()) for out in streams
        )
