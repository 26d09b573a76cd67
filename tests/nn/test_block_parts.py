"""Which blocks can run as one function, and what is read from them."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from pyg_diffpool import SAGEConv
from pyg_diffpool.nn import Assignment, GNNBlock
from pyg_diffpool.nn.block_parts import is_untouched, read_blocks


def make_networks(**options):
    embed, assign = (GNNBlock(3, 5, 4, 3, **options) for _ in range(2))
    return nn.ModuleDict({"embed": embed, "assign": Assignment(assign, 2)}).double()


def read(networks, num_rows=6, masked=False):
    return read_blocks((networks["embed"], networks["assign"].block), num_rows, masked)


def test_the_weights_are_the_parameters_themselves():
    networks = make_networks(final_activation=False)
    for parts, block in zip(
        read(networks), (networks["embed"], networks["assign"].block), strict=True
    ):
        norms = [norm.module for norm in block.norms]
        assert parts.jump == "cat"
        assert parts.norms == [*norms, None]
        for number, conv in enumerate(block.convs):
            expected = [conv.lin_l.weight, conv.lin_l.bias, conv.lin_r.weight]
            scales = [None, None] if number == 2 else [norms[number].weight, norms[number].bias]
            found = parts.weights[5 * number : 5 * number + 5]
            assert all(a is b for a, b in zip(found, expected + scales, strict=True))
        assert [settings.activate for settings in parts.settings] == [True, True, False]
        assert [settings.norm for settings in parts.settings] == [(True, 1e-5, 0.1)] * 2 + [None]


def test_what_does_not_exist_is_none():
    parts = read(make_networks(root_weight=False, batch_norm=False))[0]
    assert [weight is None for weight in parts.weights] == [False, False, True, True, True] * 3
    assert not parts.settings[0].has_root


def test_a_single_row_needs_a_mask_for_batch_normalisation():
    assert read(make_networks(), num_rows=1) is None
    assert read(make_networks(), num_rows=1, masked=True) is not None
    assert read(make_networks(batch_norm=False), num_rows=1) is not None
    assert read(make_networks(), num_rows=0, masked=True) is None


def test_blocks_of_different_settings_do_not_run_together():
    for other in (GNNBlock(3, 6, 4, 3), GNNBlock(3, 5, 4, 3, jump="last"), GNNBlock(3, 5, 4, 2)):
        block = GNNBlock(3, 5, 4, 3)
        assert read_blocks((block, other), 6, masked=False) is None
        assert read_blocks((other,), 6, masked=False) is not None


def test_is_untouched_is_about_the_exact_type():
    assert is_untouched(nn.Linear(1, 1), nn.Linear)
    assert not is_untouched(nn.Linear(1, 1), SAGEConv)
    assert not is_untouched(OtherConv(1, 1), SAGEConv)
    assert not is_untouched(None, nn.Linear)


def hooked(kind):
    def touch(networks):
        module = networks["embed"].convs[1].lin_l
        getattr(module, f"register_{kind}")(lambda *_: None)

    return touch


def replaced(path, make):
    def touch(networks):
        parent, _, name = path.rpartition(".")
        old = networks.get_submodule(path)
        setattr(networks.get_submodule(parent), name, make(old))

    return touch


class Adapted(nn.Module):
    """A linear map with a low-rank change, as adapters wrap one."""

    def __init__(self, linear):
        super().__init__()
        self.linear = linear
        self.change = nn.Parameter(torch.ones(linear.weight.shape).double())

    def forward(self, x):
        return self.linear(x) + x @ self.change.t()


class OtherConv(SAGEConv):
    pass


TOUCHED = {
    "forward hook": hooked("forward_hook"),
    "pre-hook": hooked("forward_pre_hook"),
    "backward hook": hooked("full_backward_hook"),
    "backward pre-hook": hooked("full_backward_pre_hook"),
    "parametrization": lambda n: parametrizations.weight_norm(n["embed"].convs[0].lin_l),
    "pruned": lambda n: prune.random_unstructured(n["embed"].convs[0].lin_l, "weight", 0.5),
    "adapter": replaced("embed.convs.0.lin_l", Adapted),
    "subclass": replaced("embed.convs.0", lambda old: OtherConv(3, 5).double()),
    "GroupNorm": replaced("embed.norms.0.module", lambda old: nn.GroupNorm(1, 5).double()),
    "momentum": lambda n: setattr(n["assign"].block.norms[0].module, "momentum", None),
    "forward": lambda n: setattr(n["embed"].convs[0], "forward", n["embed"].convs[0].forward),
    "message": lambda n: setattr(n["embed"].convs[0], "message", lambda x_j, edge_weight: 2 * x_j),
    "max": replaced("embed.convs.0", lambda old: SAGEConv(3, 5, "max").double()),
    "softmax": replaced("embed.convs.0", lambda old: SAGEConv(3, 5, "softmax").double()),
    "several": replaced("embed.convs.0", lambda old: SAGEConv(3, 5, ["mean", "std"]).double()),
    "project": replaced("embed.convs.0", lambda old: SAGEConv(3, 5, project=True).double()),
    "flow": replaced("embed.convs.0", lambda old: SAGEConv(3, 5, flow="target_to_source").double()),
    "lazy": replaced("embed.convs.0", lambda old: SAGEConv(-1, 5).double()),
    "dropout": lambda n: setattr(n["embed"], "dropout", 0.5),
    "residual": lambda n: setattr(n["embed"], "residual", True),
    "fully adjacent": lambda n: setattr(n["embed"], "fully_adjacent", True),
}


@pytest.mark.parametrize("name", TOUCHED)
def test_a_touched_block_is_not_read(name):
    networks = make_networks()
    assert read(networks) is not None
    TOUCHED[name](networks)
    assert read(networks) is None
    touched = networks["assign"].block if name == "momentum" else networks["embed"]
    assert read_blocks((touched,), 6, masked=False) is None


def test_dropout_matters_in_training_only():
    networks = make_networks(dropout=0.5)
    assert read(networks) is None
    assert read(networks.eval()) is not None
