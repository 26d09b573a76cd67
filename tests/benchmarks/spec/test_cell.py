import dataclasses
import pickle

import pytest

from benchmarks.spec.cell import Cell
from benchmarks.spec.settings import make_settings

CELL = Cell("DD", "diffpool", "fair", make_settings({"epochs": 3}), 1, fold=4, seed=2)


def test_a_record_tells_a_cell_from_others_without_its_settings():
    assert CELL.as_record() == {
        "dataset": "DD",
        "method": "diffpool",
        "protocol": "fair",
        "configuration": 1,
        "fold": 4,
        "seed": 2,
    }


def test_a_cell_is_frozen_and_travels_to_a_process():
    with pytest.raises(dataclasses.FrozenInstanceError):
        CELL.fold = 5
    assert pickle.loads(pickle.dumps(CELL)) == CELL
    assert hash(dataclasses.replace(CELL)) == hash(CELL)
