"""The temperature of an assignment, lowered during training."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pyg_diffpool.ops.validation import kind, read_size


class AnnealedTemperature(torch.nn.Module):
    r"""A temperature that falls from :obj:`start` to :obj:`stop` in the course of training.

    .. math::
        T_t = T_0 \left( T_1 / T_0 \right)^{\min(t / n, 1)}

    after :math:`t` forward passes in training mode. In evaluation mode, the temperature is that
    which training has reached. The number of passes is part of the :obj:`state_dict`.

    Args:
        start: Temperature :math:`T_0` of the first pass. (default: :obj:`1.0`)
        stop: Temperature :math:`T_1` from pass :math:`n` on. (default: :obj:`0.1`)
        num_steps: Number of training passes :math:`n`. (default: :obj:`1000`)

    Raises:
        TypeError: If :obj:`num_steps` is not an integer.
        ValueError: If a temperature is not a finite number above 0, or :obj:`num_steps` is below 1.

    Example:
        >>> temperature = AnnealedTemperature(start=1.0, stop=0.01, num_steps=2)
        >>> [round(float(temperature()), 3) for _ in range(4)]
        [1.0, 0.1, 0.01, 0.01]
        >>> round(float(temperature.eval()()), 3)
        0.01
    """

    passes: Tensor

    def __init__(self, start: float = 1.0, stop: float = 0.1, num_steps: int = 1000):
        super().__init__()
        check_temperature(start, "start")
        check_temperature(stop, "stop")
        self.start = float(start)
        self.stop = float(stop)
        self.num_steps = read_size("num_steps", num_steps, least=1)
        self.register_buffer("passes", torch.zeros((), dtype=torch.long))

    def reset_parameters(self) -> None:
        """Start again.

        Example:
            >>> temperature = AnnealedTemperature(num_steps=1)
            >>> _ = temperature()
            >>> temperature.reset_parameters()
            >>> temperature.passes
            tensor(0)
        """
        self.passes.zero_()

    def forward(self) -> Tensor:
        """Return the temperature, a scalar, and count the pass in training mode."""
        share = (self.passes / self.num_steps).clamp(max=1.0)
        temperature = self.start * (share * math.log(self.stop / self.start)).exp()
        if self.training:
            self.passes.add_(1)
        return temperature

    def __repr__(self) -> str:
        return (
            f"{self.__class__.__name__}(start={self.start}, stop={self.stop}, "
            f"num_steps={self.num_steps})"
        )


def check_temperature(value: object, name: str = "temperature") -> None:
    """Raise a :class:`ValueError` unless a value is a temperature."""
    if isinstance(value, AnnealedTemperature):
        return
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (number and 0 < value < math.inf):  # type: ignore[operator]
        raise ValueError(f"{name}: expected a finite number above 0, got {kind(value)}")
