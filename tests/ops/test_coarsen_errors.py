"""Bad input to ``coarsen`` gets an error that names the argument."""

import pytest
import torch

from pyg_diffpool import coarsen, prepare_adjacency

NAN, INFINITY = float("nan"), float("inf")


def arguments(**changes):
    good = {
        "x": torch.randn(5, 2),
        "s": torch.rand(5, 3),
        "edge_index": torch.tensor([[0, 1, 3], [1, 2, 4]]),
        "edge_weight": torch.ones(3),
        "batch": torch.tensor([0, 0, 0, 1, 1]),
        "batch_size": 2,
    }
    return {**good, **changes}


def edge(source: int, target: int) -> torch.Tensor:
    return torch.tensor([[0, 1, source], [1, 2, target]])


def test_the_unchanged_arguments_are_good():
    assert coarsen(**arguments()).adj.shape == (2, 3, 3)


BAD_VALUES = [
    ("batch", {"batch": torch.tensor([0, 1, 0, 1, 1])}),
    ("batch", {"batch": torch.tensor([-1, 0, 0, 1, 1])}),
    ("batch_size|batch", {"batch_size": 1}),
    ("edge_index", {"edge_index": edge(2, 3)}),
    ("edge_index", {"edge_index": edge(3, 5)}),
    ("edge_index", {"edge_index": edge(-1, 0)}),
    ("edge_weight", {"edge_weight": torch.tensor([1.0, NAN, 1.0])}),
    ("edge_weight", {"edge_weight": torch.tensor([1.0, INFINITY, 1.0])}),
    ("max_num_nodes", {"max_num_nodes": 2}),
]
BAD_SHAPES_AND_TYPES = [
    ("s", {"s": torch.rand(4, 3)}),
    ("s", {"s": torch.rand(5, 0)}),
    ("s", {"s": torch.rand(5)}),
    ("s", {"s": torch.ones(5, 3, dtype=torch.long)}),
    ("x|s|batch", {"x": torch.randn(6, 2)}),
    ("x", {"x": torch.randn(5)}),
    ("x", {"x": [1.0, 2.0]}),
    ("batch", {"batch": torch.tensor([0, 0, 1])}),
    ("batch", {"batch": torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0])}),
    ("edge_index", {"edge_index": torch.tensor([[0, 1, 3], [1, 2, 4]]).float()}),
    ("edge_index", {"edge_index": torch.tensor([0, 1, 3])}),
    ("edge_index", {"edge_index": torch.zeros(3, 4, dtype=torch.long)}),
    ("edge_index", {"edge_index": torch.eye(4).to_sparse_csr(), "edge_weight": None}),
    ("edge_weight", {"edge_weight": torch.ones(2)}),
    ("edge_weight", {"edge_weight": torch.ones(3, 2)}),
    ("edge_weight", {"edge_index": torch.eye(5).to_sparse_csr()}),
    ("edge_weight", {"edge_index": torch.eye(5).to_sparse_coo()}),
    ("edge_weight", {"edge_index": prepare_adjacency(edge(3, 4), num_nodes=5)}),
    ("backend", {"backend": "dense"}),
]


@pytest.mark.parametrize(("name", "changes"), BAD_VALUES + BAD_SHAPES_AND_TYPES)
def test_bad_input_names_the_argument(name, changes):
    with pytest.raises((ValueError, TypeError), match=rf"\b({name})\b"):
        coarsen(**arguments(**changes))


@pytest.mark.parametrize(("name", "changes"), BAD_SHAPES_AND_TYPES)
def test_shapes_and_types_are_checked_always(name, changes):
    with pytest.raises((ValueError, TypeError), match=rf"\b({name})\b"):
        coarsen(**arguments(**changes), validate=False)


def test_validate_false_skips_the_checks_of_values():
    weights = torch.tensor([1.0, NAN, 1.0])
    result = coarsen(**arguments(edge_weight=weights), validate=False)
    assert result.adj[0].isnan().any()
    assert result.adj[1].isfinite().all()


def test_validate_true_checks():
    with pytest.raises(ValueError, match="edge_weight"):
        coarsen(**arguments(edge_weight=torch.tensor([1.0, NAN, 1.0])), validate=True)


@pytest.mark.parametrize("layout", ["csr", "csc", "coo"])
def test_sparse_layouts_with_bad_values(layout):
    across = torch.sparse_coo_tensor(torch.tensor([[0], [3]]), torch.ones(1), (5, 5)).coalesce()
    adjacency = {"coo": across, "csr": across.to_sparse_csr(), "csc": across.to_sparse_csc()}
    with pytest.raises(ValueError, match="edge_index"):
        coarsen(**arguments(edge_index=adjacency[layout], edge_weight=None))


DENSE_ERRORS = [
    ("mask", {"mask": torch.ones(2, 3, dtype=torch.bool)}),
    ("mask", {"mask": torch.ones(2, 4, 1, dtype=torch.bool)}),
    ("adj|edge_index", {"edge_index": torch.rand(2, 4, 3)}),
    ("adj|edge_index", {"edge_index": torch.rand(3, 4, 4)}),
    ("adj|edge_index", {"edge_index": torch.full((2, 4, 4), NAN)}),
    ("s", {"s": torch.rand(2, 3, 3)}),
    ("s", {"s": torch.rand(2, 4, 0)}),
    ("s", {"s": torch.rand(3, 3)}),
    ("edge_weight", {"edge_weight": torch.ones(3)}),
    ("batch", {"batch": torch.zeros(8, dtype=torch.long)}),
]


@pytest.mark.parametrize(("name", "changes"), DENSE_ERRORS)
def test_bad_dense_levels(name, changes):
    good = {"x": torch.randn(2, 4, 2), "s": torch.rand(2, 4, 3), "edge_index": torch.rand(2, 4, 4)}
    assert coarsen(**good).x.shape == (2, 3, 2)
    with pytest.raises((ValueError, TypeError), match=rf"\b({name})\b"):
        coarsen(**{**good, **changes})
