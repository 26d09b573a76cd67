import pytest

from benchmarks.spec.published import PRINTED_GAINS, TABLE_1_DATASETS
from benchmarks.tables.gain import misprinted, our_gain, paper_gain
from benchmarks.tables.scores import run_results
from tests.benchmarks.stored import write_run


def results_of(folder):
    return {
        (result.run["dataset"], result.run["method"]): result
        for result in run_results(folder, None)
    }


def test_the_papers_gains_follow_from_its_cells():
    set2set = paper_gain("set2set", TABLE_1_DATASETS)
    # 5.90, 2.70, 1.25, 3.50 and 3.81 points.
    assert set2set.mean == pytest.approx((5.90 + 2.70 + 1.25 + 3.50 + 3.81) / 5)
    patchysan = paper_gain("patchysan", TABLE_1_DATASETS)
    assert patchysan.datasets == ["DD", "REDDIT-MULTI-12K", "COLLAB", "PROTEINS"]
    assert patchysan.mean == pytest.approx((0.85 - 0.92 + 4.35 + 4.52) / 4)
    assert paper_gain("graphsage", TABLE_1_DATASETS) is None
    assert paper_gain("diffpool", ["REDDIT-MULTI-5K"]) is None


def test_three_printed_gains_do_not_follow():
    wrong = {method: misprinted(method) for method in PRINTED_GAINS}
    assert {method: printed for method, printed in wrong.items() if printed is not None} == {
        "patchysan": 4.17,
        "ecc": 0.11,
        "set2set": 3.32,
    }


def test_our_gain_is_over_shared_folds_of_the_data_sets_that_both_have(tmp_path):
    write_run(tmp_path, "a", "ENZYMES", "graphsage", {0: 0.5, 1: 0.7})
    write_run(tmp_path, "b", "ENZYMES", "diffpool", {1: 0.8, 2: 0.1})
    write_run(tmp_path, "c", "DD", "graphsage", {0: 0.75})
    write_run(tmp_path, "d", "DD", "diffpool", {0: 0.70})
    write_run(tmp_path, "e", "COLLAB", "diffpool", {0: 0.9})
    write_run(tmp_path, "f", "PROTEINS", "graphsage", {0: 0.2})
    write_run(tmp_path, "g", "PROTEINS", "diffpool", {3: 0.9})
    gain = our_gain(results_of(tmp_path), "diffpool", TABLE_1_DATASETS)
    assert gain.datasets == ["ENZYMES", "DD"]
    assert gain.mean == pytest.approx((10 - 5) / 2)
    assert our_gain(results_of(tmp_path), "wl", TABLE_1_DATASETS) is None
    assert our_gain(results_of(tmp_path), "graphsage", TABLE_1_DATASETS) is None
