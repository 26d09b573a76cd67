import time

import pytest
import torch

from benchmarks.spec.errors import UsageError
from benchmarks.timing.folds import (
    FOLDS,
    ONE,
    PROCESSES,
    STREAMS,
    fold_modes,
    run_folds,
    train_index,
)
from benchmarks.timing.trainees import Options

OPTIONS = Options(batch_size=40, hidden_channels=4)


def test_each_graph_is_left_out_once():
    kept = [train_index(43, fold, seed=0) for fold in range(FOLDS)]
    left_out = [set(range(43)) - set(index.tolist()) for index in kept]
    assert sorted(graph for fold in left_out for graph in fold) == list(range(43))
    assert {len(index) for index in kept} == {38, 39}
    assert not torch.equal(kept[0], kept[0].sort().values)


@pytest.mark.parametrize("mode", [ONE, PROCESSES])
def test_all_folds_train_on_their_graphs(tiny_data, mode):
    start = time.perf_counter()
    run = run_folds(mode, "TINY", epochs=1, jobs=1, threads=1, options=OPTIONS)
    assert run.graphs == FOLDS * 36
    # Loading does not count, nor do a new process's imports.
    assert 0 < run.seconds < time.perf_counter() - start


def test_streams_need_a_gpu(tiny_data):
    with pytest.raises(UsageError, match="--device cuda"):
        run_folds(STREAMS, "TINY", 1, 1, 1, OPTIONS)


def test_one_by_one_is_always_measured():
    assert fold_modes("auto", "cpu") == ["one", "processes"]
    assert fold_modes("one", "cuda") == ["one"]
    assert fold_modes("streams", "cuda") == ["one", "streams"]
    assert fold_modes("auto", "cuda") == ["one", "processes", "streams"]
