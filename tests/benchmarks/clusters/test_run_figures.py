import pytest
from torch_geometric.data import Batch

from benchmarks.clusters.run_figures import levels_over_folds, measure_levels
from benchmarks.spec.errors import UsageError
from tests.benchmarks.clusters.clique_pairs import Flat, Pools, clique_pair


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
