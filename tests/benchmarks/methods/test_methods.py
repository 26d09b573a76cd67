"""How methods are found and told apart."""

import sys

import pytest

from benchmarks import methods
from benchmarks.methods import KERNEL, NETWORK, describe, kind_of, load_method, method_names
from benchmarks.runs.recipe import configurations
from benchmarks.spec.errors import UsageError
from benchmarks.training.engines import ENGINES

ADDED = '''"""A method that was put into the folder.

More of it.
"""

DEFAULTS = {"epochs": 7}


def build(settings, problem):
    """Return nothing."""
'''


@pytest.fixture
def added(tmp_path, monkeypatch):
    """A file in the methods' folder, which nothing else names."""
    (tmp_path / "put_there.py").write_text(ADDED)
    (tmp_path / "parts_of_it").mkdir()
    (tmp_path / "parts_of_it" / "__init__.py").touch()
    monkeypatch.setattr(methods, "__path__", [*methods.__path__, str(tmp_path)])
    yield "put-there"
    sys.modules.pop("benchmarks.methods.put_there", None)
    vars(methods).pop("put_there", None)


def test_a_method_is_found_by_its_place(added):
    assert added in method_names()
    assert "parts-of-it" not in method_names()
    assert describe(added) == "A method that was put into the folder."
    assert "benchmarks.methods.put_there" not in sys.modules
    assert kind_of(added) == NETWORK
    assert [settings.epochs for settings in configurations("ENZYMES", added, {})] == [7]


def test_names_are_in_order_and_have_hyphens():
    assert list(method_names()) == sorted(method_names())
    assert "diffpool-det" in method_names()
    assert "parts" not in method_names()


@pytest.mark.parametrize("name", ["difpool", "diffpool_det", "parts"])
def test_an_unknown_name_is_refused(name):
    with pytest.raises(UsageError, match=f"unknown method '{name}'"):
        load_method(name)


def test_kinds():
    assert kind_of("wl") == KERNEL
    assert kind_of("diffpool-det") == NETWORK
    # Not imported for it: there is none of this name.
    assert kind_of("no_such_module:Class") == NETWORK


@pytest.mark.parametrize("method", method_names())
def test_every_method_is_described_and_has_an_engine(method):
    assert describe(method).endswith((".", ","))
    assert kind_of(method).name in ENGINES
    assert isinstance(load_method(method).DEFAULTS, dict)
