"""Distinct keys, by a table and by sorting, against torch.unique."""

import pytest
import torch

from pyg_diffpool.ops import grouping
from pyg_diffpool.ops.grouping import group_keys, starts_of_runs

GENERATOR = torch.Generator().manual_seed(0)
KEYS = {
    "repeated": torch.randint(0, 20, (50,), generator=GENERATOR),
    "distinct": torch.randperm(30, generator=GENERATOR),
    "equal": torch.full((4,), 7),
    "none": torch.zeros(0, dtype=torch.long),
}


@pytest.mark.parametrize("table", [0, 100])
@pytest.mark.parametrize("name", KEYS)
def test_both_ways(name, table, monkeypatch):
    monkeypatch.setattr(grouping, "SMALL_TABLE", table)
    monkeypatch.setattr(grouping, "TABLE_PER_KEY", 0)
    found = group_keys(KEYS[name], bound=30)
    keys, group = torch.unique(KEYS[name], return_inverse=True)
    assert torch.equal(found.keys, keys)
    assert torch.equal(found.group.long(), group)


def test_a_long_table_is_not_made_for_few_keys():
    assert group_keys(torch.tensor([2**50, 3]), bound=2**60).keys.tolist() == [3, 2**50]


@pytest.mark.parametrize("name", KEYS)
def test_runs_start_where_keys_change(name):
    ordered = KEYS[name].sort().values.tolist()
    expected = [number == 0 or ordered[number - 1] != key for number, key in enumerate(ordered)]
    assert starts_of_runs(KEYS[name].sort().values).tolist() == expected
