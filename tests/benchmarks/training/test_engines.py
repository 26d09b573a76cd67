import inspect

import pytest

from benchmarks.methods import KINDS, kind_of
from benchmarks.training import estimator_engine, kernel_engine, network_engine
from benchmarks.training.engines import ENGINES, Engine, engine_of


@pytest.mark.parametrize(
    ("method", "engine"),
    [
        ("diffpool", network_engine),
        ("my_package:Net", network_engine),
        ("wl", kernel_engine),
        ("statistics", estimator_engine),
    ],
)
def test_a_method_is_trained_by_the_engine_of_its_kind(method, engine):
    assert engine_of(method) is engine is ENGINES[kind_of(method).name]


def test_every_kind_has_an_engine_with_all_that_an_engine_offers():
    assert set(ENGINES) == {kind.name for kind in KINDS}
    offered = {name for name in vars(Engine) if not name.startswith("_")}
    assert offered == {"check_source", "check", "identity", "prepare", "run"}
    for engine in ENGINES.values():
        for name in offered:
            (_, *expected) = inspect.signature(getattr(Engine, name)).parameters
            assert list(inspect.signature(getattr(engine, name)).parameters) == expected, name
