import json

import pytest
import torch

from benchmarks.coarsen import bench as coarsen_bench
from benchmarks.coarsen import contenders as coarsen_contenders
from benchmarks.coarsen import measure as coarsen_measure
from benchmarks.coarsen.batches import reddit_like, tree_like
from benchmarks.coarsen.contenders import (
    COMPILED,
    CONTENDERS,
    OURS,
    PREPARED,
    PYG,
    TGP,
    Contender,
    errors,
    forward_backward,
)
from benchmarks.coarsen.limits import Rates, problem_work
from benchmarks.coarsen.requirements import LARGE
from benchmarks.errors import UsageError

RATES = Rates(gemm=1e9, copy=1e12)


def tiny(seed=0):
    return [tree_like(torch.tensor([12, 1, 30]), seed, num_clusters=4, num_features=3)]


def one_large(seed=0):
    return [tree_like(torch.tensor([3000, 5]), seed, num_clusters=8, num_features=8)]


@pytest.fixture(autouse=True)
def known_rates(monkeypatch):
    monkeypatch.setattr(coarsen_bench, "measure_rates", lambda: RATES)


@pytest.fixture(autouse=True)
def quick_compiler(monkeypatch):
    """Trace as the real compiler does, and spare the tests its C++."""
    monkeypatch.setattr(coarsen_contenders, "COMPILER", "aot_eager")
    caches = (coarsen_contenders._compiled_diff_pool, coarsen_contenders.why_not_compiled)
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


@pytest.fixture
def tiny_set(monkeypatch):
    monkeypatch.setattr(coarsen_bench, "PROBLEMS", {"tiny": tiny})
    monkeypatch.setattr(coarsen_bench, "large_graph", one_large)


def absent(seed):
    raise FileNotFoundError("nowhere")


@pytest.mark.parametrize("name", list(CONTENDERS))
def test_every_contender_is_right(name):
    found = errors(CONTENDERS[name], tiny()[0])
    assert set(found) == {"x", "adj", "link", "entropy", "gradient of x", "gradient of logits"}
    assert max(found.values()) < 1e-5


def test_errors_show_a_wrong_result():
    def wrong(problem):
        x, adj, link, entropy = CONTENDERS[OURS].run(problem)
        return 1.1 * x, adj, link, entropy

    found = errors(Contender(wrong, "pyg"), tiny()[0])
    assert found["x"] == pytest.approx(0.1, rel=1e-3)
    assert found["adj"] < 1e-5
    assert found["gradient of x"] == pytest.approx(0.1, rel=1e-3)


def test_generated_batch_is_reddit_like():
    problem = reddit_like(seed=0)[0]
    sizes = problem.sizes
    assert problem.batch_size == 20
    assert int(sizes.max()) == 3700
    assert 300 < sizes.double().mean() < 700
    source, target = problem.edge_index
    assert (problem.batch[source] == problem.batch[target]).all()
    assert problem.edge_index.size(1) / problem.batch.numel() < 3
    degree = torch.bincount(source)
    assert degree.max() > 50 * degree.double().mean()
    key = source * problem.batch.numel() + target
    assert torch.equal(key, key.unique())
    assert torch.equal(key, (target * problem.batch.numel() + source).sort().values)


def test_rows_are_stored_with_provenance(tiny_set, tmp_path, capsys):
    rows = coarsen_bench.coarsen(
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
        assert row["packages"]["torch"] == torch.__version__
        assert {"commit", "machine", "threads", "seed"} <= set(row)
        assert ("times_limit" in row) == row["contender"].startswith("ours")
        assert ("profile_ms" in row) == (row["contender"] == OURS)
    limit_ms = 1e3 * problem_work(tiny()[0]).flops / RATES.gemm
    assert timed[0]["limit"]["limit_ms"] == pytest.approx(limit_ms)
    assert timed[0]["times_limit"] == pytest.approx(timed[0]["median_ms"] / limit_ms)
    assert timed[0]["nodes"] == 43
    assert 0 < rows[-1]["peak_mib"] < 30


def test_peak_memory_sees_a_dense_adjacency():
    # 2 · 3000² · 4 bytes = 69 MiB; ours, above, needs none.
    assert coarsen_measure.peak_memory(PYG, one_large()[0]) > 69


def test_absent_data_are_skipped_aloud(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(coarsen_bench, "PROBLEMS", {"gone": absent})
    assert coarsen_bench.coarsen(["gone"], quick=True, format_="json", out=tmp_path) == []
    printed = capsys.readouterr()
    assert json.loads(printed.out) == []
    assert "gone: skipped, its data are not there (nowhere)" in printed.err
    assert not list(tmp_path.iterdir())


def test_adjacency_is_prepared_outside_the_time(monkeypatch):
    contender, problem = CONTENDERS[PREPARED], tiny()[0]
    prepared = contender.prepare(problem)
    assert prepared.adjacency.undirected
    monkeypatch.setattr(coarsen_contenders, "prepare_adjacency", None)
    forward_backward(contender, prepared)
    with pytest.raises(TypeError):
        forward_backward(contender, problem)


def test_without_a_compiler_its_row_is_skipped_aloud(tiny_set, monkeypatch, tmp_path, capsys):
    def broken(*arguments, **settings):
        raise RuntimeError("no C++ compiler")

    monkeypatch.setattr(torch, "compile", broken)
    rows = coarsen_bench.coarsen(["tiny"], quick=True, format_="markdown", out=tmp_path)
    (row,) = [row for row in rows if row["contender"] == COMPILED]
    assert row["note"] == "skipped: torch.compile does not work here: RuntimeError"
    assert row["note"] in capsys.readouterr().out


def test_unknown_names_are_errors(tmp_path):
    with pytest.raises(UsageError, match="ENZYMES"):
        coarsen_bench.coarsen(["ENZYME"], out=tmp_path)
    with pytest.raises(UsageError, match="format"):
        coarsen_bench.coarsen(["ENZYMES"], format_="jsn", out=tmp_path)
