"""The whole network: Proposition 1, batch mates, corner cases and BatchNorm's statistics."""

import copy

import pytest
import torch
from torch import nn
from torch.testing import assert_close
from torch_geometric.nn import GATv2Conv
from torch_geometric.utils import scatter

from pyg_diffpool import DiffPool, DiffPoolNet, GNNBlock, ResidentLoader
from pyg_diffpool.datasets import CommunityChains
from pyg_diffpool.nn import readout
from tests.problems import CORNER_CASES, Problem, make_problem

EXACT = {"rtol": 1e-8, "atol": 1e-8}
SETTINGS = {
    "one pooling": {"max_clusters": (3,)},
    "two poolings, by size": {"max_clusters": (4, 2), "ratio": 0.5},
    "flat": {"max_clusters": ()},
    "last level, sum, no root": {
        "max_clusters": (4, 2),
        "readout": "sum",
        "readout_levels": "last",
        "root_weight": False,
        "jump": "last",
    },
    "max aggregation, mean readout": {"max_clusters": (3,), "aggr": "max", "readout": "mean"},
    "plain": {"max_clusters": (3,), "normalize": False, "batch_norm": False, "aggr": "sum"},
    "fully adjacent, flat": {"max_clusters": (), "fully_adjacent": True, "residual": True},
    "fully adjacent, by size": {
        "max_clusters": (4, 2),
        "ratio": 0.5,
        "fully_adjacent": True,
        "residual": True,
        "skip_input": True,
    },
    "convention pyg": {"max_clusters": (3, 2), "convention": "pyg", "scale": None},
    "several readouts": {
        "max_clusters": (4, 2),
        "ratio": 0.5,
        "readout": ("max", "mean", "sum"),
        "readout_norm": "batch",
        "sum_scale": "asinh",
    },
    "convention reference": {"max_clusters": (3, 2), "convention": "reference", "scale": None},
}
PRESETS = {"paper": DiffPoolNet.paper, "reference": DiffPoolNet.reference}


def make_net(in_channels: int = 2, **settings) -> DiffPoolNet:
    torch.manual_seed(5)
    net = DiffPoolNet(in_channels, 6, 3, **{"max_clusters": (3,), **settings}).double()
    give_batch_norm_a_history(net)
    return net


def give_batch_norm_a_history(net: torch.nn.Module) -> None:
    for name, buffer in net.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(std=0.1)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 2.0)


def run(net, problem: Problem, **options):
    return net(
        problem.x,
        problem.edge_index,
        problem.edge_weight,
        problem.batch,
        problem.batch_size,
        **options,
    )


def some_graphs(**options) -> Problem:
    defaults = {"directed": False, "weights": "positive", "duplicates": False}
    return make_problem((7, 1, 4, 12), edges_per_node=1.5, **{**defaults, **options})


@pytest.mark.parametrize("name", SETTINGS)
def test_proposition_1(name):
    """Renumbering the nodes changes nothing, with the permutation's own S permuted (Prop. 1)."""
    net = make_net(**SETTINGS[name]).eval()
    problem = some_graphs(directed=True)
    permuted, order = problem.permute_nodes(3)
    before, after = run(net, problem), run(net, permuted)
    assert_close(after.logits, before.logits, **EXACT)
    assert_close(after.loss, before.loss, **EXACT)
    for level_before, level_after in zip(before.levels, after.levels, strict=True):
        assert_close(level_after.x, level_before.x, **EXACT)
        assert_close(level_after.adj, level_before.adj, **EXACT)
    if before.levels:
        assert_close(after.levels[0].assignment, before.levels[0].assignment[order], **EXACT)


@pytest.mark.parametrize("preset", PRESETS)
def test_proposition_1_of_the_presets(preset):
    net = PRESETS[preset](2, 6, 3, (4, 2)).double().eval()
    problem = some_graphs()
    permuted, _ = problem.permute_nodes(3)
    assert_close(run(net, permuted).logits, run(net, problem).logits, **EXACT)


@pytest.mark.parametrize("name", SETTINGS)
def test_batch_mates_do_not_matter_in_evaluation(name):
    net = make_net(**SETTINGS[name]).eval()
    problem = some_graphs()
    together = run(net, problem)
    for graph in range(problem.batch_size):
        alone = run(net, problem.select(graph))
        assert_close(alone.logits[0], together.logits[graph], **EXACT)
        for level_alone, level in zip(alone.levels, together.levels, strict=True):
            assert_close(level_alone.x[0], level.x[graph], **EXACT)
            if name not in ("convention pyg",):
                assert_close(level_alone.losses["link"][0], level.losses["link"][graph], **EXACT)


