"""Batch normalisation of two networks' rows at once, against the formula on each one's nodes."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.batch_normalization import (
    BatchNormalization,
    normalization_backward,
    normalization_forward,
    plain_normalization,
)

EPS = 1e-5
MOMENTUM = 0.2
CHANNELS = 3
MASKS = {"none": None, "some": [1, 1, 0, 1, 1, 0], "one": [0, 0, 1, 0, 0, 0], "empty": [0] * 6}


def normalized(rows, scale, shift, mean, variance, mask, by_batch):
    """The formula; a single row, or none, is normalised by running statistics."""
    nodes = rows if mask is None else rows[mask.flatten().bool()]
    if by_batch and nodes.size(0) > 1:
        mean = nodes.mean(0)
        variance = (nodes - mean).square().mean(0)
    out = (rows - mean) / (variance + EPS).sqrt() * scale + shift
    return out if mask is None else out * mask


@pytest.mark.parametrize("networks", [1, 2])
@pytest.mark.parametrize("by_batch", [True, False])
@pytest.mark.parametrize("name", MASKS)
def test_values_gradients_and_statistics(name, by_batch, networks):
    torch.manual_seed(0)
    mask = None
    if MASKS[name] is not None:
        mask = torch.tensor(MASKS[name]).double().unsqueeze(1)
    rows = torch.randn(6, 2 * CHANNELS).double()
    rows = (rows if mask is None else rows * mask).requires_grad_()
    scale = torch.randn(2 * CHANNELS).double().requires_grad_()
    shift = torch.randn(2 * CHANNELS).double().requires_grad_()
    mean, variance = torch.randn(2 * CHANNELS).double(), torch.rand(2 * CHANNELS).double() + 0.5
    running = [tuple(part.clone() for part in own.chunk(networks)) for own in (mean, variance)]
    batches = tuple(torch.tensor(7) for _ in range(networks))
    norm = BatchNormalization(EPS, by_batch, MOMENTUM, *running, batches)
    expected = normalized(rows, scale, shift, mean, variance, mask, by_batch)
    with torch.no_grad():
        out, kept = normalization_forward(rows, norm, scale, shift, mask)
        grad = torch.randn(6, 2 * CHANNELS).double()
        found = normalization_backward(grad, rows, norm, kept, mask)
    assert_close(out, expected.detach())
    onto_rows, *others = torch.autograd.grad(expected, (rows, scale, shift), grad)
    onto_rows = onto_rows if mask is None else onto_rows * mask
    assert_close(found, (onto_rows, *others))
    before = norm._replace(mean=mean.chunk(networks), variance=variance.chunk(networks))
    for network in range(networks):
        width = 2 * CHANNELS // networks
        own = slice(network * width, (network + 1) * width)
        plain = plain_normalization(rows[:, own], before, network, scale[own], shift[own], mask)
        assert_close(plain, expected[:, own])
    nodes = rows.detach() if mask is None else rows.detach()[mask.flatten().bool()]
    updated = by_batch and len(nodes) > 1
    share = MOMENTUM if updated else 0.0
    new = (nodes.mean(0), nodes.var(0)) if updated else (mean, variance)
    assert_close(torch.cat(norm.mean), mean.lerp(new[0], share))
    assert_close(torch.cat(norm.variance), variance.lerp(new[1], share))
    assert [int(count) for count in norm.batches] == [7 + updated] * networks
