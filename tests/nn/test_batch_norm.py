import copy

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.nn import BatchNorm


def trained(channels: int, steps: int = 3) -> BatchNorm:
    """A layer whose affine parameters and running statistics are not the initial ones."""
    torch.manual_seed(0)
    layer = BatchNorm(channels).double()
    with torch.no_grad():
        layer.module.weight.uniform_(0.5, 2.0)
        layer.module.bias.normal_()
    for _ in range(steps):
        layer(torch.randn(7, channels, dtype=torch.float64) * 3 + 1)
    return layer


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("counts", [(4, 2, 3), (5, 0, 1), (1, 0, 0), (0, 0, 0)])
def test_masked_rows_stay_out(training, counts):
    """The mask does what picking rows out for PyG's layer does, statistics and gradients too."""
    layer = trained(3).train(training)
    plain = copy.deepcopy(layer)
    mask = torch.arange(5) < torch.tensor(counts).unsqueeze(1)
    x = torch.randn(3, 5, 3, dtype=torch.float64)
    picked = x[mask].requires_grad_()
    x = x.masked_fill(~mask.unsqueeze(-1), torch.nan).requires_grad_()

    out = layer(x, mask)
    expected = plain(picked)
    assert_close(out[mask], expected)
    assert (out[~mask] == 0).all()
    upstream = torch.randn_like(out)
    (out * upstream).sum().backward()
    (expected * upstream[mask]).sum().backward()
    assert_close(x.grad[mask], picked.grad)
    assert (x.grad[~mask] == 0).all()
    if mask.any():
        assert_close(layer.module.weight.grad, plain.module.weight.grad)
        assert_close(layer.module.bias.grad, plain.module.bias.grad)
    for name, value in plain.module.state_dict().items():
        if name != "num_batches_tracked":
            assert_close(layer.module.state_dict()[name], value)


def test_half_precision_keeps_its_dtype():
    layer = BatchNorm(4)
    mask = torch.tensor([[True, True, False]])
    assert layer(torch.randn(1, 3, 4, dtype=torch.bfloat16), mask).dtype == torch.bfloat16
