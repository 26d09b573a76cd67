import sys

import pytest
import torch

from benchmarks.spec.errors import UsageError
from benchmarks.timing import oracle
from benchmarks.timing.batches import tree_like


def test_factors_of_the_conventions():
    graphs = oracle.graphs_of(tree_like(torch.tensor([3, 5]), 0, num_clusters=2, num_features=1))
    s = graphs.logits.softmax(-1)
    first, second = (
        (graphs.adjacency(graph) - s[graphs.rows(graph)] @ s[graphs.rows(graph)].t()).norm()
        for graph in range(2)
    )
    whole = (first**2 + second**2).sqrt()
    links = {"paper": (first + second) / 2, "pyg": whole / (2 * 5 * 5), "tgp": whole}
    of_rows = -(s * s.log()).sum(-1)
    means = {"paper": (of_rows[:3].mean() + of_rows[3:].mean()) / 2, "pyg": of_rows.sum() / 10,
             "tgp": of_rows.mean()}  # fmt: skip
    for convention in ("paper", "pyg", "tgp"):
        found = oracle.link_loss(graphs, s, None, convention), oracle.entropy(graphs, s, convention)
        torch.testing.assert_close(found, (links[convention], means[convention]))


def test_errors_are_relative_to_the_largest_exact_value():
    exact = torch.tensor([4.0, -8.0])
    assert oracle.relative_error(torch.tensor([4.0, -6.0]), exact) == 0.25
    assert oracle.relative_error(torch.ones(3), exact) == float("inf")
    assert oracle.relative_error(torch.tensor([0.5]), torch.zeros(1), least=2.0) == 0.25


def test_without_the_tests_there_is_one_clear_message(monkeypatch):
    monkeypatch.setitem(sys.modules, "tests.oracles", None)
    with pytest.raises(UsageError, match="the root of a checkout"):
        oracle.oracles()
