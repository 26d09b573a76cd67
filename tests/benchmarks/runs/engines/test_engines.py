import importlib.util
import sys
from pathlib import Path

import pytest

from benchmarks.runs.engine import EngineRequest
from benchmarks.runs.engines import engine_names, make_engine, parse_options
from benchmarks.runs.engines.local import LocalEngine
from benchmarks.spec.errors import UsageError


def test_engines_are_found_by_their_place():
    assert engine_names() == ("dask", "local", "ray", "submitit")
    assert isinstance(make_engine("local", EngineRequest(jobs=3)), LocalEngine)


def test_an_unknown_engine_names_the_near_miss():
    with pytest.raises(UsageError, match="unknown engine 'rey': did you mean 'ray'"):
        make_engine("rey", EngineRequest())


def test_an_unknown_option_names_those_there_are():
    with pytest.raises(UsageError, match="unknown option of engine local 'address': there is none"):
        make_engine("local", EngineRequest(options={"address": "auto"}))


@pytest.mark.parametrize("name", ["ray", "dask"])
def test_an_unknown_option_is_refused_before_a_cluster_is_started(name):
    pytest.importorskip(name, reason=f"needs {name}")
    with pytest.raises(UsageError, match=f"option of engine {name} 'adress': did you mean 'add"):
        make_engine(name, EngineRequest(options={"adress": "auto"}))


@pytest.mark.parametrize(("name", "package"), [("ray", "ray"), ("dask", "distributed")])
def test_a_missing_package_is_named(monkeypatch, name, package):
    monkeypatch.delitem(sys.modules, f"benchmarks.runs.engines.{name}", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ModuleNotFoundError, match=package):
        make_engine(name, EngineRequest())


def test_options_are_pairs():
    assert parse_options(["a=1", " b = x=y "]) == {"a": "1", "b": "x=y"}
    for text in ("a", "=1"):
        with pytest.raises(UsageError, match=f"--engine-option: expected key=value, got '{text}'"):
            parse_options([text])


@pytest.mark.parametrize("name", engine_names())
def test_every_engine_says_what_it_is(name):
    spec = importlib.util.find_spec(f"benchmarks.runs.engines.{name}")
    text = Path(spec.origin).read_text(encoding="utf-8")
    assert text.startswith('"""')
    assert "\nOPTIONS" in text
    assert "\ndef make(request: EngineRequest)" in text
