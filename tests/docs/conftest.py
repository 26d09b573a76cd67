"""A working directory like a user's, with small data under the names that the pages use."""

import importlib.util
import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import torch

from tests.benchmarks.ogb_files import binary_labels, write_ogb
from tests.benchmarks.serving import serving
from tests.benchmarks.tu_files import write_tu_zip
from tests.docs.pages import ROOT

OWN_MODEL = ROOT / "docs" / "benchmarks" / "index.md"
NUM_GRAPHS = 40


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Change to a folder of data, splits and a user's own model."""
    data = tmp_path / "data"
    data.mkdir()
    write_tu_zip(data, "ENZYMES", NUM_GRAPHS // 2)
    if importlib.util.find_spec("ogb") is not None:
        write_ogb(data, "ogbg-molhiv", binary_labels(1))
    (tmp_path / "ENZYMES_splits.json").write_text(json.dumps(splits()), encoding="utf-8")
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "my_module.py").write_text(own_model(), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for module in ("my_package", "my_package.my_module"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    # Traced as always, but not compiled to machine code, which takes minutes.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    with serving(data, monkeypatch):
        yield tmp_path


def splits() -> list[dict[str, object]]:
    """Ten folds in the published format."""
    graphs = list(range(NUM_GRAPHS))
    folds: list[dict[str, object]] = []
    for fold in range(10):
        test, validation = graphs[fold::10], graphs[(fold + 1) % 10 :: 10]
        train = [graph for graph in graphs if graph not in test + validation]
        folds.append(
            {"test": test, "model_selection": [{"train": train, "validation": validation}]}
        )
    return folds


def own_model() -> str:
    """The class that the documentation shows."""
    text = OWN_MODEL.read_text(encoding="utf-8")
    before, _, after = text.partition("class MyModel")
    return before.rpartition("```python\n")[2] + "class MyModel" + after.partition("```")[0]
