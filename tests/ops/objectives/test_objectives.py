"""The table of objectives: each row on both kinds of level, and a new row in one place."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops.contract import forward
from pyg_diffpool.ops.conventions import CONVENTIONS, read_convention
from pyg_diffpool.ops.diff_pool import pool
from pyg_diffpool.ops.level import SparseLevel, read_level
from pyg_diffpool.ops.objectives import OBJECTIVES, Objective
from tests.ops.objectives.losses import LOSSES, oracle_of
from tests.oracles import coarsen_oracle, entropy_oracle, link_oracle, masked_softmax_oracle
from tests.problems import make_problem

PROBLEM = make_problem((5, 0, 3), weights="positive", duplicates=False)


def pooled(kind, convention="paper", **options):
    rule = read_convention(convention)
    if kind == "sparse":
        given = (PROBLEM.edge_index, PROBLEM.edge_weight, PROBLEM.batch, PROBLEM.batch_size)
        level, (x, logits) = read_level({"x": PROBLEM.x, "s": PROBLEM.logits}, *given)
    else:
        (x, mask), (logits, _) = PROBLEM.to_dense(PROBLEM.x), PROBLEM.to_dense(PROBLEM.logits)
        adj = PROBLEM.to_dense_adjacency()
        level, (x, logits) = read_level({"x": x, "s": logits}, adj, mask=mask)
    return pool(x, logits, level, rule, **options)


@pytest.mark.parametrize("kind", ["sparse", "dense"])
@pytest.mark.parametrize("convention", ["paper", "reference"])
def test_losses_of_each_graph(kind, convention):
    losses = pooled(kind, convention).losses
    assert_close(losses["link"], link_oracle(PROBLEM, PROBLEM.s, convention=convention))
    sums = entropy_oracle(PROBLEM, PROBLEM.s)
    sizes = torch.tensor([5.0, 1.0, 3.0]).double()
    assert_close(losses["entropy"], sums if convention == "reference" else sums / sizes)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_both_kinds_of_level_agree(convention):
    sparse, dense = pooled("sparse", convention), pooled("dense", convention)
    assert_close(sparse.losses, dense.losses)
    assert_close(sparse.means, dense.means)


@pytest.mark.parametrize("kind", ["sparse", "dense"])
def test_what_is_skipped_counts_as_zero(kind):
    out = pooled(kind, skip=("link",))
    assert out.losses["link"].tolist() == [0.0, 0.0, 0.0]
    assert out.means["link"] == 0
    assert out.means["entropy"] > 0


@pytest.mark.parametrize("kind", ["sparse", "dense"])
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_all_rows_of_the_table_from_one_pooling(convention, kind):
    out = pooled(kind, convention, objectives=OBJECTIVES)
    assert list(out.losses) == list(OBJECTIVES)
    for name in LOSSES:
        wanted = oracle_of(name, PROBLEM, PROBLEM.s)
        assert_close(out.losses[name], wanted)
        assert_close(out.means[name], wanted.sum() / 3)


@pytest.mark.parametrize("kind", ["sparse", "dense"])
def test_clusters_that_a_graph_does_not_use_stay_out(kind):
    used = torch.tensor([3, 1, 2])
    columns = torch.arange(3) < used.unsqueeze(1)
    names = ("orthogonality", "collapse", "balance")
    out = pooled(kind, columns=columns, objectives={name: OBJECTIVES[name] for name in names})
    s = masked_softmax_oracle(PROBLEM, PROBLEM.logits, used.tolist())
    for graph, k in enumerate(used):
        alone = PROBLEM.select(graph)
        rows = s[PROBLEM.rows(graph), :k]
        for name in names:
            assert_close(out.losses[name][graph], oracle_of(name, alone, rows)[0])


def test_distances_are_left_out_without_the_link_objective(monkeypatch):
    seen = []
    contract = SparseLevel.contract

    def spy(self, x, s, backend, distances):
        seen.append(distances)
        return contract(self, x, s, backend, distances)

    monkeypatch.setattr(SparseLevel, "contract", spy)
    pooled("sparse", objectives={"cut": OBJECTIVES["cut"]})
    pooled("sparse", objectives={"link": OBJECTIVES["link"]})
    assert seen == [None, "graphs"]


@pytest.mark.parametrize("name", LOSSES)
def test_one_sparse_product_serves_the_coarsening_and_the_objective(name, monkeypatch):
    calls = []
    product = forward.spmm

    def counted(adjacency, x):
        calls.append(x.shape)
        return product(adjacency, x)

    monkeypatch.setattr(forward, "spmm", counted)
    out = pooled("sparse", objectives={name: OBJECTIVES[name]})
    assert len(calls) == 1
    assert_close(out.losses[name], oracle_of(name, PROBLEM, PROBLEM.s))


@pytest.mark.parametrize("kind", ["sparse", "dense"])
def test_a_new_objective_is_one_row_of_the_table(kind, monkeypatch):
    """From the Gram matrix alone: how far clusters overlap."""

    def overlap(pooling):
        gram = pooling.coarsening.gram
        return gram.sum((1, 2)) - gram.diagonal(dim1=1, dim2=2).sum(1)

    monkeypatch.setitem(OBJECTIVES, "overlap", Objective(overlap))
    out = pooled(kind, objectives=OBJECTIVES)
    gram = coarsen_oracle(PROBLEM, PROBLEM.x, PROBLEM.s)[2]
    wanted = gram.sum((1, 2)) - gram.diagonal(dim1=1, dim2=2).sum(1)
    assert_close(out.losses["overlap"], wanted)
    assert_close(out.means["overlap"], wanted.sum() / 3)
