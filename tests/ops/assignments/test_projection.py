"""Both projections against bisection and against the library ``entmax``."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.func import jacfwd, jacrev, vmap
from torch.testing import assert_close
from torch_geometric.testing import withPackage

from pyg_diffpool.ops.assignments.projection import entmax15, sparsemax
from tests.ops.assignments.oracle import projection_oracle, some_logits
from tests.problems import leaf, projection

PROJECTIONS = [(sparsemax, 1), (entmax15, 2)]
NAMES = [project.__name__ for project, _ in PROJECTIONS]
EACH = pytest.mark.parametrize("project", [project for project, _ in PROJECTIONS], ids=NAMES)


@pytest.mark.parametrize(("project", "power"), PROJECTIONS, ids=NAMES)
def test_values(project, power):
    logits = some_logits()
    assert_close(project(logits), projection_oracle(logits, power), rtol=1e-10, atol=1e-10)


@EACH
def test_values_do_not_depend_on_a_constant_or_on_leading_dimensions(project):
    logits = some_logits()
    assert_close(project(logits + 3), project(logits), rtol=1e-10, atol=1e-10)
    assert_close(project(logits.view(8, 5, -1)).view_as(logits), project(logits))


@EACH
def test_some_entries_are_zero_and_some_rows_have_all(project):
    count = (project(some_logits()) > 0).sum(1)
    assert count.min() == 1
    assert count.max() == 7


@EACH
def test_gradients_of_first_and_second_order(project):
    logits = leaf(some_logits(rows=12).clamp(min=-9))
    assert gradcheck(project, logits)
    assert gradgradcheck(project, logits)


@EACH
def test_function_transforms(project):
    logits = some_logits(rows=6).clamp(min=-9)
    jacobian = torch.stack([torch.autograd.functional.jacobian(project, row) for row in logits])
    assert_close(vmap(jacrev(project))(logits), jacobian)
    assert_close(vmap(jacfwd(project))(logits), jacobian)


@withPackage("entmax")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@EACH
def test_values_and_gradients_of_another_library(project, dtype):
    import entmax

    theirs = getattr(entmax, project.__name__)
    slopes, values = [], []
    for function in (project, lambda z: theirs(z, dim=-1)):
        logits = leaf(some_logits().clamp(min=-9), dtype)
        value = function(logits)
        values.append(value)
        slopes.append(torch.autograd.grad(projection(value), logits)[0])
    assert_close(values[0], values[1])
    assert_close(slopes[0], slopes[1])
