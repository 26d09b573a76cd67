"""Shares of the graphs among processes: equally many for each, none left out."""

import pytest
import torch
from torch import distributed

from pyg_diffpool.process_share import place, share, share_size


@pytest.fixture
def three_processes(monkeypatch):
    """Make this process look like the second of three."""
    monkeypatch.setattr(distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(distributed, "get_world_size", lambda: 3)
    monkeypatch.setattr(distributed, "get_rank", lambda: 1)


@pytest.mark.parametrize("shard", [None, True, False])
def test_a_process_alone_is_the_only_one(shard):
    assert place(shard) == (0, 1)


def test_one_of_several_must_say_whether_it_shares(three_processes):
    assert place(True) == (1, 3)
    assert place(False) == (0, 1)
    with pytest.raises(RuntimeError, match="expected a choice of shard in one of 3 processes"):
        place(None)


def test_without_torchs_processes_there_is_one(monkeypatch):
    monkeypatch.setattr(distributed, "is_available", lambda: False)
    assert place(True) == place(None) == (0, 1)


@pytest.mark.parametrize("count", [0, 1, 2, 5, 6, 7])
@pytest.mark.parametrize("processes", [1, 2, 3, 4])
@pytest.mark.parametrize("drop_last", [True, False])
def test_shares_by_dealing_graphs_in_turn(count, processes, drop_last):
    order = torch.arange(count).flip(0)
    dealt = order.tolist()
    if processes > 1 and count > 0:
        if drop_last:
            dealt = dealt[: count - count % processes]
        else:
            while len(dealt) % processes:
                dealt.append(dealt[len(dealt) - count])
    shares = [share(order, rank, processes, drop_last).tolist() for rank in range(processes)]
    assert shares == [dealt[rank::processes] for rank in range(processes)]
    assert {len(part) for part in shares} == {share_size(count, processes, drop_last)}
    if not drop_last:
        assert {graph for part in shares for graph in part} == set(range(count))
