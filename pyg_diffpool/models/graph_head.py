"""The classifier on top of a graph's readout vector."""

from __future__ import annotations

from collections import OrderedDict

import torch

from pyg_diffpool.nn.batch_norm import BatchNorm
from pyg_diffpool.ops.validation import check_choice, kind

NORMS = (None, "batch")


def graph_head(
    in_channels: int,
    hidden_channels: int,
    out_channels: int,
    *,
    norm: str | None = None,
    dropout: float = 0.0,
    input_dropout: float = 0.0,
) -> torch.nn.Sequential:
    r"""Build a classifier of graph vectors: an MLP with one hidden layer.

    .. math::
        \mathbf{y} = \mathbf{W}_2 \, \mathrm{dropout} \left( \mathrm{ReLU} \left( \mathbf{W}_1 \,
        \mathrm{dropout} \left( \mathrm{BN} \left( \mathbf{g} \right) \right) + \mathbf{b}_1 \right)
        \right) + \mathbf{b}_2

    Batch normalisation computes its statistics over the graphs of a batch, which brings maxima,
    means and sums to the same scale. A batch of a single graph is valid in training: it is
    normalised by the running statistics.

    The linear layers are named :obj:`"0"` and :obj:`"3"` with and without the optional layers
    :obj:`"norm"` and :obj:`"dropout"`, so that their keys in a :obj:`state_dict` stay the same.

    Args:
        in_channels: Size of a graph's vector.
        hidden_channels: Size of the hidden layer.
        out_channels: Number of classes :math:`C`.
        norm: :obj:`"batch"` for batch normalisation of the vectors. (default: :obj:`None`)
        dropout: Dropout probability of the hidden layer. (default: :obj:`0.0`)
        input_dropout: Dropout probability of the graph vector. (default: :obj:`0.0`)

    Returns:
        A module that maps vectors :math:`(B, D)` to class scores :math:`(B, C)`.

    Raises:
        ValueError: If :obj:`norm` is unknown or a probability is not between 0 and 1.

    Example:
        >>> head = graph_head(12, 8, 2, norm="batch", dropout=0.5, input_dropout=0.5)
        >>> head(torch.randn(1, 12)).shape
        torch.Size([1, 2])
    """
    check_choice("norm", norm, NORMS)
    check_share("dropout", dropout)
    check_share("input_dropout", input_dropout)
    layers: OrderedDict[str, torch.nn.Module] = OrderedDict()
    if norm is not None:
        layers["norm"] = BatchNorm(in_channels)
    if input_dropout > 0:
        layers["dropout"] = torch.nn.Dropout(input_dropout)
    layers["0"] = torch.nn.Linear(in_channels, hidden_channels)
    layers["1"] = torch.nn.ReLU()
    layers["2"] = torch.nn.Dropout(dropout)
    layers["3"] = torch.nn.Linear(hidden_channels, out_channels)
    return torch.nn.Sequential(layers)


def check_share(name: str, value: object) -> None:
    """Raise a :class:`ValueError` unless a value is a number between 0 and 1."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (number and 0 <= value <= 1):  # type: ignore[operator]
        raise ValueError(f"{name}: expected a number from 0 to 1, got {kind(value)}")
