"""Blocks as one function and side by side: equal to their modules one by one, or left to them."""

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.nn.utils import weight_norm
from torch.testing import assert_close

from pyg_diffpool import DiffPool, DiffPoolNet, SAGEConv
from pyg_diffpool.nn import Assignment, GNNBlock, joint_blocks
from pyg_diffpool.nn.side_by_side import blocks_of_networks
from pyg_diffpool.ops import prepare_adjacency
from pyg_diffpool.ops.level import DenseLevel, read_level
from tests.problems import make_problem, on_problems, projection

EXACT = {"rtol": 1e-8, "atol": 1e-8}
PROBLEM = make_problem((6, 0, 1, 4), num_features=3, weights="positive")
OPTIONS = {
    "as it is": {},
    "last": {"jump": "last"},
    "sum": {"aggr": "sum", "root_weight": False, "batch_norm": False},
    "bare": {"final_activation": False, "normalize": False},
    "length 1": {"final_activation": False, "batch_norm": False},
}


def make_networks(num_features=3, **options):
    torch.manual_seed(2)
    embed, assign = (GNNBlock(num_features, 5, 4, 3, **options) for _ in range(2))
    return nn.ModuleDict({"embed": embed, "assign": Assignment(assign, 2)}).double()


def embed_and_assign(networks, x, level):
    """Embedding and logits of both networks side by side, or None where modules must be called."""
    blocks = blocks_of_networks(networks["embed"], networks["assign"], x)
    edges = (level.adj, level.mask) if isinstance(level, DenseLevel) else (level.adjacency,)
    outputs = None if blocks is None else joint_blocks.run_blocks(blocks, x, *edges)
    return None if outputs is None else (outputs[0], networks["assign"].lin(outputs[1]))


def run_apart(networks, *arguments, **options):
    """Call both networks, with a hook on every layer that makes modules run one by one."""
    hooks = [
        layer.register_forward_hook(lambda *_: None)
        for layer in networks.modules()
        if isinstance(layer, SAGEConv)
    ]
    out = tuple(networks[name](*arguments, **options) for name in ("embed", "assign"))
    for hook in hooks:
        hook.remove()
    return out


def levels(problem, masked):
    """The level of a problem as it is, or padded, with leaves of its own."""
    weight = problem.edge_weight
    leaves = {"x": problem.x.clone().requires_grad_()}
    if masked is None:
        if weight is not None:
            leaves["weight"] = weight.clone().requires_grad_()
        level, _ = read_level(
            {"x": leaves["x"]},
            problem.edge_index,
            leaves.get("weight"),
            problem.batch,
            problem.batch_size,
            mask=None,
            max_num_nodes=None,
            validate=None,
        )
        return level, leaves, (level.adjacency,), {}
    width = max(problem.sizes, default=0) + 1
    x, mask = problem.to_dense(problem.x, width, fill=3.0 if masked else 0.0)
    leaves = {
        "x": x.clone().requires_grad_(),
        "adj": problem.to_dense_adjacency(max_num_nodes=width, fill=2.0).requires_grad_(),
    }
    mask = mask if masked else None
    level, _ = read_level(
        {"x": leaves["x"]},
        leaves["adj"],
        None,
        None,
        None,
        mask=mask,
        max_num_nodes=None,
        validate=False,
    )
    return level, leaves, (leaves["adj"],), {"mask": mask}


def assert_equal_to_modules(problem, masked, training, networks, steps=2):
    apart = copy.deepcopy(networks)
    networks.train(training)
    apart.train(training)
    for _ in range(steps):
        level, leaves, edges, options = levels(problem, masked)
        x = leaves["x"]
        out = embed_and_assign(networks, x, level)
        assert out is not None
        expected = run_apart(apart, x, *edges, **options)
        assert_close(out, expected, **EXACT)
        inputs = tuple(leaves.values())
        found, wanted = (
            torch.autograd.grad(
                projection(*rows),
                inputs + tuple(module.parameters()),
                allow_unused=True,
                materialize_grads=True,
                retain_graph=True,
            )
            for rows, module in ((out, networks), (expected, apart))
        )
        assert_close(found, wanted, rtol=1e-6, atol=1e-6)
        assert_close(dict(networks.named_buffers()), dict(apart.named_buffers()), **EXACT)


