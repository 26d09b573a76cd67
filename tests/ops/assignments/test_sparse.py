"""Assignments on their support, against the same assignments as matrices."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.testing import assert_close

from pyg_diffpool.ops.assignments import assignment_and_entropy, row_chunks
from pyg_diffpool.ops.assignments.logits import GivenLogits, LinearLogits
from pyg_diffpool.ops.assignments.sparse import SPARSE_ASSIGNMENTS, sparse_assignment
from pyg_diffpool.ops.segments import segments
from pyg_diffpool.ops.soft_assignment import cluster_mask
from tests.problems import LargestTensor, leaf, projection

SIZES = (5, 0, 8, 1)
K, D = 6, 3
CPU = torch.device("cpu")


def graphs_of(sizes=SIZES):
    batch = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    return segments(sum(sizes), batch, len(sizes), None, CPU, None)


def inputs(sizes=SIZES, clusters=K):
    generator = torch.Generator().manual_seed(0)
    shapes = (sum(sizes), D), (clusters, D), (clusters,)
    return [leaf(2 * torch.randn(*s, generator=generator, dtype=torch.float64)) for s in shapes]


def as_matrix(name, logits, graphs, columns, temperature):
    """The dense assignment; of straight-through, the gradient on the support alone."""
    s, entropy = assignment_and_entropy(name, logits, columns[graphs.batch], temperature)
    return s * (s.detach() != 0), entropy


@pytest.fixture(params=["one matrix", "many"])
def _chunks(request, monkeypatch):
    if request.param == "many":
        monkeypatch.setattr(row_chunks, "SMALL_CHUNK", 1)
        monkeypatch.setattr(row_chunks, "LARGEST_CHUNK", 7)


@pytest.mark.usefixtures("_chunks")
@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("ratio", [None, 0.5])
@pytest.mark.parametrize("name", SPARSE_ASSIGNMENTS)
def test_values_and_gradients(name, ratio, given):
    graphs, (hidden, weight, bias) = graphs_of(), inputs()
    columns = cluster_mask(graphs.sizes, ratio or 99, K)
    counts, temperature = columns.sum(1), leaf(torch.tensor(0.7, dtype=torch.float64))
    logits = hidden @ weight.t() + bias
    source = GivenLogits(logits) if given else LinearLogits(hidden, weight, bias)
    found, entropy = sparse_assignment(name, source, graphs, counts, temperature)
    wanted, wanted_entropy = as_matrix(name, logits, graphs, columns, temperature)

    assert found.clusters.sizes.tolist() == counts.tolist()
    assert found.shape == (14, int(counts.sum()))
    assert_close(found.to_dense(K), wanted)
    assert_close(entropy, wanted_entropy)
    assert found.value.numel() == wanted.count_nonzero()
    leaves = hidden, weight, bias, temperature
    slopes = [
        torch.autograd.grad(projection(*parts), leaves, retain_graph=True)
        for parts in ((found.to_dense(K), entropy), (wanted, wanted_entropy))
    ]
    assert_close(slopes[0], slopes[1])


@pytest.mark.parametrize("name", SPARSE_ASSIGNMENTS)
def test_products_are_those_of_the_matrix(name):
    graphs, (hidden, weight, bias) = graphs_of(), inputs()
    counts = torch.tensor([3, 1, 4, 1])
    s, _ = sparse_assignment(name, LinearLogits(hidden, weight, bias), graphs, counts)
    dense = torch.zeros(14, 9, dtype=torch.float64)
    dense[s.pattern.row, s.pattern.col] = s.value.detach()
    rows, clusters = torch.randn(14, 2).double(), torch.randn(9, 2).double()
    assert_close(s.pool(rows).detach(), dense.t() @ rows)
    assert_close(s.unpool(clusters).detach(), dense @ clusters)
    assert torch.equal(
        s.cluster, s.pattern.col - torch.tensor([0, 3, 4, 8])[graphs.batch[s.pattern.row]]
    )


@pytest.mark.parametrize("name", ["sparsemax", "entmax15"])
def test_derivatives_of_first_and_second_order(name):
    graphs = graphs_of((3, 2))

    def function(hidden, weight, bias):
        logits = LinearLogits(hidden, weight, bias)
        s, entropy = sparse_assignment(name, logits, graphs, torch.tensor([4, 3]))
        return s.to_dense(), entropy

    given = tuple(inputs((3, 2), 4))
    assert gradcheck(function, given)
    assert gradgradcheck(function, given)


@pytest.mark.parametrize("name", SPARSE_ASSIGNMENTS)
def test_no_matrix_of_all_nodes_and_clusters_is_made(name, monkeypatch):
    """Forward and backward stay below a bounded number of logits, here 2^12 of 300 · 400."""
    monkeypatch.setattr(row_chunks, "LARGEST_CHUNK", 2**12)
    sizes = (150, 150)
    graphs, (hidden, weight, bias) = graphs_of(sizes), inputs(sizes, 400)
    with LargestTensor() as largest:
        s, entropy = sparse_assignment(
            name, LinearLogits(40 * hidden, weight, bias), graphs, torch.tensor([400, 400])
        )
        (s.unpool(s.pool(hidden)).square().sum() + entropy.sum()).backward()
    assert largest.numel < 6000


def test_rows_that_are_not_a_number_stay_so():
    graphs, (hidden, weight, bias) = graphs_of((2,)), inputs((2,))
    hidden = hidden.detach().clone()
    hidden[1] = torch.nan
    s, entropy = sparse_assignment(
        "sparsemax", LinearLogits(hidden, weight, bias), graphs, torch.tensor([3])
    )
    assert s.to_dense()[0].isfinite().all()
    assert s.to_dense()[1].isnan().any()
    assert entropy[1].isnan()


def test_half_precision_is_assigned_in_float32():
    graphs, parts = graphs_of(), [part.detach().bfloat16() for part in inputs()]
    counts = torch.tensor([3, 1, 4, 1])
    s, _ = sparse_assignment("sparsemax", LinearLogits(*parts), graphs, counts)
    wide, _ = sparse_assignment(
        "sparsemax", LinearLogits(*[p.float() for p in parts]), graphs, counts
    )
    assert s.dtype == torch.float32
    assert_close(s.to_dense(), wide.to_dense())


def test_a_batch_of_samples_is_refused_by_name():
    graphs, (hidden, weight, bias) = graphs_of(), inputs()

    def function(hidden):
        logits = LinearLogits(hidden, weight, bias)
        return sparse_assignment("sparsemax", logits, graphs, torch.tensor([3, 1, 4, 1]))[1]

    with pytest.raises(NotImplementedError, match="x: expected"):
        torch.func.vmap(function)(torch.stack([hidden, hidden]))
