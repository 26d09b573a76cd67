"""Named tuples that survive ``torch.export.save``."""

import io
from typing import NamedTuple

import torch
from torch.testing import assert_close
from torch.utils import _pytree as pytree

from pyg_diffpool.exportable import exportable
from tests.versions import exported


@exportable
class Pair(NamedTuple):
    first: torch.Tensor
    second: torch.Tensor


class Doubles(torch.nn.Module):
    def forward(self, x):
        return Pair(x, 2 * x)


def test_the_class_comes_back_unchanged():
    assert exportable.__doc__
    assert Pair(torch.ones(1), torch.ones(1))._fields == ("first", "second")
    leaves, spec = pytree.tree_flatten(Pair(1, 2))
    assert leaves == [1, 2]
    assert type(pytree.tree_unflatten(leaves, spec)) is Pair


@exported
def test_a_program_that_returns_one_is_saved_and_loaded():
    program = torch.export.export(Doubles(), (torch.ones(2),))
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    found = torch.export.load(file).module()(torch.tensor([1.0, 3.0]))
    assert type(found) is Pair
    assert_close(tuple(found), (torch.tensor([1.0, 3.0]), torch.tensor([2.0, 6.0])))
