import os
from contextlib import closing

import pytest

from benchmarks.runs.engine import EngineRequest
from benchmarks.runs.engines.local import LocalEngine, make
from benchmarks.spec.errors import UsageError


def everything(cell):
    return True


def test_cells_that_are_refused_are_left_out_and_one_process_is_this_one():
    outcomes = LocalEngine(1).outcomes(
        lambda cell: (cell, os.getpid()), [1, 2, 3], lambda cell: cell != 2
    )
    assert list(outcomes) == [(1, os.getpid()), (3, os.getpid())]


def test_closing_stops_cells_that_have_not_begun():
    begun = []
    with closing(LocalEngine(1).outcomes(begun.append, [1, 2, 3], everything)) as outcomes:
        next(outcomes)
    assert begun == [1]


def test_a_share_of_a_gpu_is_refused():
    with pytest.raises(UsageError, match="--gpus-per-cell: expected none under --engine local"):
        make(EngineRequest(gpus_per_cell=0.5))
    assert make(EngineRequest()).jobs == os.cpu_count()
