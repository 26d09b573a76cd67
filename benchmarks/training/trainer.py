"""Lightning's trainer as cells use it: silent, without files, on one device or on several."""

import logging
import warnings
from typing import Any

from benchmarks.spec.settings import Settings
from benchmarks.training.memory_checkpoint import MemoryCheckpointIO

try:
    import lightning.pytorch as lightning
    from lightning.pytorch.callbacks import Callback
    from lightning.pytorch.plugins.environments import LightningEnvironment
    from lightning.pytorch.strategies import DDPStrategy
except ModuleNotFoundError:  # The same package under its older name.
    import pytorch_lightning as lightning
    from pytorch_lightning.callbacks import Callback
    from pytorch_lightning.plugins.environments import LightningEnvironment
    from pytorch_lightning.strategies import DDPStrategy


def make_trainer(
    settings: Settings, callbacks: list[Callback], memory: MemoryCheckpointIO
) -> lightning.Trainer:
    """Return a trainer that tells nothing and writes no files.

    Args:
        settings: Epochs, devices and precision.
        callbacks: What looks on.
        memory: Where it keeps checkpoints.
    """
    for name in ("lightning.pytorch", "lightning.fabric", "pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lightning.Trainer(
            max_epochs=settings.epochs,
            accelerator=settings.accelerator,
            precision=settings.precision,
            gradient_clip_val=settings.gradient_clip or None,
            callbacks=callbacks,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            # Tensors made under inference mode and kept by a loader or an adjacency could not take
            # part in a later training step.
            inference_mode=False,
            **_placement(settings, memory),
        )


def _placement(settings: Settings, memory: MemoryCheckpointIO) -> dict[str, Any]:
    """Return the trainer's arguments for one device, or for processes that are there already."""
    if settings.devices == 1:
        return {"devices": 1, "plugins": [memory]}
    strategy = DDPStrategy(
        # Methods may have weights that no loss reaches; running statistics are averaged once an
        # epoch, since some processes validate fewer batches.
        find_unused_parameters=True,
        broadcast_buffers=False,
    )
    return {
        "devices": settings.devices,
        "strategy": strategy,
        "plugins": [memory, LightningEnvironment()],
    }
