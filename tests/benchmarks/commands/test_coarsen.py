import json
from importlib import metadata

import pytest
import torch

from benchmarks.commands import coarsen as command
from benchmarks.spec.errors import UsageError
from benchmarks.timing.backend_fit import Constants
from benchmarks.timing.batches import tree_like
from benchmarks.timing.coarsen import LARGE
from benchmarks.timing.machine import Rates, least_of
from benchmarks.timing.pooling_rivals import DMON, MINCUT
from benchmarks.timing.rivals import COMPILED, CONTENDERS, TGP

RATES = Rates(1e12, {"float32": 1e9}, {})


def tiny(seed=0):
    return [tree_like(torch.tensor([12, 1, 30]), seed, num_clusters=4, num_features=3)]


def one_large(seed=0):
    return [tree_like(torch.tensor([3000, 5]), seed, num_clusters=8, num_features=8)]


@pytest.fixture(autouse=True)
def known_rates(monkeypatch, quick_compiler):
    monkeypatch.setattr(command, "measure_rates", lambda: RATES)


@pytest.fixture
def tiny_set(monkeypatch):
    monkeypatch.setattr(command, "PROBLEMS", {"tiny": tiny})
    monkeypatch.setattr(command, "large_graph", one_large)


def absent(seed):
    raise FileNotFoundError("nowhere")


def test_rows_are_stored_with_provenance(tiny_set, tmp_path, capsys):
    rows = command.coarsen(
        ["tiny", LARGE],
        rounds=3,
        seconds=0,
        memory=False,
        format_="json",
        out=tmp_path,
    )
    assert json.loads(capsys.readouterr().out) == rows
    (store,) = tmp_path.iterdir()
    assert [json.loads(line) for line in store.read_text().splitlines()] == rows
    assert {row["contender"] for row in rows} == {*CONTENDERS, *TGP}
    timed = [row for row in rows if "median_ms" in row]
    assert [row["contender"] for row in timed] == list(CONTENDERS)
    for row in timed:
        assert 0 < row["quartile_1_ms"] <= row["median_ms"] <= row["quartile_3_ms"]
        assert row["rounds"] == 3
        assert max(row["relative_errors"].values()) < 1e-5
        assert row["packages"]["torch"] == metadata.version("torch")
        assert {"commit", "machine", "threads", "seed"} <= set(row)
        assert ("times_limit" in row) == row["contender"].startswith("ours")
    limit_ms = 1e3 * least_of(tiny()[0]).flops / 1e9
    assert timed[0]["limit"]["limit_ms"] == pytest.approx(limit_ms)
    assert timed[0]["times_limit"] == pytest.approx(timed[0]["median_ms"] / limit_ms)
    assert timed[0]["nodes"] == 43
    assert 0 < rows[-1]["peak_mib"] < 30


