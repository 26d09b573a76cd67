"""Networks of default arguments stay what they were: names of weights, and numbers."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool import DiffPoolNet

MAKE = {
    "default": lambda: DiffPoolNet(2, 3, 2, max_clusters=[2]),
    "paper": lambda: DiffPoolNet.paper(2, 3, 2, [3, 2]),
    "reference": lambda: DiffPoolNet.reference(2, 3, 2, [2]),
    "flat": lambda: DiffPoolNet(2, 3, 2, max_clusters=[], dropout=0.5, readout="mean"),
}
# Logits and loss in evaluation mode, as of version 0.1.
NUMBERS = {
    "default": (
        [[8.656256191641567, 10.012359741202127], [9.308377192224711, 10.677523390219482]],
        1.0210441310393334,
    ),
    "paper": (
        [[6.972561523172153, 9.26171775674702], [6.972561523172153, 9.26171775674702]],
        4.514826546481748,
    ),
    "reference": (
        [[14.56322395435863, 16.711075393982597], [12.416484299224816, 14.355535640857491]],
        0.7215346629643068,
    ),
    "flat": ([[8.065490780260713, 9.64453843996665], [8.205682342379665, 9.777301193656685]], 0.0),
}
CONV = ("lin_l.weight", "lin_l.bias", "lin_r.weight")
NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def block_keys(prefix: str, layers: int, norms: int, root: bool = True) -> list[str]:
    convs = [f"{prefix}.convs.{i}.{key}" for i in range(layers) for key in CONV[: 3 if root else 2]]
    return convs + [f"{prefix}.norms.{i}.module.{key}" for i in range(norms) for key in NORM]


def pool_keys(pool: int, *block: int | bool) -> list[str]:
    assign = f"pools.{pool}.assign"
    linear = [f"{assign}.lin.weight", f"{assign}.lin.bias"]
    return (
        block_keys(f"pools.{pool}.embed", *block) + block_keys(f"{assign}.block", *block) + linear
    )


HEAD = [f"classifier.{layer}.{key}" for layer in (0, 3) for key in ("weight", "bias")]
KEYS = {
    "default": [*pool_keys(0, 3, 3), *block_keys("last", 3, 3), *HEAD],
    "paper": [*pool_keys(0, 2, 2), *pool_keys(1, 3, 3), *block_keys("last", 3, 3), *HEAD],
    "reference": [*pool_keys(0, 3, 2, False), *block_keys("last", 3, 2, False), *HEAD],
    "flat": [*block_keys("last", 3, 3), *HEAD],
}


def fill(net: DiffPoolNet) -> None:
    """Give every weight and statistic a number that no generator of random ones decides."""
    for place, (name, value) in enumerate(net.state_dict().items()):
        if value.is_floating_point():
            wave = torch.arange(value.numel(), dtype=value.dtype).add(place).sin().view_as(value)
            value.copy_(1.5 + wave if name.endswith("running_var") else wave)


@pytest.mark.parametrize("name", MAKE)
def test_names_of_weights_stay(name):
    assert list(MAKE[name]().state_dict()) == KEYS[name]


@pytest.mark.parametrize("name", MAKE)
def test_numbers_stay(name):
    net = MAKE[name]().double().eval()
    fill(net)
    x = torch.arange(14, dtype=torch.double).cos().view(7, 2)
    edge_index = torch.tensor([[0, 1, 2, 3, 5, 1, 6], [1, 2, 0, 2, 4, 0, 4]])
    out = net(x, edge_index, batch=torch.tensor([0, 0, 0, 0, 1, 1, 1]))
    logits, loss = NUMBERS[name]
    assert_close(out.logits, torch.tensor(logits, dtype=torch.double), rtol=1e-12, atol=1e-12)
    assert_close(out.loss, torch.tensor(loss, dtype=torch.double), rtol=1e-12, atol=1e-12)
