import pytest
from rich.console import Console

from benchmarks.data.registry import find_source
from benchmarks.kernels import capacity
from benchmarks.kernels.nested_cv import INNER_FOLDS, PENALTIES
from benchmarks.spec.errors import UsageError
from benchmarks.spec.settings import make_settings
from benchmarks.training import kernel_engine
from benchmarks.training.gram_cache import are_cached
from benchmarks.training.kernel_cell import graphs_of
from tests.benchmarks.runs.plans import fair_plan

QUIET = Console(quiet=True)


def test_the_identity_is_what_is_chosen_from():
    identity = kernel_engine.identity("wl")
    assert identity["configurations"] == [{}]
    assert identity["kernel"] == {
        "iterations": list(range(6)),
        "C": list(PENALTIES),
        "inner_folds": INNER_FOLDS,
    }
    assert kernel_engine.identity("graphlet")["kernel"]["iterations"] == []


def test_a_kernel_has_no_settings_and_no_device(tiny_data):
    with pytest.raises(UsageError, match="--set epochs=3: wl is a kernel"):
        fair_plan("wl", overrides={"epochs": 3})
    on_gpu = fair_plan("wl", overrides={"accelerator": "gpu"})
    assert on_gpu.run_id == fair_plan("wl").run_id
    assert on_gpu.configurations == (make_settings(),)


def test_data_without_classes_are_refused():
    with pytest.raises(UsageError, match="--method wl: kernels take TU data"):
        kernel_engine.check_source(find_source("ogbg-molhiv"), "wl")


def test_what_does_not_fit_is_refused_before_anything_is_computed(tiny_data, monkeypatch):
    monkeypatch.setattr(capacity, "available_gib", lambda: 1e-9)
    with pytest.raises(UsageError, match=r"--method graphlet: .* of 40 graphs of TINY"):
        fair_plan("graphlet")
    assert not are_cached("graphlet", graphs_of(find_source("TINY")))


def test_matrices_are_prepared_once_for_as_many_processes_as_have_cells(tiny_data, monkeypatch):
    source, cells = find_source("TINY"), fair_plan("graphlet", folds=[0, 1]).cells()
    asked = []
    monkeypatch.setattr(kernel_engine, "check_memory", lambda *given: asked.append(given))
    kernel_engine.prepare(source, [], 8, QUIET)
    assert asked == []
    kernel_engine.prepare(source, cells, 8, QUIET)
    assert asked == [(source, "graphlet", 2)]
    assert are_cached("graphlet", graphs_of(source))