def test_absent_data_are_skipped_aloud(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(command, "PROBLEMS", {"gone": absent})
    assert command.coarsen(["gone"], quick=True, format_="json", out=tmp_path) == []
    printed = capsys.readouterr()
    assert json.loads(printed.out) == []
    assert "gone: skipped, its data are not there (nowhere)" in printed.err
    assert not list(tmp_path.iterdir())


def test_without_a_compiler_its_row_is_skipped_aloud(tiny_set, monkeypatch, tmp_path, capsys):
    def broken(*arguments, **settings):
        raise RuntimeError("no C++ compiler")

    monkeypatch.setattr(torch, "compile", broken)
    rows = command.coarsen(["tiny"], quick=True, format_="markdown", out=tmp_path)
    (row,) = [row for row in rows if row["contender"] == COMPILED]
    assert row["note"] == "skipped: torch.compile does not work here: RuntimeError"
    assert row["note"] in capsys.readouterr().out


def test_unknown_names_are_errors(tmp_path):
    with pytest.raises(UsageError, match="ENZYMES"):
        command.coarsen(["ENZYME"], out=tmp_path)
    with pytest.raises(UsageError, match="format"):
        command.coarsen(["ENZYMES"], format_="jsn", out=tmp_path)


def test_sweep_prints_rows_and_constants(tmp_path, capsys):
    *rows, constants = command.coarsen(backends=True, quick=True, format_="markdown", out=tmp_path)
    printed = capsys.readouterr().out
    assert "| padded ms | ragged ms | chosen |" in printed
    assert "| fitted | " in printed
    assert {(point["graphs"], point["largest"]) for point in rows} == {
        (4, 20), (32, 20), (32, 200),
    }  # fmt: skip
    for point in rows:
        assert set(point["median_ms"]) == {"padded", "ragged"}
        # The fit judges the rule that the library follows.
        assert point["chosen"] == Constants.of_library().choose(point)
        assert {"commit", "machine", "edges", "nodes"} <= set(point)
    library, fitted = constants["library_constants"], constants["fitted_constants"]
    assert library["call_cost"] == Constants.of_library().call_cost
    assert 1 <= fitted["mean_regret"] <= library["mean_regret"] + 1e-9


def test_poolings_print_and_store_rows(tiny_set, tmp_path, capsys):
    rows = command.coarsen(
        ["tiny", LARGE], quick=True, poolings=True, format_="markdown", out=tmp_path
    )
    printed = capsys.readouterr().out
    for layer in (MINCUT, DMON):
        assert f"{layer} pooling with its losses, forward + backward" in printed
        assert {row["contender"] for row in rows} >= {f"{layer}, ours", f"{layer}, PyG"}
        assert {row["contender"] for row in rows} >= {f"{layer}, {mode}" for mode in TGP}
    assert all({"commit", "machine", "threads"} <= set(row) for row in rows)
    (store,) = tmp_path.iterdir()
    assert store.name.startswith("poolings-")


def test_one_kind_of_rows_at_a_time(tmp_path):
    with pytest.raises(
        UsageError, match="--backends, --kernels, --poolings, --sparse-levels: expected"
    ):
        command.coarsen(["ENZYMES"], kernels=True, poolings=True, out=tmp_path)


def test_sparse_levels_print_and_store_rows(monkeypatch, tmp_path, capsys):
    def rows_of(name, load, contenders, batches, seed, *limits):
        (contender,) = contenders
        slow = 10.0 if contender.startswith("padded") else 1.0
        times = dict.fromkeys(("median_ms", "quartile_1_ms", "quartile_3_ms"), 100.0 * slow)
        row = {"set": name, "contender": contender, "batches": batches, "peak_mib": 40 * slow}
        return [row | times | ({} if slow > 1 else {"clusters_of_a_node": 4.25, "edges": [7.0]})]

    monkeypatch.setattr(command, "load_epoch_data", lambda name: name)
    monkeypatch.setattr(command, "sparse_level_rows", rows_of)
    rows = command.coarsen(quick=True, sparse_levels=True, format_="markdown", out=tmp_path)
    printed = capsys.readouterr().out
    assert [row["contender"] for row in rows] == [
        "sparse levels, sparsemax",
        "padded levels, sparsemax",
    ]
    assert "| sparse levels, sparsemax | 100 (100–100) | 40 | 4.2 | 7 |" in printed
    assert "| sparse levels, sparsemax | faster than padded levels | 5× | 10× | met |" in printed
    assert "| less memory than padded levels | 5× | 10× | met |" in printed
    (store,) = tmp_path.iterdir()
    assert store.name.startswith("sparse-levels-")
    rows = command.coarsen(sparse_levels=True, format_="json", out=tmp_path)
    assert [row["batches"] for row in rows] == [4] * 6
    with pytest.raises(UsageError, match="expected one of them"):
        command.coarsen(sparse_levels=True, kernels=True, out=tmp_path)


def test_kernels_print_and_store_rows(tiny_set, tmp_path, capsys):
    rows = command.coarsen(["tiny"], quick=True, kernels=True, format_="markdown", out=tmp_path)
    assert "| time / best |" in capsys.readouterr().out
    assert all({"commit", "machine", "threads"} <= set(row) for row in rows)
    (store,) = tmp_path.iterdir()
    assert store.name.startswith("kernels-")
    with pytest.raises(UsageError, match="expected one of them"):
        command.coarsen(["tiny"], kernels=True, backends=True, out=tmp_path)
