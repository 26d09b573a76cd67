"""Several layers with batch normalisation: sparse and dense levels agree, statistics included."""

import pytest
import torch
from torch.testing import assert_close
from torch_geometric.nn import SoftmaxAggregation

from pyg_diffpool.nn.gnn_block import GNNBlock
from tests.problems import make_problem, projection

EXACT = {"rtol": 1e-8, "atol": 1e-8}


def make_block(**options) -> GNNBlock:
    torch.manual_seed(2)
    return GNNBlock(2, 5, 4, 3, **options).double()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"jump": "last"},
        {"batch_norm": False, "aggr": "sum", "root_weight": False},
        {"final_activation": False, "normalize": False},
        {"residual": True, "fully_adjacent": True},
        {"residual": True, "batch_norm": False, "final_activation": False},
        {"fully_adjacent": True, "aggr": "sum"},
        {"aggr": ("mean", "std")},
        {"aggr": ("max", "var"), "fully_adjacent": True},
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_levels_agree(options, training):
    problem = make_problem((6, 0, 1, 4), weights="positive")
    sparse_block, dense_block = (make_block(**options).train(training) for _ in range(2))
    graphs = {"batch": problem.batch, "batch_size": problem.batch_size}
    sparse = sparse_block(problem.x, problem.edge_index, problem.edge_weight, **graphs)
    assert sparse.size(-1) == sparse_block.out_channels
    x, mask = problem.to_dense(problem.x, 8, fill=3.0)
    dense = dense_block(x, problem.to_dense_adjacency(max_num_nodes=8, fill=2.0), mask=mask)
    assert_close(dense[mask], sparse, **EXACT)
    assert_close(dict(dense_block.named_buffers()), dict(sparse_block.named_buffers()), **EXACT)

    projection(sparse).backward()
    projection(dense[mask]).backward()
    for (name, parameter), other in zip(
        dense_block.named_parameters(), sparse_block.parameters(), strict=True
    ):
        assert_close(parameter.grad, other.grad, rtol=1e-7, atol=1e-7, msg=name)


def test_width():
    assert make_block(jump="cat").out_channels == 5 + 5 + 4
    assert make_block(jump="last").out_channels == 4


def test_last_layer_stays_bare_when_asked():
    problem = make_problem((6,), weights="none")
    bare = make_block(jump="last", final_activation=False, batch_norm=False)
    assert (bare(problem.x, problem.edge_index) < 0).any()
    active = make_block(jump="last", final_activation=True, batch_norm=False)
    assert (active(problem.x, problem.edge_index) >= 0).all()


def test_a_single_row_trains_and_leaves_the_statistics_alone():
    block = make_block().train()
    before = {name: buffer.clone() for name, buffer in block.named_buffers()}
    out = block(torch.randn(1, 2).double(), torch.empty(2, 0, dtype=torch.long))
    out.sum().backward()
    assert out.isfinite().all()
    assert_close(dict(block.named_buffers()), before)


def test_no_row_at_all():
    block = make_block().train()
    out = block(torch.randn(0, 2).double(), torch.empty(2, 0, dtype=torch.long))
    assert out.shape == (0, block.out_channels)
    assert all(buffer.isfinite().all() for buffer in block.buffers())


@pytest.mark.parametrize("final_activation", [True, False])
@pytest.mark.parametrize("batch_norm", [True, False])
def test_residual_connections_add_the_rows_before_where_sizes_agree(batch_norm, final_activation):
    torch.manual_seed(2)
    options = {"batch_norm": batch_norm, "final_activation": final_activation}
    block = GNNBlock(5, 5, 4, 3, residual=True, **options).double()
    problem = make_problem((6, 1), num_features=5)
    arguments = problem.edge_index, problem.edge_weight
    rows, outputs = problem.x, []
    for layer, conv in enumerate(block.convs):
        out = conv(rows, *arguments)
        if final_activation or layer < 2:
            out = out.clamp(min=0)
            if batch_norm:
                out = (out - out.mean(0)) / (out.var(0, unbiased=False) + 1e-5).sqrt()
        # The last layer narrows 5 channels to 4: it has no connection.
        rows = rows + out if layer < 2 else out
        outputs.append(rows)
    assert_close(block(problem.x, *arguments), torch.cat(outputs, 1), **EXACT)


@pytest.mark.parametrize("dtype", [torch.bool, torch.double])
def test_residual_connections_leave_masked_rows_out(dtype):
    torch.manual_seed(2)
    block = GNNBlock(5, 5, 5, 2, residual=True, batch_norm=False).double()
    problem = make_problem((6, 1), num_features=5)
    x, mask = problem.to_dense(problem.x, 8, fill=3.0)
    dense = block(x, problem.to_dense_adjacency(max_num_nodes=8), mask=mask.to(dtype))
    assert dense[~mask].count_nonzero() == 0
    sparse = block(problem.x, problem.edge_index, problem.edge_weight)
    assert_close(dense[mask], sparse, **EXACT)


