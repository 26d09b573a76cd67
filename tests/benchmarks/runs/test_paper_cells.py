from dataclasses import replace

import pytest

from benchmarks.runs import runner
from benchmarks.runs.paper_cells import (
    TABLES,
    Request,
    check_names,
    find_splits,
    plan_rows,
    splits_folder,
)
from benchmarks.spec.errors import UsageError
from tests.benchmarks.stored import fake_training


def request_for(tmp_path, **changes):
    request = Request("fair", {"epochs": 3}, [0, 1], [0], None, tmp_path / "results")
    return request._replace(**changes)


def test_tables_have_the_papers_rows_in_its_order():
    datasets, methods = TABLES["1"]
    assert datasets[0] == "ENZYMES"
    assert [name for name in datasets if name != "REDDIT-MULTI-5K"] == [
        "ENZYMES", "DD", "REDDIT-MULTI-12K", "COLLAB", "PROTEINS",
    ]  # fmt: skip
    assert methods[:4] == ("size", "statistics", "graphlet", "shortest-path")
    assert methods[-1] == "diffpool"
    ours = ("size", "statistics")
    assert TABLES["2"] == (("ENZYMES", "DD"), (*ours, "s2v", "s2v-diffpool1", "s2v-diffpool2"))


def test_missing_data_and_unusable_methods_are_told_and_the_rest_is_planned(tiny_data, tmp_path):
    method = tiny_data
    rows = plan_rows(("NONE", "TINY"), (method, "difpool"), request_for(tmp_path))
    assert list(rows.absent) == ["NONE"]
    assert [(row.dataset, row.method) for row in rows.rows] == [
        ("TINY", method),
        ("TINY", "difpool"),
    ]
    assert len(rows.rows[0].missing(tmp_path)) == 2
    assert "did you mean 'diffpool'" in rows.rows[1].problem
    assert rows.rows[1].missing(tmp_path) == []
    assert rows.sources["TINY"]["seed"] == 0
    assert rows.sources["TINY"]["data"] == rows.rows[0].plan.identity["data"]


def test_a_run_complete_on_the_other_kind_of_device_is_not_repeated(
    tiny_data, tmp_path, monkeypatch
):
    from rich.console import Console

    request = request_for(tmp_path)
    (row,) = plan_rows(("TINY",), (tiny_data,), request).rows
    settings = tuple(replace(s, accelerator="gpu") for s in row.plan.configurations)
    identity = {**row.plan.identity, "configurations": [s.as_dict() for s in settings]}
    on_gpu = replace(row.plan, configurations=settings, identity=identity)
    fake_training(monkeypatch)
    runner.run(replace(on_gpu, folds=(0,)), request.results, 1, Console(quiet=True))
    (partly,) = plan_rows(("TINY",), (tiny_data,), request).rows
    assert len(partly.missing(request.results)) == 2
    runner.run(on_gpu, request.results, 1, Console(quiet=True))
    (done,) = plan_rows(("TINY",), (tiny_data,), request).rows
    assert done.plan.run_id == on_gpu.run_id
    assert done.missing(request.results) == []


def test_splits_are_found_in_the_folder_and_its_parts(tmp_path, monkeypatch):
    (tmp_path / "CHEMICAL").mkdir()
    (tmp_path / "COLLABORATIVE_1").mkdir()
    (tmp_path / "COLLABORATIVE_DEGREE").mkdir()
    full = tmp_path / "CHEMICAL" / "PROTEINS_full_splits.json"
    social = tmp_path / "COLLABORATIVE_1" / "COLLAB_splits.json"
    for path in (full, social, tmp_path / "COLLABORATIVE_DEGREE" / "OTHER_splits.json"):
        path.write_text("[]")
    assert find_splits(tmp_path, "PROTEINS") == full
    assert find_splits(tmp_path, "COLLAB") == social
    assert find_splits(tmp_path, "OTHER") is None
    assert find_splits(None, "COLLAB") is None
    (tmp_path / "COLLAB_splits.json").write_text("[]")
    assert find_splits(tmp_path, "COLLAB") == tmp_path / "COLLAB_splits.json"


def test_published_splits_beside_the_data_are_the_default(tmp_path, monkeypatch):
    monkeypatch.setenv("PYG_DIFFPOOL_DATA", str(tmp_path))
    assert splits_folder(None) is None
    (tmp_path / "splits").mkdir()
    assert splits_folder(None) == tmp_path / "splits"
    assert splits_folder("own") is None
    assert splits_folder(str(tmp_path)) == tmp_path
    with pytest.raises(UsageError, match="--splits: expected a folder or 'own'"):
        splits_folder(str(tmp_path / "none"))
    monkeypatch.delenv("PYG_DIFFPOOL_DATA")
    assert splits_folder(None) is None


def test_slips_of_the_pen_are_refused():
    check_names(("ENZYMES", "MUTAG"), ("diffpool", "torch.nn:Linear"))
    with pytest.raises(UsageError, match="unknown method 'diffpol'"):
        check_names((), ("diffpol",))
    with pytest.raises(UsageError, match="did you mean 'ENZYMES'"):
        check_names(("enzymes",), ())
    # What cannot be imported is told once, not for each data set.
    with pytest.raises(UsageError, match="cannot import no_such_module"):
        check_names(("ENZYMES",), ("no_such_module:Net",))