@pytest.mark.parametrize("case", CORNER_CASES)
@pytest.mark.parametrize(
    "name",
    [
        "one pooling",
        "two poolings, by size",
        "flat",
        "several readouts",
        "fully adjacent, flat",
        "fully adjacent, by size",
    ],
)
def test_corner_cases_in_both_modes(name, case):
    problem = CORNER_CASES[case]
    net = make_net(**SETTINGS[name])
    for mode in (True, False):
        output = run(net.train(mode), problem)
        assert output.logits.shape == (problem.batch_size, 3)
        assert output.logits.isfinite().all()
        assert output.loss.shape == ()
        assert output.loss.isfinite()
        (output.logits.square().sum() + output.loss).backward()
    for parameter in net.parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all()


@pytest.mark.parametrize("name", SETTINGS)
def test_gradients_reach_every_parameter(name):
    net = make_net(**SETTINGS[name])
    output = run(net, some_graphs())
    (output.logits.square().sum() + output.loss).backward()
    for label, parameter in net.named_parameters():
        assert parameter.grad is not None, label
        assert parameter.grad.isfinite().all(), label


@pytest.mark.parametrize("max_clusters", [(3,), (4, 2)])
@pytest.mark.parametrize("preset", PRESETS)
def test_presets_train(preset, max_clusters):
    net = PRESETS[preset](2, 6, 3, max_clusters)
    problem = some_graphs(weights="none")
    x, target = problem.x.float(), torch.tensor([0, 1, 2, 1])
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    history = []
    for _ in range(15):
        optimizer.zero_grad()
        output = net(x, problem.edge_index, batch=problem.batch)
        loss = torch.nn.functional.cross_entropy(output.logits, target)
        (loss + output.loss).backward()
        for label, parameter in net.named_parameters():
            assert parameter.grad is not None, label
            assert parameter.grad.isfinite().all(), label
        optimizer.step()
        history.append(loss.item())
    assert history[-1] < 0.8 * history[0]
    assert len(output.levels) == len(max_clusters)


def test_presets_accept_changes():
    net = DiffPoolNet.reference(2, 6, 3, (4,), dropout=0.5, num_layers=2)
    fewer = sum(p.numel() for p in net.parameters())
    more = sum(p.numel() for p in DiffPoolNet.reference(2, 6, 3, (4,)).parameters())
    assert fewer < more
    with pytest.raises(TypeError):
        DiffPoolNet.reference(2, 6, 3, (4,), no_such_setting=1)


@pytest.mark.parametrize("readout_norm", [None, "batch"])
@pytest.mark.parametrize("max_clusters", [(), (3,), (1,), (3, 1)])
def test_one_graph_of_one_node_trains(max_clusters, readout_norm):
    net = make_net(max_clusters=max_clusters, readout_norm=readout_norm).train()
    problem = CORNER_CASES["one node"]
    output = run(net, problem)
    (output.logits.square().sum() + output.loss).backward()
    assert output.logits.isfinite().all()
    for parameter in net.parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all()


def test_loss_is_the_sum_over_levels_with_their_weights():
    problem = some_graphs()
    settings = {"max_clusters": (4, 2), "link_weight": 0.5, "entropy_weight": 2.0}
    output = run(make_net(**settings).eval(), problem)
    expected = sum(
        0.5 * level.losses["link"].mean() + 2.0 * level.losses["entropy"].mean()
        for level in output.levels
    )
    assert_close(output.loss, expected, **EXACT)
    without = make_net(max_clusters=(4, 2), link_weight=0.0, entropy_weight=0.0).eval()
    assert run(without, problem).loss == 0


def test_objectives_of_every_level():
    problem = some_graphs()
    objectives = {"cut": 0.5, "orthogonality": 2.0}
    output = run(make_net(max_clusters=(4, 2), objectives=objectives).eval(), problem)
    assert [list(level.losses) for level in output.levels] == [list(objectives)] * 2
    expected = sum(
        0.5 * level.losses["cut"].mean() + 2.0 * level.losses["orthogonality"].mean()
        for level in output.levels
    )
    assert_close(output.loss, expected, **EXACT)


@pytest.mark.parametrize("preset", ["paper", "reference"])
def test_presets_take_objectives(preset):
    net = getattr(DiffPoolNet, preset)(3, 4, 2, [3], objectives={"balance": 1.0})
    assert net.pools[0].objective_weights == {"balance": 1.0}


