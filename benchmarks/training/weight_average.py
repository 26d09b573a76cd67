"""The moving average of a network's weights, which is validated and kept in their place.

Lightning's own callback of that kind (``EMAWeightAveraging``, since 2.6) is not used: it puts the
average into whole checkpoints alone, not into those of weights only, and averages the statistics of
batch normalisation, which are not those of the averaged weights.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch_geometric.data import Batch

from benchmarks.training.forward import Forward
from benchmarks.training.weight_copy import copied_weights

try:
    from lightning.pytorch.callbacks import Callback
except ModuleNotFoundError:  # The same package under its older name.
    from pytorch_lightning.callbacks import Callback


class WeightAverage(Callback):
    r"""Exponential moving average of the weights, after every step.

    .. math::
        \bar{\mathbf{w}}_t = d_t \bar{\mathbf{w}}_{t - 1} + (1 - d_t) \mathbf{w}_t, \qquad
        d_t = \min \left( d, \frac{1 + t}{10 + t} \right)

    The share of the past grows at first, so that the first weights, which are random, are forgotten
    however long the memory :math:`1 / (1 - d)` is.

    From the beginning of an epoch's validation to the next epoch the network has the averaged
    weights: they are scored, saved and drawn. Statistics of batch normalisation are taken anew for
    them, over the training graphs and without dropout, as evaluation is: another pass forward.

    Args:
        decay: :math:`d`.
        train_loader: Batches of the training graphs.
    """

    def __init__(self, decay: float, train_loader: Iterable[Batch]) -> None:
        self._decay = decay
        self._train_loader = train_loader
        self._steps = 0
        self._parameters: list[Tensor] = []
        self._average: list[Tensor] = []
        self._trained: dict[str, Tensor] | None = None

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin from the untrained weights."""
        # To look for them in all modules takes longer than to average them.
        self._parameters = list(pl_module.model.parameters())
        self._average = [parameter.detach().clone() for parameter in self._parameters]

    @torch.no_grad()
    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the average towards the weights."""
        self._steps += 1
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        for average, parameter in zip(self._average, self._parameters, strict=True):
            average.lerp_(parameter, 1 - decay)

    @torch.no_grad()
    def on_validation_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Put the averaged weights in the network, with statistics of their own."""
        model = pl_module.model
        self._trained = copied_weights(model.state_dict())
        for average, parameter in zip(self._average, self._parameters, strict=True):
            parameter.copy_(average)
        with trainer.precision_plugin.forward_context():
            renew_statistics(model, self._train_loader)

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Give the network back the weights that are trained."""
        if self._trained is not None:
            pl_module.model.load_state_dict(self._trained)
            self._trained = None


@torch.no_grad()
def renew_statistics(model: nn.Module, loader: Iterable[Batch]) -> None:
    """Take the running statistics of batch normalisation anew, as means over a loader's batches.

    Everything else is in evaluation mode meanwhile: dropout would inflate variances that
    evaluation does not meet.

    Args:
        model: The network; its layers' modes are left as they were.
        loader: Batches of the training graphs.
    """
    layers = [
        layer
        for layer in model.modules()
        if isinstance(layer, _BatchNorm) and layer.running_mean is not None
    ]
    if not layers:
        return
    modes = {module: module.training for module in model.modules()}
    momenta = {layer: layer.momentum for layer in layers}
    model.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # PyTorch's word for the mean over all batches.
        layer.train()
    try:
        predict = Forward(model)
        device = next(model.parameters()).device
        for batch in loader:
            predict(batch if batch.edge_index.device == device else batch.to(device))
    finally:
        for layer, momentum in momenta.items():
            layer.momentum = momentum
        for module, training in modes.items():
            module.training = training
