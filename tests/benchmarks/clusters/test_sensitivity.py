import json

import pytest

from benchmarks.clusters.checkpoints import read_run
from benchmarks.clusters.sensitivity import link_effects, related_runs, sensitivity_rows
from benchmarks.spec.settings import make_settings
from tests.benchmarks.stored import write_run


def stored_run(results, run_id, method, accuracies, clusters, **settings):
    configurations = [make_settings(settings).as_dict()]
    write_run(results, run_id, "ENZYMES", method, accuracies, configurations=configurations)
    for path in (results / run_id / "cells").iterdir():
        path.write_text(json.dumps({**json.loads(path.read_text()), "clusters": clusters}))
    return read_run(results, run_id)


def write_analysis(results, run_id, **used):
    """Store the figure of one level by fold."""
    folds = [
        {"fold": int(fold[1:]), "seed": 0, "levels": [{"clusters_used": value, "entropy": None}]}
        for fold, value in used.items()
    ]
    levels = [{"clusters_used": {"mean": 1.0, "std": 0.0}, "entropy": {"mean": None, "std": None}}]
    record = {"folds": folds, "levels": levels}
    (results / run_id / "analysis.json").write_text(json.dumps(record))


def test_runs_are_in_the_order_of_their_clusters(tmp_path):
    large = stored_run(tmp_path, "a", "diffpool", {0: 0.5, 1: 0.7}, [32, 8], max_clusters=32)
    small = stored_run(tmp_path, "b", "diffpool", {0: 0.5}, [4, 1], max_clusters=4)
    write_analysis(tmp_path, "b", f0=3.0)
    rows = sensitivity_rows([large, small])
    assert [(row["run"], row["clusters"]) for row in rows] == [("b", [4, 1]), ("a", [32, 8])]
    assert (rows[1]["mean"], rows[1]["std"], rows[1]["folds"]) == (60.0, 10.0, "0-1")
    assert rows[0]["max_clusters"] == [4]
    assert rows[0]["levels"][0]["clusters_used"]["mean"] == 1.0
    assert rows[1]["levels"] is None


def test_the_effect_of_the_link_objective_is_over_shared_folds(tmp_path):
    with_link = stored_run(tmp_path, "a", "diffpool", {0: 0.5, 1: 0.7}, [8])
    without = stored_run(
        tmp_path, "b", "diffpool-nolp", {1: 0.6, 2: 0.9}, [8], link_weight=0.0, dropout=0.5
    )
    other = stored_run(tmp_path, "c", "diffpool-nolp", {1: 0.6}, [4], link_weight=0.0)
    dealt = stored_run(tmp_path, "d", "diffpool-det", {1: 0.6}, [8], link_weight=0.0)
    write_analysis(tmp_path, "a", f0=9.0, f1=5.0)
    write_analysis(tmp_path, "b", f1=3.0, f2=1.0)
    otherwise = stored_run(tmp_path, "e", "s2v-diffpool1", {1: 0.6}, [8])
    (effect,) = link_effects([with_link, without, other, dealt, otherwise])
    assert (effect["with"], effect["without"], effect["folds"]) == ("a", "b", "1")
    assert effect["accuracy"] == pytest.approx(10.0)
    assert effect["levels"] == [{"clusters_used": 2.0, "entropy": None}]
    assert effect["also_differ"] == ["dropout"]


def test_one_run_is_compared_with_all_of_its_data_and_folds(tmp_path):
    stored_run(tmp_path, "a", "diffpool", {0: 0.5}, [8])
    stored_run(tmp_path, "b", "diffpool", {0: 0.5}, [4])
    stored_run(tmp_path, "flat", "graphsage", {0: 0.5}, [])
    write_run(tmp_path, "elsewhere", "ENZYMES", "diffpool", {0: 0.5}, data="other")
    assert [run.run["run"] for run in related_runs(tmp_path, ["a"])] == ["a", "b"]
    named = related_runs(tmp_path, ["b", "elsewhere"])
    assert [run.run["run"] for run in named] == ["b", "elsewhere"]