def test_flat_network_with_mean_readout():
    net = make_net(max_clusters=(), readout="mean").eval()
    problem = some_graphs()
    output = run(net, problem)
    assert output.levels == []
    assert output.loss == 0
    assert output.logits.shape == (4, 3)
    # A mean over nodes does not see how often the same component occurs in the graph.
    shifted = problem.edge_index + problem.num_nodes
    doubled = Problem(
        (24, 24),
        torch.cat([problem.x, problem.x]),
        torch.cat([problem.logits, problem.logits]),
        torch.cat([problem.edge_index, shifted], dim=1),
        problem.edge_weight.repeat(2),
    )
    as_one = Problem((48,), doubled.x, doubled.logits, doubled.edge_index, doubled.edge_weight)
    assert_close(run(net, as_one).logits[0], run(net, doubled).logits[0], **EXACT)


def test_reset_parameters_forgets_the_statistics_of_graph_vectors():
    net = make_net(readout_norm="batch")
    run(net, some_graphs())
    norm = net.classifier.get_submodule("norm").module
    assert norm.running_mean.count_nonzero() > 0
    net.reset_parameters()
    assert norm.running_mean.count_nonzero() == 0


def test_state_and_evaluation_are_deterministic():
    net, twin = make_net(max_clusters=(4, 2)).eval(), make_net(max_clusters=(4, 2)).eval()
    twin.reset_parameters()
    twin.load_state_dict(net.state_dict())
    problem = some_graphs()
    assert torch.equal(run(twin, problem).logits, run(net, problem).logits)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("max_clusters", {"max_clusters": (3, 0)}),
        ("max_clusters", {"max_clusters": 3}),
        ("embedding_channels", {"embedding_channels": 0}),
        ("mlp_channels", {"mlp_channels": 0}),
        ("readout", {"readout": "median"}),
        ("readout", {"readout": ("max", "median")}),
        ("readout", {"readout": ()}),
        ("readout_norm", {"readout_norm": "layer"}),
        ("sum_scale", {"sum_scale": -1.0}),
        ("dropout", {"dropout": 1.5}),
        ("head_dropout", {"head_dropout": -0.5}),
        ("skip_input", {"skip_input": "yes"}),
        ("residual", {"residual": None}),
        ("fully_adjacent", {"fully_adjacent": 1}),
        ("fully_adjacent", {"fully_adjacent": True, "embedding": lambda width, level: None}),
        ("readout_levels", {"readout_levels": "first"}),
        ("jump", {"jump": "lstm"}),
        ("aggr", {"aggr": "medium"}),
        ("convention", {"convention": "authors"}),
    ],
)
def test_bad_settings_name_the_argument(name, settings):
    with pytest.raises((ValueError, TypeError), match=rf"\b{name}\b"):
        make_net(**settings)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_training_with_a_gradient_scaler(dtype):
    dataset = CommunityChains(num_graphs=8)
    batch = next(iter(ResidentLoader(dataset, batch_size=8)))
    torch.manual_seed(0)
    net = DiffPoolNet(dataset.num_features, 8, 3, max_clusters=[10, 4])
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    losses = []
    for _ in range(15):
        with torch.autocast("cpu", dtype):
            out = net(batch.x, batch.adjacency, batch=batch.batch, batch_size=8)
            loss = torch.nn.functional.cross_entropy(out.logits.float(), batch.y) + out.loss
        assert out.loss.dtype == torch.float32
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        losses.append(loss.item())
    assert scaler.get_scale() == 2.0**10  # no step was skipped for infinite gradients
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("ratio", [None, 0.25])
def test_half_precision_trains_and_agrees_with_float64(ratio, dtype, autocast):
    dataset = CommunityChains(num_graphs=4)
    batch = next(iter(ResidentLoader(dataset, batch_size=4)))
    net = DiffPoolNet(dataset.num_features, 8, 3, max_clusters=[10, 4], ratio=ratio)
    exact = copy.deepcopy(net).double()(batch.x.double(), batch.edge_index, batch=batch.batch)
    half, x = (net, batch.x) if autocast else (net.to(dtype), batch.x.to(dtype))
    with torch.autocast("cpu", dtype, enabled=autocast):
        out = half(x, batch.edge_index, batch=batch.batch)
    assert out.logits.dtype == dtype
    assert out.loss.dtype == out.levels[0].adj.dtype == torch.float32
    assert_close(out.loss.double(), exact.loss, rtol=0.02, atol=0.02)
    (out.logits.float().sum() + out.loss).backward()
    for parameter in net.parameters():
        assert parameter.grad.isfinite().all()


