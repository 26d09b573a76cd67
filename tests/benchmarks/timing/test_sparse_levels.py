"""Networks with sparse and with padded levels: equal settings, equal losses, rows."""

import pytest
import torch
from torch_geometric.data import Batch

from benchmarks.timing import sparse_levels
from benchmarks.timing.epoch_data import EpochData
from benchmarks.timing.limited_process import OUT_OF_MEMORY
from benchmarks.timing.sparse_levels import (
    CONTENDERS,
    choose_batches,
    make_network,
    measure_levels,
    sparse_level_rows,
    uncapped,
)
from pyg_diffpool.datasets import CommunityChains


def small_data() -> EpochData:
    graphs = list(CommunityChains(num_graphs=6, length=2))
    largest = max(graph.num_nodes for graph in graphs)
    return EpochData(graphs, largest, 3, [4, 2])


def test_contenders_have_the_same_weights_and_losses():
    data = small_data()
    batch = Batch.from_data_list(data.graphs)
    for sparse, padded in zip(CONTENDERS[::2], CONTENDERS[1::2], strict=True):
        networks = [make_network(data, name, seed=0).eval() for name in (sparse, padded)]
        assert [pool.sparse_level for net in networks for pool in net.pools] == [True] * 2 + [
            False
        ] * 2
        assert networks[0].pools[0].max_clusters == uncapped(data)[0]
        outs = [net(batch.x, batch.edge_index, batch=batch.batch) for net in networks]
        torch.testing.assert_close(outs[0].logits, outs[1].logits, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(outs[0].loss, outs[1].loss, rtol=1e-3, atol=1e-4)


def test_one_batch_has_the_largest_graph(monkeypatch):
    monkeypatch.setattr(sparse_levels, "BATCH_SIZE", 2)
    data = small_data()
    first, second = choose_batches(data, 2, seed=3)
    assert max(graph.num_nodes for graph in first.to_data_list()) == data.largest
    assert first.num_graphs == second.num_graphs == 2
    assert len(choose_batches(data, 9, seed=3)) == 3


@pytest.mark.parametrize("contender", CONTENDERS[:2])
def test_what_is_measured(contender):
    told = []
    row = measure_levels(
        lambda: told.append(1), small_data, contender, 2, 0, torch.get_num_threads()
    )
    assert told == [1]
    assert row["quartile_1_ms"] <= row["median_ms"] <= row["quartile_3_ms"]
    assert row["batches"] == 1
    assert row["clusters"] == uncapped(small_data())
    sparse = contender.startswith("sparse")
    assert ("clusters_of_a_node" in row) == ("edges" in row) == sparse
    if sparse:
        assert 1 <= row["clusters_of_a_node"] <= row["clusters"][0]
        assert len(row["edges"]) == 2


def test_a_process_that_dies_leaves_a_note():
    (row,) = sparse_level_rows("small", small_data, CONTENDERS[:1], 1, 0, 0.05, 60.0)
    assert row == {"set": "small", "contender": CONTENDERS[0], "note": OUT_OF_MEMORY}
