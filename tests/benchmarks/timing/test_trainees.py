import math

import pytest
import torch
from torch_geometric.data import Data

from benchmarks.timing import epoch_data, rivals
from benchmarks.timing.epoch import train_steps
from benchmarks.timing.epoch_data import EpochData, load_epoch_data, number_of_clusters
from benchmarks.timing.rivals import PYG, TGP, TGP_INSTALLED
from benchmarks.timing.trainees import (
    OURS,
    OURS_COMPILED,
    OURS_FEW_CLUSTERS,
    OURS_LIKE_TGP,
    PYG_DROPPED,
    Options,
    contenders,
    make_trainee,
)


def path(size, target=0):
    row = torch.arange(size - 1)
    edge_index = torch.stack([torch.cat([row, row + 1]), torch.cat([row + 1, row])])
    return Data(x=torch.randn(size, 3), edge_index=edge_index, y=torch.tensor([target]))


@pytest.fixture
def data():
    graphs = [path(3 + number % 4, number % 2) for number in range(23)]
    return EpochData(graphs, 6, 2, [4, 2])


OPTIONS = Options(batch_size=5, hidden_channels=8)


def test_clusters_are_those_of_the_example():
    assert number_of_clusters(150) == [38, 10]
    assert number_of_clusters(620) == [155, 39]
    assert number_of_clusters(5748) == [100, 25]


def test_all_contenders_train_on_the_same_graphs(data, monkeypatch):
    monkeypatch.setattr(epoch_data, "DROPPED_ABOVE", 4)
    found = contenders(data)
    rivals = TGP if TGP_INSTALLED else ()
    assert set(found) == {OURS, OURS_LIKE_TGP, OURS_FEW_CLUSTERS, PYG, PYG_DROPPED, *rivals}
    for name, graphs in found.items():
        trainee = make_trainee(name, graphs, OPTIONS)
        before = [parameter.detach().clone() for parameter in trainee.network.parameters()]
        turn = train_steps(trainee, "cpu")
        assert (turn.graphs, turn.steps) == ((12, 3) if name == PYG_DROPPED else (23, 5)), name
        assert math.isfinite(turn.loss)
        few = name in (OURS_FEW_CLUSTERS, PYG_DROPPED)
        assert graphs.clusters == ([1, 1] if few else [4, 2])
        after = trainee.network.parameters()
        changed = [bool((a != b).any()) for a, b in zip(after, before, strict=True)]
        # To a single cluster there is nothing to assign.
        assert any(changed) if few else all(changed), name


def test_the_compiled_network_is_ours(data, monkeypatch, quick_compiler):
    monkeypatch.setattr(rivals, "COMPILER", "eager")
    assert OURS_COMPILED in contenders(data, compiled=True)
    batch = next(iter(make_trainee(OURS, data, OPTIONS).loader))
    logits = [make_trainee(name, data, OPTIONS).forward(batch)[0] for name in (OURS, OURS_COMPILED)]
    torch.testing.assert_close(*logits)


def test_nothing_is_dropped_where_all_graphs_are_small(data):
    assert PYG_DROPPED not in contenders(data)
    assert OURS_FEW_CLUSTERS not in contenders(data)


def test_huge_graphs_are_padded_by_batch_and_never_by_tgp(data, monkeypatch):
    dense = make_trainee(PYG, data, OPTIONS)
    monkeypatch.setattr(epoch_data, "HUGE_NODES", 5)
    assert TGP[0] not in contenders(data)
    by_batch = make_trainee(PYG, data, OPTIONS)
    by_batch.network.load_state_dict(dense.network.state_dict())
    predicted = []
    for trainee, padded in ((dense, True), (by_batch, False)):
        trainee.network.eval()
        logits, rows = [], set()
        for batch in trainee.loader:
            logits.append(trainee.forward(batch)[0])
            rows.add(batch.x.size(-2))
        predicted.append(torch.cat(logits).sort(dim=0).values)
        # The one loader pads each graph to the largest, the other holds nodes alone.
        assert (rows == {6}) == padded
    torch.testing.assert_close(*predicted)


def test_data_with_labels_as_features(tiny_data):
    data = load_epoch_data("TINY")
    assert (len(data.graphs), data.largest, data.num_features, data.num_classes) == (40, 6, 2, 2)
    assert data.clusters == [2, 1]