def test_other_embedding_networks():
    made = []

    def embedding(width, level):
        made.append((width, level))
        return GNNBlock(width, 6, 3 + level, 1, jump="last")

    net = make_net(max_clusters=[3], embedding=embedding, readout="sum").eval()
    problem = some_graphs()
    out = run(net, problem)
    assert made == [(2, 0), (3, 1)]
    embedded = net.pools[0].embed(problem.x, problem.edge_index, problem.edge_weight)
    assert_close(out.levels[0].embedding, embedded)
    vectors = [
        scatter(embedded, problem.batch, 0, problem.batch_size),
        net.last(out.levels[0].x, out.levels[0].adj).sum(1),
    ]
    assert_close(out.logits, net.classifier(torch.cat(vectors, 1)))


@pytest.mark.parametrize("levels", ["all", "last"])
@pytest.mark.parametrize("sum_scale", [None, 30.0, "asinh"])
def test_several_readouts_of_every_level(levels, sum_scale):
    names = ("sum", "max")
    settings = {"readout": names, "readout_levels": levels, "sum_scale": sum_scale}
    net = make_net(max_clusters=[3], **settings).eval()
    problem = some_graphs()
    out = run(net, problem)
    embedded = net.pools[0].embed(problem.x, problem.edge_index, problem.edge_weight)
    last = net.last(out.levels[0].x, out.levels[0].adj)
    vectors = []
    for graph in range(problem.batch_size):
        for rows in (embedded[problem.rows(graph)], last[graph])[1 if levels == "last" else 0 :]:
            total = rows.sum(0)
            scaled = total.asinh() if sum_scale == "asinh" else total / (sum_scale or 1.0)
            vectors += [scaled, rows.amax(0)]
    expected = torch.cat(vectors).view(problem.batch_size, -1)
    assert_close(out.logits, net.classifier(expected), **EXACT)


@pytest.mark.parametrize("levels", ["all", "last"])
@pytest.mark.parametrize("sum_scale", [None, "asinh"])
def test_sums_of_input_features_skip_to_the_head(levels, sum_scale):
    settings = {"max_clusters": [], "readout_levels": levels, "sum_scale": sum_scale}
    net = make_net(skip_input=True, **settings).eval()
    problem = some_graphs()
    rows = net.last(problem.x, problem.edge_index, problem.edge_weight)
    vectors = []
    for graph in range(problem.batch_size):
        total = problem.x[problem.rows(graph)].sum(0)
        scaled = total.asinh() if sum_scale == "asinh" else total
        vectors.append(torch.cat([rows[problem.rows(graph)].amax(0), scaled]))
    assert_close(run(net, problem).logits, net.classifier(torch.stack(vectors)), **EXACT)
    assert net.classifier[0].in_features == 3 * 6 + 2


def test_the_last_convolution_alone_is_fully_adjacent():
    """Both after a pooling, over its clusters, and in a flat network, over its nodes."""
    problem = some_graphs()
    plain, net = make_net(max_clusters=[3]), make_net(max_clusters=[3], fully_adjacent=True)
    assert list(net.state_dict()) == list(plain.state_dict())
    out, seen = run(net.eval(), problem), run(plain.eval(), problem)
    assert_close(out.levels[0].adj, seen.levels[0].adj)
    pooled = out.levels[0]
    rows = net.last(pooled.x, pooled.adj)
    ones = torch.ones_like(pooled.adj)
    wanted = net.last.norms[2](net.last.convs[2](rows[..., 6:12], ones).relu())
    assert_close(rows[..., 12:], wanted, **EXACT)
    assert_close(rows[..., :12], plain.last(pooled.x, pooled.adj)[..., :12], **EXACT)

    flat = make_net(max_clusters=[], fully_adjacent=True).eval()
    rows = flat.last(
        problem.x, problem.edge_index, problem.edge_weight, batch=problem.batch, batch_size=4
    )
    top = torch.stack([rows[problem.rows(graph)].amax(0) for graph in range(4)])
    assert_close(run(flat, problem).logits, flat.classifier(top), **EXACT)


def test_all_blocks_get_residual_connections():
    net = make_net(max_clusters=[3], residual=True)
    blocks = [module for module in net.modules() if isinstance(module, GNNBlock)]
    assert len(blocks) == 3
    assert all(block.residual for block in blocks)
    assert not any(block.fully_adjacent for block in blocks)


