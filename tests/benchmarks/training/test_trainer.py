import pytest
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from benchmarks.spec.settings import make_settings
from benchmarks.training.memory_checkpoint import MemoryCheckpointIO
from benchmarks.training.trainer import DDPStrategy, make_trainer


def trainer_of(**changes):
    return make_trainer(make_settings(changes), [], MemoryCheckpointIO())


def test_it_trains_so_many_epochs_on_one_device_and_writes_nothing():
    trainer = trainer_of(epochs=7, gradient_clip=0.0)
    assert trainer.max_epochs == 7
    assert trainer.num_devices == 1
    assert trainer.loggers == []
    assert trainer.gradient_clip_val is None
    assert isinstance(trainer.strategy.checkpoint_io, MemoryCheckpointIO)


def test_several_devices_are_processes_that_are_there(monkeypatch):
    # Lightning keeps the rank for the whole process, where other tests expect to be the first.
    monkeypatch.setattr(rank_zero_only, "rank", 0, raising=False)
    monkeypatch.setenv("LOCAL_RANK", "1")
    trainer = trainer_of(devices=2)
    assert isinstance(trainer.strategy, DDPStrategy)
    assert (trainer.world_size, trainer.global_rank) == (2, 1)
    assert trainer.strategy.cluster_environment.creates_processes_externally
    assert trainer.strategy._ddp_kwargs == {
        "find_unused_parameters": True,
        "broadcast_buffers": False,
    }


@pytest.mark.parametrize("clip", [1.5, 2.0])
def test_gradients_are_clipped(clip):
    assert trainer_of(gradient_clip=clip).gradient_clip_val == clip
