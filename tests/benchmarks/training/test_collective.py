from types import SimpleNamespace

import pytest
import torch
from torch import distributed, nn

from benchmarks.data.task import BinaryTasks, Multiclass, SummedLoss
from benchmarks.training.collective import (
    average_statistics,
    everyones,
    from_first,
    is_placeholder,
    num_ranks,
    share_of,
    summed,
)


@pytest.fixture
def two_processes(monkeypatch):
    """Make this process one of two; return what the other one has, to be set."""
    other = SimpleNamespace(tensor=None, values=None)

    def gather(gathered, values):
        gathered[:] = [values, other.values]

    def broadcast(values):
        values[0] = other.values

    monkeypatch.setattr(distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(distributed, "all_reduce", lambda tensor: tensor.add_(other.tensor))
    monkeypatch.setattr(distributed, "all_gather_object", gather)
    monkeypatch.setattr(distributed, "broadcast_object_list", broadcast)
    return other


def batch_of(graphs, y=None, **more):
    return SimpleNamespace(
        batch=torch.zeros(3, dtype=torch.long),
        num_graphs=graphs,
        y=torch.zeros(graphs) if y is None else y,
        **more,
    )


def test_a_process_alone_has_everything():
    values = {"a": torch.tensor(1.0)}
    assert num_ranks() == 1
    assert summed(values) is values
    assert everyones([1, 2]) == [1, 2]
    assert from_first("b") == "b"
    layer = nn.BatchNorm1d(2)
    average_statistics(layer)
    assert layer.running_mean.tolist() == [0, 0]


def test_shares_of_graphs_and_of_labels(two_processes):
    two_processes.tensor = torch.tensor([4.0, 1.0])
    share = share_of(batch_of(3), Multiclass(2))
    assert [float(part) for part in share] == pytest.approx([3 / 7, 3 / 4, 4])
    # Two of four labels are there.
    y = torch.tensor([[0.0, torch.nan], [torch.nan, 1.0]])
    share = share_of(batch_of(2, y), BinaryTasks(2, "ap", lambda *_: 0.0))
    assert [float(part) for part in share] == pytest.approx([2 / 6, 2 / 3, 3])


def test_a_placeholder_has_no_share(two_processes):
    two_processes.tensor = torch.tensor([1.0, 1.0])
    batch = batch_of(1, loss_weight=0.0)
    assert is_placeholder(batch)
    assert not is_placeholder(batch_of(1))
    assert not is_placeholder(batch_of(1, loss_weight=0.5))
    assert [float(part) for part in share_of(batch, Multiclass(2))] == [0, 0, 1]


def test_a_batch_without_labels_has_no_share_of_them(two_processes):
    two_processes.tensor = torch.tensor([0.0, 1.0])
    y = torch.full((1, 2), torch.nan)
    share = share_of(batch_of(1, y), BinaryTasks(2, "ap", lambda *_: 0.0))
    assert [float(part) for part in share] == [0, 0.5, 2]


def test_sums_and_values_of_all(two_processes):
    two_processes.tensor = torch.tensor([10.0, 20.0])
    total = summed({"a": torch.tensor(1.0), "b": torch.tensor(2.0)})
    assert {name: float(value) for name, value in total.items()} == {"a": 11, "b": 22}
    assert summed({}) == {}
    two_processes.values = [3]
    assert everyones([1, 2]) == [1, 2, 3]
    assert from_first([0]) == [3]
    loss = SummedLoss(torch.ones(1), torch.ones(1))
    assert everyones([loss])[0].total == 1


def test_running_statistics_are_averaged_and_counts_are_left(two_processes):
    layer = nn.BatchNorm1d(2)
    layer.running_mean += 1
    two_processes.tensor = 3.0
    average_statistics(layer)
    assert layer.running_mean.tolist() == [2, 2]
    assert layer.running_var.tolist() == [2, 2]
    assert int(layer.num_batches_tracked) == 0
