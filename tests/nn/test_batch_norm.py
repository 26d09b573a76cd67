import copy

import pytest
import torch
from torch import distributed, multiprocessing
from torch.optim.swa_utils import update_bn
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


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("frozen", [True, False], ids=["frozen", "live"])
@pytest.mark.parametrize(
    "options",
    [
        {"momentum": None},
        {"affine": False},
        {"track_running_stats": False},
        {"momentum": 0.3, "eps": 0.1},
    ],
    ids=str,
)
def test_a_mask_honours_every_option_of_the_module(options, frozen, training):
    layer = BatchNorm(3, **options).double()
    plain = torch.nn.BatchNorm1d(3, **options).double()
    if frozen:
        layer.module.eval()
        plain.eval()
    layer.train(training)
    plain.train(training)
    if frozen:
        layer.module.eval()
        plain.eval()
    mask = torch.arange(5) < torch.tensor([[4], [0], [3]])
    for _ in range(3):
        x = 3 * torch.randn(3, 5, 3, dtype=torch.float64) + 1
        picked = x[mask].requires_grad_()
        x.requires_grad_()
        out, expected = layer(x, mask), plain(picked)
        assert_close(out[mask], expected)
        upstream = torch.randn_like(out)
        (out * upstream).sum().backward()
        (expected * upstream[mask]).sum().backward()
        assert_close(x.grad[mask], picked.grad)
    assert layer.module.state_dict().keys() == plain.state_dict().keys()
    for name, value in plain.state_dict().items():
        assert_close(layer.module.state_dict()[name], value)


def test_a_single_row_without_statistics_leaves_the_bias():
    layer = BatchNorm(2, track_running_stats=False)
    torch.nn.init.constant_(layer.module.bias, 0.5)
    row = torch.tensor([[3.0, -1.0]])
    assert layer(row).tolist() == [[0.5, 0.5]]
    assert layer(row.unsqueeze(0), torch.tensor([[True]])).tolist() == [[[0.5, 0.5]]]


def test_statistics_that_are_averaged_over_an_epoch():
    """``swa_utils.update_bn`` sets ``momentum=None`` for a pass."""
    mask = torch.tensor([[True, True, False], [True, True, True]])
    batches = [torch.randn(2, 3, 4) for _ in range(3)]

    class Masked(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = BatchNorm(4)

        def forward(self, x):
            return self.norm(x, mask)

    network, plain = Masked(), torch.nn.Sequential(torch.nn.BatchNorm1d(4))
    update_bn(batches, network)
    update_bn([batch[mask] for batch in batches], plain)
    assert_close(network.norm.module.running_mean, plain[0].running_mean)
    assert_close(network.norm.module.running_var, plain[0].running_var)
    assert network.norm.module.momentum == 0.1


# Of two processes; the second has fewer rows, or none in the second batch.
COUNTS = [[(4, 3), (2, 0)], [(5, 1), (0, 0)], [(1, 0), (1, 0)]]


def _rows(process, step):
    generator = torch.Generator().manual_seed(10 * step + process)
    x = torch.randn(2, 5, 3, generator=generator, dtype=torch.float64)
    return x, torch.arange(5) < torch.tensor(COUNTS[step][process]).unsqueeze(1)


def _synchronised(process, folder):
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=process, world_size=2
    )
    layer = torch.nn.SyncBatchNorm.convert_sync_batchnorm(trained(3))
    found = []
    for step in range(len(COUNTS)):
        x, mask = _rows(process, step)
        x.requires_grad_()
        out = layer(x, mask)
        (out * out.detach().cos()).sum().backward()
        found.append((out.detach(), x.grad))
    # Without a mask, too, on the CPU, where PyTorch's own module refuses.
    x, mask = _rows(process, 0)
    unmasked = layer(x[mask]).detach()
    torch.save((found, unmasked, layer.module.state_dict()), f"{folder}/{process}.pt")
    distributed.barrier()  # Nobody leaves while another still listens.
    distributed.destroy_process_group()


def test_a_synchronised_module_sees_the_rows_of_all_processes(tmp_path):
    multiprocessing.spawn(_synchronised, (str(tmp_path),), nprocs=2)
    joint = trained(3)
    results = [torch.load(tmp_path / f"{process}.pt") for process in range(2)]
    for step in range(len(COUNTS)):
        parts = [_rows(process, step) for process in range(2)]
        x = torch.cat([x for x, _ in parts]).requires_grad_()
        mask = torch.cat([mask for _, mask in parts])
        out = joint(x, mask)
        (out * out.detach().cos()).sum().backward()
        assert_close(torch.cat([found[step][0] for found, _, _ in results]), out)
        assert_close(torch.cat([found[step][1] for found, _, _ in results]), x.grad)
    expected = joint(torch.cat([x[mask] for x, mask in (_rows(0, 0), _rows(1, 0))]))
    assert_close(torch.cat([unmasked for _, unmasked, _ in results]), expected)
    for _, _, state in results:
        for name, value in joint.module.state_dict().items():
            assert_close(state[name], value)


def test_an_infinite_single_row_leaves_the_statistics_alone():
    layer = BatchNorm(2)
    layer(torch.full((1, 1, 2), torch.inf), torch.ones(1, 1, dtype=torch.bool))
    assert layer.module.running_mean.tolist() == [0.0, 0.0]
    assert layer.module.running_var.tolist() == [1.0, 1.0]


def test_another_layer_in_the_modules_place_sees_rows_that_are_nodes():
    """As tools for private training put group normalisation there."""
    layer = BatchNorm(4)
    layer.module = torch.nn.GroupNorm(2, 4)
    mask = torch.arange(5) < torch.tensor([4, 2, 3]).unsqueeze(1)
    x = torch.randn(3, 5, 4)
    assert_close(layer(x, mask)[mask], layer.module(x[mask]))
    assert layer(x, mask)[~mask].count_nonzero() == 0
    assert_close(layer(x).flatten(0, 1), layer.module(x.flatten(0, 1)))
