"""Shares of the graphs among processes: equally many for each, none left out."""

import pytest
import torch
from torch import distributed

from pyg_diffpool.process_share import check_shard, divide_batches, place, share, share_size


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


@pytest.mark.parametrize("count", [0, 1, 5, 6, 7, 12])
@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("batch_size", [3, 5])
def test_each_batch_is_divided_and_weights_add_up(count, processes, batch_size):
    order = torch.arange(count).flip(0)
    batches = []
    for rank in range(processes):
        own = []
        for graphs, size, weight in divide_batches(order, batch_size, rank, processes):
            own += [(part.tolist(), weight) for part in graphs.split(size)]
        batches.append(own)
    assert {len(own) for own in batches} == {-(-count // batch_size)}
    for joint, parts in zip(order.split(batch_size), zip(*batches, strict=True), strict=False):
        # The weighted means' mean is the mean over the batch.
        mean = sum(weight * sum(part) / len(part) for part, weight in parts) / processes
        assert mean == pytest.approx(float(joint.float().mean()))
        dealt = [graph for part, weight in parts if weight > 0 for graph in part]
        assert sorted(dealt) == sorted(joint.tolist())
        sizes = [len(part) for part, weight in parts if weight > 0]
        assert max(sizes) - min(sizes) <= 1
        assert all(len(part) == 1 for part, weight in parts if weight == 0)


def test_a_batch_needs_a_graph_for_each_process():
    with pytest.raises(ValueError, match="one graph for each of 3 processes, got 2"):
        divide_batches(torch.arange(6), 2, 0, 3)


def test_the_choices_of_shares():
    for shard in (True, False, None, "batch"):
        check_shard(shard)
    with pytest.raises(ValueError, match="shard: expected True, False, 'batch' or None, got 'bat'"):
        check_shard("bat")
    with pytest.raises(TypeError, match="shard: expected True, False, 'batch' or None, got "):
        check_shard(2)
