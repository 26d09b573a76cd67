"""Arguments of the wrong kind, for every public function: the error names them and what came."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close
from torch_geometric import EdgeIndex
from torch_geometric.nn import dense_diff_pool as pyg_dense_diff_pool

from pyg_diffpool import (
    DiffPool,
    DiffPoolNet,
    SAGEConv,
    assignment_entropy,
    coarsen,
    dense_diff_pool,
    diff_pool,
    link_prediction_loss,
    prepare_adjacency,
)

X = torch.ones(3, 2)
S = torch.full((3, 2), 0.5)
EDGES = torch.tensor([[0, 1], [1, 0]])
BATCH = torch.tensor([0, 0, 1])
DENSE = {
    "x": torch.ones(2, 3, 2),
    "s": torch.full((2, 3, 2), 0.5),
    "edge_index": torch.ones(2, 3, 3),
}


def pool(**given):
    return DiffPool(SAGEConv(2, 4), SAGEConv(2, 2), max_clusters=2)(**given)


def net(**given):
    return DiffPoolNet(2, 4, 2, max_clusters=[2])(**given)


TAKES = {
    "coarsen": (coarsen, {"x", "s", "edge_index", "edge_weight", "batch", "batch_size"}),
    "diff_pool": (diff_pool, {"x", "s", "edge_index", "edge_weight", "batch", "batch_size"}),
    "link": (link_prediction_loss, {"s", "edge_index", "edge_weight", "batch", "batch_size"}),
    "entropy": (assignment_entropy, {"s", "batch", "batch_size"}),
    "DiffPool": (pool, {"x", "edge_index", "edge_weight", "batch", "batch_size"}),
    "DiffPoolNet": (net, {"x", "edge_index", "edge_weight", "batch", "batch_size"}),
}
GOOD = {
    "x": X,
    "s": S,
    "edge_index": EDGES,
    "edge_weight": torch.ones(2),
    "batch": BATCH,
    "batch_size": 2,
}
WRONG = [
    ("edge_weight", [1.0, 1.0], TypeError, "edge_weight: expected a tensor, got list"),
    ("edge_weight", np.ones(2), TypeError, "edge_weight: expected a tensor, got ndarray"),
    ("edge_weight", 1.0, TypeError, "edge_weight: expected a tensor, got 1.0"),
    ("edge_weight", "ones", TypeError, "edge_weight: expected a tensor, got 'ones'"),
    ("edge_weight", torch.ones(3), ValueError, "edge_weight: expected one weight for each of the"),
    ("edge_weight", torch.tensor([1, 1]), TypeError, "edge_weight: expected a floating point"),
    ("edge_weight", torch.tensor([1.0, torch.inf]), ValueError, "edge_weight: expected finite"),
    ("batch", [0, 0, 1], TypeError, "batch: expected a tensor or None, got list"),
    ("batch", np.array([0, 0, 1]), TypeError, "batch: expected a tensor or None, got ndarray"),
    ("batch", 0, TypeError, "batch: expected a tensor or None, got 0"),
    ("batch", BATCH.float(), TypeError, "batch: expected an integer dtype, got torch.float32"),
    ("batch", BATCH[:2], ValueError, "batch: expected one graph for each of the 3 nodes"),
    ("batch", BATCH.flip(0), ValueError, "batch: expected a sorted vector"),
    ("batch", torch.tensor([0, 0, 10**9]), ValueError, "batch: expected graphs "),
    ("batch_size", -1, ValueError, "batch_size: expected at least 0, got -1"),
    ("batch_size", 2.0, TypeError, "batch_size: expected an integer, got 2.0"),
    ("batch_size", "2", TypeError, "batch_size: expected an integer, got '2'"),
    ("batch_size", True, TypeError, "batch_size: expected an integer, got True"),
    ("batch_size", 10**30, ValueError, "batch_size: expected at most"),
    ("x", [[1.0, 1.0]] * 3, TypeError, "x: expected a tensor, got list"),
    ("x", X.long(), TypeError, "x: expected a floating point dtype, got torch.int64"),
    ("x", X[0], ValueError, "x: expected .* dimensions, got shape"),
    ("s", S.numpy(), TypeError, "s: expected a tensor, got ndarray"),
    ("s", S[:2], ValueError, "(s|batch|edge_index): expected"),
    ("s", S[:, :0], ValueError, "s: expected at least one cluster"),
    ("edge_index", EDGES.tolist(), TypeError, "edge_index: expected a tensor of shape"),
    ("edge_index", EDGES.numpy(), TypeError, "edge_index: expected a tensor of shape"),
    ("edge_index", EDGES.float(), TypeError, "edge_index: expected (an integer dtype|edges)"),
    ("edge_index", EDGES.t()[:1], ValueError, r"edge_index: expected shape \[2, E\], got"),
    ("edge_index", EDGES + 2, ValueError, "edge_index: expected indices from 0 to 2, got 2 to 3"),
    ("edge_index", None, TypeError, "edge_index: expected a tensor of shape"),
]


@pytest.mark.parametrize("function", TAKES)
@pytest.mark.parametrize(("name", "value", "error", "message"), WRONG)
def test_what_is_wrong_is_named(function, name, value, error, message):
    call, takes = TAKES[function]
    if name not in takes:
        return
    given = {key: GOOD[key] for key in takes if key != "batch_size"}
    if name == "edge_weight" and "x" not in takes:
        given["s"] = S
    with pytest.raises(error, match=f"^{message}"):
        call(**{**given, name: value})


@pytest.mark.parametrize("function", ["coarsen", "diff_pool", "DiffPool", "DiffPoolNet", "link"])
@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (-1, ValueError, "max_num_nodes: expected at least 0, got -1"),
        (3.5, TypeError, "max_num_nodes: expected an integer, got 3.5"),
        (1, ValueError, "max_num_nodes: expected at least 2, the nodes of the largest graph"),
    ],
)
def test_widths_that_are_none_are_named(function, value, error, message):
    call, takes = TAKES[function]
    given = {key: GOOD[key] for key in takes}
    with pytest.raises(error, match=message):
        call(**given, max_num_nodes=value)


def test_numpy_integers_are_sizes():
    given = {"x": X, "s": S, "edge_index": EDGES, "batch": BATCH}
    out = coarsen(**given, batch_size=np.int64(2), max_num_nodes=np.int32(2))
    assert_close(out, coarsen(**given))


@pytest.mark.parametrize("function", [coarsen, diff_pool])
def test_what_belongs_to_the_other_kind_of_level_is_refused(function):
    with pytest.raises(ValueError, match="mask: expected None on a sparse level"):
        function(X, S, EDGES, mask=torch.ones(3, dtype=torch.bool))
    for name, value in (("batch", BATCH), ("edge_weight", torch.ones(2))):
        with pytest.raises(ValueError, match=f"{name}: expected None on a dense level, got a tens"):
            function(**DENSE, **{name: value})
    with pytest.raises(ValueError, match="batch_size: expected None or 2 on this dense level"):
        function(**DENSE, batch_size=3)
    with pytest.raises(TypeError, match=r"edge_index: expected adjacency matrices \[B, N, N\]"):
        function(DENSE["x"], DENSE["s"], EDGES)
    with pytest.raises(TypeError, match=r"edge_index: expected edges .* got a dense adjacency"):
        function(X, S, torch.ones(3, 3))


def test_a_batch_vector_or_a_mask_of_another_level_has_no_entropy():
    with pytest.raises(ValueError, match="mask: expected None on a sparse level"):
        assignment_entropy(S, mask=torch.ones(3, dtype=torch.bool))
    with pytest.raises(ValueError, match="batch: expected None on a dense level"):
        assignment_entropy(DENSE["s"], BATCH)
    with pytest.raises(ValueError, match=r"mask: expected shape \[2, 3\]"):
        assignment_entropy(DENSE["s"], mask=torch.ones(2, 2, dtype=torch.bool))


@pytest.mark.parametrize(
    "function",
    [
        lambda s, **given: assignment_entropy(s, **given),
        lambda s, **given: link_prediction_loss(s, EDGES, **given),
    ],
)
def test_rows_that_are_no_probabilities_are_refused(function):
    for bad in (torch.tensor([2.0, -1.0]), torch.tensor([0.5, 0.6]), torch.tensor([-0.5, 1.5])):
        with pytest.raises(ValueError, match=r"s: expected probabilities.* got row 2 from"):
            function(torch.stack([S[0], S[1], bad]))
        assert function(torch.stack([S[0], S[1], bad]), validate=False).dim() == 0
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        function(torch.randn(3, 50).softmax(-1).to(dtype))


def test_masks_of_numbers_are_truth_values_or_refused():
    truth = torch.tensor([[True, True, False], [True, False, False]])
    expected = coarsen(**DENSE, mask=truth)
    for dtype in (torch.float32, torch.int64, torch.uint8):
        assert_close(coarsen(**DENSE, mask=truth.to(dtype)), expected)
    with pytest.raises(ValueError, match=r"mask: expected True and False, or 1 and 0.* got 0.5"):
        coarsen(**DENSE, mask=0.5 * truth.float())
    for wrong in ([[True] * 3] * 2, truth.numpy(), "all"):
        with pytest.raises(TypeError, match="mask: expected a boolean tensor, got"):
            coarsen(**DENSE, mask=wrong)


SHAPES = {
    "one adjacency": ((4, 5, 3), (1, 5, 5), (4, 5, 2)),
    "one adjacency, plain": ((4, 5, 3), (5, 5), (4, 5, 2)),
    "one assignment": ((4, 5, 3), (4, 5, 5), (5, 2)),
    "one assignment and adjacency": ((4, 5, 3), (1, 5, 5), (1, 5, 2)),
    "one graph": ((5, 3), (5, 5), (5, 2)),
}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", SHAPES)
def test_dense_levels_broadcast_as_pyg_does(name, masked):
    x, adj, s = (torch.rand(shape, dtype=torch.float64) for shape in SHAPES[name])
    batch = x.size(0) if x.dim() == 3 else 1
    mask = torch.rand(batch, 5) < 0.7 if masked and s.dim() == 3 and s.size(0) == batch else None
    ours = dense_diff_pool(x, adj, s, mask)
    for mine, theirs in zip(ours, pyg_dense_diff_pool(x, adj, s, mask), strict=True):
        assert_close(mine, theirs)
    if x.dim() == 3:
        same = [part.expand(batch, *part.shape[-2:]) for part in (x, s, adj)]
        assert_close(coarsen(x, s, adj), coarsen(*same))


def test_the_size_that_an_edge_index_states_is_heeded():
    edges = EdgeIndex([[0, 1], [1, 0]], sparse_size=(9, 9))
    assert prepare_adjacency(edges).num_nodes == 9
    with pytest.raises(
        ValueError, match=r"edge_index: expected sparse_size \(3, 3\), got \(9, 9\)"
    ):
        coarsen(X, S, edges)
    with pytest.raises(ValueError, match="edge_index: expected nodes numbered from 0 on"):
        prepare_adjacency(torch.tensor([[0], [10**12]]))


def test_summed_duplicates_do_not_widen_features():
    duplicates = torch.tensor([[0, 0, 1], [1, 1, 0]])
    torch.set_default_dtype(torch.float64)
    try:
        out = coarsen(X, S, duplicates)
    finally:
        torch.set_default_dtype(torch.float32)
    assert out.adj.dtype == out.x.dtype == torch.float32
    assert out.adj.sum() == 3.0
