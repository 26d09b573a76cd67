from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch_geometric.data import Batch, Data

from benchmarks.clusters.run_figures import levels_over_folds, measure_levels
from benchmarks.spec.errors import UsageError


def clique_pair(target):
    """Two triangles joined by an edge."""
    edges = torch.tensor([[0, 0, 1, 3, 3, 4, 2], [1, 2, 2, 4, 5, 5, 3]])
    edge_index = torch.cat([edges, edges.flip(0)], dim=1)
    return Data(x=torch.ones(6, 1), edge_index=edge_index, y=target)


class Pools(nn.Module):
    """Puts each triangle into a cluster of its own, then both into the second of two."""

    def forward(self, x, edge_index, batch):
        size = int(batch.max()) + 1
        cluster = (torch.arange(x.size(0)) % 6 >= 3).long()
        first = torch.eye(4)[cluster]
        mask = torch.tensor([[True, True, False, False]]).expand(size, -1)
        second = torch.tensor([0.25, 0.75]).expand(size, 4, 2)
        return SimpleNamespace(
            logits=torch.tensor([[1.0, 0.0]]).expand(size, -1),
            levels=[
                SimpleNamespace(assignment=first, mask=mask, losses={}),
                SimpleNamespace(assignment=second, mask=torch.ones(size, 2) > 0, losses={}),
            ],
        )


def test_levels_are_measured_over_all_batches():
    batches = [
        Batch.from_data_list([clique_pair(0), clique_pair(1)]),
        Batch.from_data_list([clique_pair(0)]),
    ]
    (first, second), accuracy = measure_levels(Pools(), batches)
    assert accuracy == pytest.approx(2 / 3)
    figures = first.figures()
    assert (figures["nodes"], figures["clusters_available"]) == (6, 2)
    assert figures["clusters_used"] == 2
    assert figures["entropy"] == 0
    assert figures["density_ratio"] == pytest.approx(15 / 7)
    assert figures["denser_share"] == 1
    assert figures["disconnected"] == 0
    assert len(first.use) == 2
    figures = second.figures()
    # Of four clusters below two are masked; both of the others prefer the second cluster here.
    assert (figures["nodes"], figures["clusters_used"]) == (2, 1)
    assert figures["effective_clusters"] == pytest.approx(4 / 3**0.75)
    assert figures["clusters_used_by_input_nodes"] == 1
    assert figures["density_ratio"] == pytest.approx(1)


def test_a_network_without_levels_is_refused():
    class Flat(nn.Module):
        def forward(self, x, edge_index, batch):
            return torch.zeros(int(batch.max()) + 1, 2)

    with pytest.raises(UsageError, match="returns its levels, got Flat"):
        measure_levels(Flat(), [Batch.from_data_list([clique_pair(0)])])


def test_a_level_counts_the_folds_that_have_it():
    folds = [
        {"levels": [{"clusters_used": 2.0, "entropy": None}]},
        {"levels": [{"clusters_used": 4.0, "entropy": 0.5}, {"clusters_used": 1.0}]},
    ]
    first, second = levels_over_folds(folds)
    assert first["clusters_used"] == {"mean": 3.0, "std": 1.0}
    assert first["entropy"] == {"mean": 0.5, "std": 0.0}
    assert second == {"clusters_used": {"mean": 1.0, "std": 0.0}}
