"""Checks of arguments: what passes, what does not, and how the error tells what came."""

import numpy as np
import pytest
import torch

from pyg_diffpool.ops.validation import (
    LARGEST_SIZE,
    check_assignment,
    check_choice,
    check_clusters,
    check_distributions,
    check_edges,
    check_finite,
    check_flag,
    check_floating,
    check_probabilities,
    check_tensor,
    kind,
    read_size,
    values_checked,
    values_seen,
)
from tests.problems import LargestTensor

ROW = torch.tensor([[0.25, 0.75], [1.0, 0.0]])


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (torch.ones(2, 3), r"a tensor of torch.float32 and shape (2, 3)"),
        (None, "None"),
        ("paper", "'paper'"),
        (2.5, "2.5"),
        (True, "True"),
        ([1.0] * 1000, "list"),
        (np.ones(2), "ndarray"),
    ],
)
def test_what_came_is_told_shortly(value, told):
    assert kind(value) == told


def test_values_are_looked_at_on_the_cpu_unless_told_otherwise():
    assert [values_checked(ROW, validate) for validate in (None, True, False)] == [
        True,
        True,
        False,
    ]
    assert values_seen(ROW, None)
    assert not values_seen(ROW, False)
    with LargestTensor():
        assert values_checked(ROW, None)
        assert not values_seen(ROW, True)


def test_values_that_are_vmapped_over_are_not_looked_at():
    seen = []
    torch.func.vmap(lambda row: seen.append(values_checked(row, True)) or row)(ROW)
    assert seen == [False]


def test_a_tensor_is_a_tensor():
    check_tensor("mask", ROW)
    with pytest.raises(TypeError, match=r"^mask: expected a tensor, got 1$"):
        check_tensor("mask", 1)
    with pytest.raises(TypeError, match=r"^mask: expected a boolean tensor, got None$"):
        check_tensor("mask", None, "a boolean tensor")


def test_choices():
    for value in ("mean", None):
        check_choice("reduction", value, ("mean", None))
    for value, told in (("sum", "'sum'"), (1, "1"), (["mean"], "list")):
        with pytest.raises(
            ValueError, match=f"^reduction: expected one of 'mean', None, got {told}$"
        ):
            check_choice("reduction", value, ("mean", None))
    with pytest.raises(ValueError, match=r"got None$"):
        check_choice("reduction", None, ("mean",))


def test_flags():
    for value in (True, False):
        check_flag("validate", value)
    check_flag("validate", None, optional=True)
    with pytest.raises(TypeError, match=r"^validate: expected True or False, got None$"):
        check_flag("validate", None)
    for value in (1, "yes", torch.tensor(True)):
        with pytest.raises(TypeError, match=r"^validate: expected True, False or None, got "):
            check_flag("validate", value, optional=True)


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), torch.tensor(3)])
def test_integers_of_every_kind_are_sizes(value):
    size = read_size("batch_size", value)
    assert size == 3
    assert type(size) is int


@pytest.mark.parametrize("value", [3.0, "3", None, True, torch.tensor(True), torch.tensor(3.0)])
def test_what_is_no_size(value):
    with pytest.raises(TypeError, match=r"^batch_size: expected an integer, got "):
        read_size("batch_size", value)


def test_sizes_have_bounds():
    assert read_size("n", 0) == 0
    assert read_size("n", 2, least=2) == 2
    assert read_size("n", LARGEST_SIZE) == LARGEST_SIZE
    for value, least, told in (
        (-1, 0, "at least 0, got -1"),
        (1, 2, "at least 2, got 1"),
        (LARGEST_SIZE + 1, 0, f"at most {LARGEST_SIZE}, got {LARGEST_SIZE + 1}"),
    ):
        with pytest.raises(ValueError, match=f"^n: expected {told}$"):
            read_size("n", value, least)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_floating_tensors(dtype):
    check_floating("x", ROW.to(dtype), 2)
    check_floating("x", ROW.to(dtype), (2, 3))


@pytest.mark.parametrize(
    ("value", "dims", "error", "told"),
    [
        (ROW[0], 2, ValueError, r"expected 2 dimensions, got shape \(2,\)"),
        (ROW[0], (2, 3), ValueError, r"expected 2 or 3 dimensions, got shape \(2,\)"),
        (ROW.long(), 2, TypeError, "expected a floating point dtype, got torch.int64"),
        (ROW.cfloat(), 2, TypeError, "expected a floating point dtype, got torch.complex64"),
        (
            ROW.to_sparse(),
            2,
            TypeError,
            "expected a dense tensor, got one of layout torch.sparse_c",
        ),
        ([1.0], 2, TypeError, "expected a tensor, got list"),
    ],
)
def test_what_is_no_floating_tensor(value, dims, error, told):
    with pytest.raises(error, match=f"^x: {told}"):
        check_floating("x", value, dims)


