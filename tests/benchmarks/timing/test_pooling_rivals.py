import pytest
import torch

from benchmarks.timing.batches import tree_like
from benchmarks.timing.coarsen import measure_alone
from benchmarks.timing.pooling_rivals import OUTPUTS, POOLINGS
from benchmarks.timing.rivals import errors


def tiny(seed=0):
    return tree_like(torch.tensor([12, 7, 30]), seed, num_clusters=4, num_features=3)


@pytest.mark.parametrize("name", POOLINGS)
def test_every_contender_is_right(name):
    found = errors(POOLINGS[name], tiny())
    layer = name.partition(", ")[0]
    assert set(found) == {*OUTPUTS[layer], "gradient of x", "gradient of logits"}
    assert max(found.values()) < 1e-5


@pytest.mark.parametrize("name", ["MinCut, ours", "DMoN, PyG"])
def test_memory_is_measured_by_name(name):
    told = []
    row = measure_alone(lambda: told.append(name), name, tiny, threads=1)
    assert told == [name]
    assert row["runs"] == 1
