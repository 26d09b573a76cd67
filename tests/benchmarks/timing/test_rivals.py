import pytest
import torch

from benchmarks.timing import rivals
from benchmarks.timing.batches import tree_like
from benchmarks.timing.rivals import (
    CONTENDERS,
    OURS,
    OURS_GIVEN,
    PREPARED,
    PYG_GIVEN,
    Contender,
    errors,
    forward_backward,
    told_the_sizes,
)

GIVEN = told_the_sizes(["auto", "padded", "ragged"])


def tiny(seed=0):
    return tree_like(torch.tensor([12, 1, 30]), seed, num_clusters=4, num_features=3)


@pytest.fixture(autouse=True)
def quick_compiler(quick_compiler):
    """Trace without the C++ compiler."""


@pytest.mark.parametrize("name", [*CONTENDERS, *GIVEN])
def test_every_contender_is_right(name):
    found = errors((CONTENDERS | GIVEN)[name], tiny())
    assert set(found) == {"x", "adj", "link", "entropy", "gradient of x", "gradient of logits"}
    assert max(found.values()) < 1e-5


def test_errors_show_a_wrong_result():
    def wrong(problem):
        x, adj, link, entropy = CONTENDERS[OURS].run(problem)
        return 1.1 * x, adj, link, entropy

    found = errors(Contender(wrong, "pyg"), tiny())
    assert found["x"] == pytest.approx(0.1, rel=1e-3)
    assert found["adj"] < 1e-5
    assert found["gradient of x"] == pytest.approx(0.1, rel=1e-3)


def test_sizes_are_told_before_the_time_is_taken():
    assert list(GIVEN) == [OURS_GIVEN, f"{OURS_GIVEN}, padded", f"{OURS_GIVEN}, ragged", PYG_GIVEN]
    for contender in GIVEN.values():
        assert contender.prepare(tiny()).max_num_nodes == 30


def test_adjacency_is_prepared_outside_the_time(monkeypatch):
    contender, problem = CONTENDERS[PREPARED], tiny()
    prepared = contender.prepare(problem)
    assert prepared.adjacency.undirected
    monkeypatch.setattr(rivals, "prepare_adjacency", None)
    forward_backward(contender, prepared)
    with pytest.raises(TypeError):
        forward_backward(contender, problem)