def test_an_assignment_has_a_row_for_each_node_and_a_cluster():
    check_assignment(ROW, (2,))
    check_assignment(ROW.unsqueeze(0), (1, 2))
    check_clusters(ROW[:, :1])
    with pytest.raises(ValueError, match=r"^s: expected one row for each node, shape \[3, 'K'\]"):
        check_assignment(ROW, (3,))
    for check in (lambda s: check_assignment(s, (2,)), check_clusters):
        with pytest.raises(ValueError, match=r"^s: expected at least one cluster .* \(2, 0\)"):
            check(ROW[:, :0])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_rows_of_a_softmax_are_probabilities(dtype):
    generator = torch.Generator().manual_seed(0)
    s = torch.randn(200, 30, generator=generator, dtype=torch.float64).softmax(-1)
    check_distributions(s.to(dtype), None)
    check_distributions(s.to(dtype).view(20, 10, 30), None)


@pytest.mark.parametrize(
    ("row", "dtype", "good"),
    [
        ([0.5, 0.5009], torch.float32, True),
        ([0.5, 0.5011], torch.float32, False),
        ([0.5, 0.4991], torch.float32, True),
        ([0.5, 0.4989], torch.float32, False),
        ([0.5, 0.515], torch.bfloat16, True),
        ([0.5, 0.53], torch.float16, False),
        ([1.0009, -0.0009], torch.float32, True),
        ([1.0011, -0.0011], torch.float32, False),
        ([1.5, -0.5], torch.float64, False),
        ([float("nan"), 1.0], torch.float32, True),
        ([0.0, 0.0], torch.float32, False),
    ],
)
def test_how_far_a_row_may_be_off(row, dtype, good):
    s = torch.tensor([[0.5, 0.5], row], dtype=dtype)
    if good:
        check_distributions(s, None)
        return
    with pytest.raises(
        ValueError, match=r"^s: expected probabilities.* got row 1 from .* with sum"
    ):
        check_distributions(s, None)
    check_distributions(s, False)


def test_padding_may_be_zero_and_what_is_masked_is_not_looked_at():
    s = torch.tensor([[[0.5, 0.5], [0.0, 0.0]], [[0.5, 0.5], [3.0, -1.0]]])
    mask = torch.tensor([[True, True], [True, False]])
    check_distributions(s, None, padded=True, mask=mask)
    with pytest.raises(ValueError, match=r"got row \[0, 1\] from 0 to 0 with sum 0"):
        check_distributions(s, None, mask=mask)
    with pytest.raises(ValueError, match=r"got row \[1, 1\] from -1 to 3 with sum 2"):
        check_distributions(s, None, padded=True)
    check_distributions(s[:, :0], None)


def test_one_assignment_for_masks_of_several_graphs_is_told_by_graph_and_row():
    s = torch.tensor([[[0.5, 0.5], [0.5, 0.6]]])
    mask = torch.tensor([[True, False], [True, True]])
    with pytest.raises(ValueError, match=r"got row \[1, 1\] from 0.5 to 0.6 with sum 1.1"):
        check_distributions(s, None, mask=mask)
    check_distributions(s, None, mask=mask[:1])


def test_edges_stay_within_the_nodes():
    source, target = torch.tensor([0, 2]), torch.tensor([1, 0])
    check_edges(source, target, None, 3, True)
    for ends, told in (
        ((source, target, 2), "from 0 to 1, got 0 to 2"),
        ((target, source, 2), "from 0 to 1, got 0 to 2"),
        ((source - 1, target, 3), "from 0 to 2, got -1 to 1"),
    ):
        first, second, nodes = ends
        with pytest.raises(ValueError, match=f"^edge_index: expected indices {told}"):
            check_edges(first, second, None, nodes, True)
        check_edges(first, second, None, nodes, False)
    nothing = source[:0]
    check_edges(nothing, nothing, None, 0, True)


def test_weights_of_edges_are_finite_numbers():
    source, target = torch.tensor([0, 1]), torch.tensor([1, 0])
    check_edges(source, target, torch.tensor([1.0, -2.0]), 2, True)
    for bad in (torch.nan, torch.inf, -torch.inf):
        weight = torch.tensor([1.0, bad])
        with pytest.raises(ValueError, match=f"^edge_weight: expected finite weights, got {bad}"):
            check_edges(source, target, weight, 2, True)
        check_edges(source, target, weight, 2, False)
        with pytest.raises(ValueError, match=f"^adj: expected finite weights, got {bad}"):
            check_finite("adj", weight)
    with pytest.raises(TypeError, match=r"^edge_weight: expected a floating point dtype"):
        check_edges(source, target, torch.tensor([1, 1]), 2, False)


def test_probabilities_lie_within_zero_and_one():
    for weight in (None, torch.empty(0), torch.tensor([0.0, 1.0]), torch.tensor([0.5])):
        check_probabilities("edge_weight", weight)
    for weight, told in (
        (torch.tensor([0.5, 1.5]), "got 0.5 to 1.5"),
        (torch.tensor([-0.25, 0.5]), "got -0.25 to 0.5"),
    ):
        with pytest.raises(ValueError, match=rf"^edge_weight: expected weights within .* {told}$"):
            check_probabilities("edge_weight", weight)


def test_weights_that_are_vmapped_over_pass_unseen():
    def check(weight):
        check_finite("edge_weight", weight)
        check_probabilities("edge_weight", weight)
        return weight

    torch.func.vmap(check)(torch.full((2, 3), torch.nan))
