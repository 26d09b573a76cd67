from pathlib import Path

import pytest
import torch

from benchmarks.training.memory_checkpoint import MemoryCheckpointIO


def test_what_is_saved_is_a_copy_in_memory_until_it_is_removed(tmp_path):
    weights = torch.ones(2)
    kept, path = MemoryCheckpointIO(), tmp_path / "best.ckpt"
    kept.save_checkpoint({"state_dict": {"w": weights}, "epoch": 3}, path)
    # The next step of training changes the weights in place.
    weights.zero_()
    found = kept.load_checkpoint(str(path))
    assert found["epoch"] == 3
    assert torch.equal(found["state_dict"]["w"], torch.ones(2))
    assert list(Path(tmp_path).iterdir()) == []
    kept.remove_checkpoint(path)
    kept.remove_checkpoint(path)
    with pytest.raises(KeyError):
        kept.load_checkpoint(path)