def test_head_dropout_stands_apart_from_that_of_the_blocks():
    def shares(**settings):
        classifier = make_net(**settings).classifier
        return [layer.p for layer in classifier if isinstance(layer, torch.nn.Dropout)]

    assert shares(dropout=0.3) == [0.3]
    assert shares(dropout=0.3, head_dropout=0.0) == [0.0]
    assert shares(head_dropout=0.5) == [0.5, 0.5]
    net = make_net(head_dropout=0.5, readout_norm="batch")
    assert net.pools[0].embed.dropout == net.last.dropout == 0.0
    names = ["norm", "dropout", "0", "1", "2", "3"]
    assert [name for name, _ in net.classifier.named_children()] == names


def test_graphs_of_2_and_of_5748_nodes_train_together():
    """By size alone, 2 and 6 nodes are told apart beside the largest graph of DD.

    By sums that are divided by a number they are not: batch normalisation leaves one large graph
    among equals, and these steps end at a loss of 0.46, that of guessing between the small ones.
    """
    torch.manual_seed(0)
    sizes = torch.tensor([2, 5748, 6, 2, 5748, 6])
    batch = torch.arange(6).repeat_interleave(sizes)
    loops = torch.arange(len(batch)).expand(2, -1)
    x, target = torch.ones(len(batch), 1), torch.tensor([0, 1, 2, 0, 1, 2])
    settings = {"max_clusters": [], "num_layers": 1, "batch_norm": False, "readout": "sum"}
    net = DiffPoolNet(1, 8, 3, **settings, readout_norm="batch", sum_scale="asinh")
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        logits = net(x, loops, batch=batch).logits
        loss = torch.nn.functional.cross_entropy(logits, target)
        loss.backward()
        optimizer.step()
    assert loss < 0.2


def test_edge_features_of_the_embedding_networks():
    """PyG's convolutions as embedding networks, on every level."""
    problem = some_graphs()
    attr = torch.randn(problem.edge_index.size(1), 3, dtype=torch.float64)

    def embedding(width, level):
        return GATv2Conv(width, 4, edge_dim=4)

    net = make_net(max_clusters=(4, 2), embedding=embedding).eval()
    assert net.takes_edge_attr
    output = run(net, problem, edge_attr=attr)
    assert [level.edge_attr.shape[1:] for level in output.levels] == [(4, 4, 3), (2, 2, 3)]
    first = net.pools[0](
        problem.x,
        problem.edge_index,
        problem.edge_weight,
        problem.batch,
        problem.batch_size,
        edge_attr=attr,
    )
    second = net.pools[1](first.x, first.adj, edge_attr=first.edge_attr)
    assert_close(output.levels[1].edge_attr, second.edge_attr, **EXACT)
    last = DiffPool(net.last, nn.Linear(4, 1).double(), max_clusters=1)
    embedded = last(second.x, second.adj, edge_attr=second.edge_attr).embedding
    vectors = [readout(first.embedding, "max", batch=problem.batch, batch_size=problem.batch_size)]
    vectors += [readout(rows, "max") for rows in (second.embedding, embedded)]
    assert_close(output.logits, net.classifier(torch.cat(vectors, -1)), **EXACT)
    output.logits.sum().backward()
    assert net.last.lin_edge.weight.grad.count_nonzero() > 0


def test_blocks_take_no_edge_features():
    net, problem = make_net(max_clusters=(4,)), some_graphs()
    assert not net.takes_edge_attr
    with pytest.raises(ValueError, match="edge_attr: expected None, since no embedding network"):
        run(net, problem, edge_attr=torch.ones(problem.edge_index.size(1), 2))


@pytest.mark.parametrize("sparse_level", [False, True])
@pytest.mark.parametrize(
    "options",
    [{"aggr": ("mean", "std")}, {"aggr": "softmax", "aggr_kwargs": {"learn": True}}],
    ids=["moments", "softmax"],
)
def test_graphs_of_a_batch_do_not_mix_in_any_aggregation(options, sparse_level):
    problem = make_problem((5, 4, 6), num_features=3, edges_per_node=2.5, weights="positive")
    if sparse_level:
        options = {**options, "sparse_level": True, "assignment": "sparsemax", "ratio": 0.5}
    net = DiffPoolNet(3, 4, 2, max_clusters=[3, 2], **options).double().eval()
    arguments = problem.x, problem.edge_index, problem.edge_weight
    logits, loss, _ = net(*arguments, problem.batch)
    for graph in range(3):
        own = problem.select(graph)
        alone = net(own.x, own.edge_index, own.edge_weight).logits
        assert_close(logits[graph : graph + 1], alone, rtol=1e-8, atol=1e-8)
    (logits.sum() + loss).backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all(), name