@pytest.mark.parametrize("masked", [None, False, True], ids=["sparse", "dense", "masked"])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", OPTIONS)
def test_equal_to_the_modules_one_by_one(name, training, masked):
    assert_equal_to_modules(PROBLEM, masked, training, make_networks(**OPTIONS[name]))


@pytest.mark.parametrize("masked", [None, False, True], ids=["sparse", "dense", "masked"])
def test_equal_on_all_problems(masked):
    @on_problems()
    def check(problem):
        rows = problem.x.size(0)
        if masked is not None:
            rows = problem.batch_size * (max(problem.sizes, default=0) + 1)
        # A single row, or none, is left to the modules, unless a mask tells how many there are.
        networks = make_networks(problem.x.size(1), batch_norm=masked or rows > 1)
        if rows == 0:
            level, leaves, _, _ = levels(problem, masked)
            assert embed_and_assign(networks, leaves["x"], level) is None
            return
        assert_equal_to_modules(problem, masked, True, networks, steps=1)

    check()


@pytest.mark.parametrize("options", [{}, {"ratio": 0.5}, {"embedding_channels": 7}])
def test_the_whole_network_trains_alike(options):
    torch.manual_seed(0)
    net = DiffPoolNet(3, 5, 2, max_clusters=[4, 2], **options).double()
    apart = copy.deepcopy(net)
    for layer in apart.modules():
        if isinstance(layer, SAGEConv):
            layer.register_forward_hook(lambda *_: None)
    problem = make_problem((6, 3, 4), num_features=3)
    optimizers = [torch.optim.SGD(module.parameters(), lr=0.1) for module in (net, apart)]
    for _ in range(3):
        for module, optimizer in zip((net, apart), optimizers, strict=True):
            optimizer.zero_grad()
            out = module(problem.x, problem.edge_index, batch=problem.batch, batch_size=3)
            (projection(out.logits) + out.loss).backward()
            optimizer.step()
    assert_close(net.state_dict(), apart.state_dict(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("masked", [None, True], ids=["sparse", "masked"])
def test_first_and_second_derivatives(masked):
    # Away from the kinks of ReLU, whose finite differences mean nothing.
    networks = make_networks(normalize=True)
    problem = make_problem((3, 2), num_features=3, weights="positive")
    level, leaves, _, _ = levels(problem, masked)
    x = leaves["x"]
    weights = list(networks.parameters())[:3]

    def run(rows, *changed):
        names = [f"networks.{name}" for name, _ in networks.named_parameters()][:3]
        swapped = dict(zip(names, changed, strict=True))
        return torch.func.functional_call(Both(networks), swapped, (rows, level))

    assert torch.autograd.gradcheck(run, (x, *weights), atol=1e-5)
    assert torch.autograd.gradgradcheck(run, (x, *weights), atol=1e-4)


class Both(nn.Module):
    def __init__(self, networks):
        super().__init__()
        self.networks = networks

    def forward(self, x, level):
        out = embed_and_assign(self.networks, x, level)
        assert out is not None
        return out


def test_a_frozen_parameter_gets_no_gradient_and_an_unused_output_none_either():
    networks = make_networks()
    frozen = networks["embed"].convs[1].lin_l.weight.requires_grad_(False)
    level, leaves, _, _ = levels(PROBLEM, None)
    out = embed_and_assign(networks, leaves["x"], level)
    projection(out[1]).backward()
    assert frozen.grad is None
    assert networks["embed"].convs[0].lin_l.weight.grad.count_nonzero() == 0
    assert networks["assign"].block.convs[0].lin_l.weight.grad.count_nonzero() > 0


def test_old_weight_norm_and_other_settings_run_module_by_module():
    networks = make_networks()
    level, leaves, _, _ = levels(PROBLEM, None)
    with pytest.warns(FutureWarning):
        weight_norm(networks["embed"].convs[0].lin_l)
    assert embed_and_assign(networks, leaves["x"], level) is None
    half = make_networks().bfloat16()
    rows = leaves["x"].detach().bfloat16()
    assert embed_and_assign(half, rows, level) is None
    single, x = make_networks().float(), leaves["x"].detach().float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert embed_and_assign(single, x, level) is None
    single["assign"] = nn.Linear(3, 2)
    assert embed_and_assign(single, x, level) is None


def test_widths_that_differ_run_as_two_blocks():
    networks = make_networks()
    networks["assign"] = Assignment(GNNBlock(3, 6, 4, 3), 2).double()
    level, leaves, _, _ = levels(PROBLEM, None)
    assert embed_and_assign(networks, leaves["x"], level) is None
    pool = DiffPool(networks["embed"], networks["assign"], max_clusters=2)
    out = pool(PROBLEM.x, PROBLEM.edge_index, PROBLEM.edge_weight, batch=PROBLEM.batch)
    expected, _ = run_apart(copy.deepcopy(networks), PROBLEM.x, level.adjacency)
    assert_close(out.embedding, expected, **EXACT)


def test_hooks_on_whole_networks_are_called():
    networks = make_networks()
    pool = DiffPool(networks["embed"], networks["assign"], max_clusters=2)
    seen = []
    networks["embed"].register_forward_hook(lambda *_: seen.append("embed"))
    networks["assign"].lin.register_forward_hook(lambda *_: seen.append("lin"))
    pool(PROBLEM.x, PROBLEM.edge_index, PROBLEM.edge_weight, batch=PROBLEM.batch)
    assert seen == ["embed", "lin"]


def test_frozen_statistics_stay_and_copies_go_on():
    networks = make_networks()
    for norm in (networks["embed"].norms[0], networks["assign"].block.norms[0]):
        norm.module.eval()
    before = copy.deepcopy(networks.state_dict())
    level, leaves, _, _ = levels(PROBLEM, None)
    out = embed_and_assign(networks, leaves["x"], level)
    after = networks.state_dict()
    assert list(after) == list(before)
    assert_close(
        after["embed.norms.0.module.running_mean"], before["embed.norms.0.module.running_mean"]
    )
    assert after["embed.norms.1.module.num_batches_tracked"] == 1
    networks.eval()
    again = pickle.loads(pickle.dumps(networks))
    assert out is not None
    assert_close(
        embed_and_assign(again, leaves["x"], level),
        embed_and_assign(networks, leaves["x"], level),
    )


def test_a_weight_changed_in_place_before_the_backward_pass_is_noticed():
    block = GNNBlock(3, 4, 4, 2).double()
    out = block(
        PROBLEM.x, prepare_adjacency(PROBLEM.edge_index, PROBLEM.edge_weight, len(PROBLEM.x))
    )
    with torch.no_grad():
        block.convs[1].lin_l.weight.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()


@pytest.mark.parametrize("masked", [None, True], ids=["sparse", "masked"])
@pytest.mark.parametrize("training", [True, False])
def test_without_gradients_nothing_is_kept_and_outputs_are_the_same(masked, training, monkeypatch):
    kept = []
    stack = joint_blocks.Stack

    def noted(*arguments):
        made = stack(*arguments)
        kept.append(made.differentiated)
        return made

    monkeypatch.setattr(joint_blocks, "Stack", noted)
    networks = make_networks().train(training)
    level, leaves, _, _ = levels(PROBLEM, masked)
    expected = embed_and_assign(networks, leaves["x"], level)
    with torch.no_grad():
        found = embed_and_assign(networks, leaves["x"], level)
    assert kept == [True, False]
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))