def test_a_fully_adjacent_layer_is_the_last_one_alone():
    problem = make_problem((6, 4), weights="none")
    block = make_block(fully_adjacent=True, batch_norm=False)
    out = block(problem.x, problem.edge_index, batch=problem.batch, batch_size=2)
    assert_close(out[:, :10], make_block(batch_norm=False)(problem.x, problem.edge_index)[:, :10])
    complete = torch.block_diag(torch.ones(6, 6), torch.ones(4, 4)).nonzero().t()
    last = block.convs[2](out[:, 5:10], complete).relu()
    assert_close(out[:, 10:], last, **EXACT)
    with pytest.raises(ValueError, match=r"^batch: expected the graph of each row"):
        block(problem.x, problem.edge_index)


def test_dropout_acts_in_training_only():
    block = make_block(dropout=0.5)
    problem = make_problem((6,), weights="none")
    arguments = problem.x, problem.edge_index
    assert not torch.equal(block(*arguments), block(*arguments))
    block.eval()
    assert torch.equal(block(*arguments), block(*arguments))


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_dropout_acts_on_what_later_layers_convolve_and_returns_whole_rows(batch_norm, residual):
    """All of it set to zero: later layers see nothing, the first one's rows stay as they are."""
    torch.manual_seed(2)
    options = {"batch_norm": batch_norm, "residual": residual}
    block = GNNBlock(2, 5, 5, 3, dropout=1.0, **options).double()
    problem = make_problem((6, 3))
    out = block(problem.x, problem.edge_index, problem.edge_weight)
    rows = block.convs[0](problem.x, problem.edge_index, problem.edge_weight).clamp(min=0)
    if batch_norm:
        rows = (rows - rows.mean(0)) / (rows.var(0, unbiased=False) + 1e-5).sqrt()
    expected = [rows]
    for conv in block.convs[1:]:
        bias = conv.lin_l.bias / conv.lin_l.bias.norm()
        # Rows that are all equal are zero after batch normalisation.
        seen = rows * 0 if batch_norm else bias.clamp(min=0).expand_as(rows)
        expected.append(seen + expected[-1] if residual else seen)
    assert_close(out, torch.cat(expected, 1), **EXACT)


def test_reset_parameters_forgets_weights_and_statistics():
    block = make_block()
    problem = make_problem((6,), weights="none")
    block(problem.x, problem.edge_index)
    weight = block.convs[0].lin_l.weight.clone()
    block.reset_parameters()
    assert not torch.equal(block.convs[0].lin_l.weight, weight)
    for name, buffer in block.named_buffers():
        if name.endswith("running_mean"):
            assert buffer.count_nonzero() == 0


@pytest.mark.parametrize("fully_adjacent", [False, True])
def test_levels_agree_for_aggregations_without_closed_form(fully_adjacent):
    problem = make_problem((6, 0, 1, 4), weights="positive", duplicates=False)
    options = {"aggr_kwargs": {"learn": True}, "fully_adjacent": fully_adjacent}
    block = make_block(aggr="softmax", **options)
    x, mask = problem.to_dense(problem.x, 8, fill=3.0)
    graphs = {"batch": problem.batch, "batch_size": problem.batch_size}
    sparse = block(problem.x, problem.edge_index, problem.edge_weight, **graphs)
    block = make_block(aggr="softmax", **options)
    dense = block(x, problem.to_dense_adjacency(max_num_nodes=8, fill=2.0), mask=mask)
    assert_close(dense[mask], sparse, **EXACT)
    gradients = torch.autograd.grad(projection(dense[mask]), list(block.parameters()))
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_each_layer_has_its_own_copy_of_an_aggregation():
    learned = SoftmaxAggregation(learn=True)
    for aggr in (learned, ["mean", learned]):
        block = make_block(aggr=aggr)
        names = [n for n, _ in block.named_parameters() if n.endswith(".t")]
        assert len(names) == 3
        assert all(conv.aggr_module is not learned for conv in block.convs)


@pytest.mark.parametrize(
    ("name", "options"), [("jump", {"jump": "lstm"}), ("aggr", {"aggr": "medium"})]
)
def test_bad_settings_name_the_argument(name, options):
    with pytest.raises(ValueError, match=name):
        make_block(**options)
    for name in ("residual", "fully_adjacent"):
        with pytest.raises(TypeError, match=f"^{name}: expected True or False, got 1"):
            make_block(**{name: 1})
    with pytest.raises(ValueError, match="num_layers"):
        GNNBlock(2, 5, 4, 0)
