from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch_geometric.loader import DataLoader

from benchmarks.data.ogb_encoder import Encoded
from benchmarks.spec.errors import UsageError
from benchmarks.training.forward import Forward
from pyg_diffpool import ResidentLoader
from tests.benchmarks.training.small_graphs import MeanNet, graphs, pooling


@pytest.fixture
def batch():
    return next(iter(DataLoader(graphs(4), 4)))


class Watched(nn.Module):
    """Keeps what it is called with, and answers what it is told to."""

    def __init__(self, answer=lambda x: x):
        super().__init__()
        self.answer = answer

    def forward(self, x, edge_index, batch=None, batch_size=None, edge_weight=None, y=None):
        self.seen = {
            "x": x, "edge_index": edge_index, "batch": batch, "batch_size": batch_size,
            "edge_weight": edge_weight, "y": y,
        }  # fmt: skip
        return self.answer(x)


def test_what_the_signature_names_is_passed_but_never_the_labels(batch):
    batch.edge_weight = torch.ones(batch.num_edges)
    net = Watched()
    Forward(net)(batch)
    assert net.seen["batch_size"] == 4
    for name in ("x", "edge_index", "batch", "edge_weight"):
        assert net.seen[name] is batch[name]
    assert net.seen["y"] is None
    # A network that names none of these is called without them.
    net = MeanNet()
    expected = net(batch.x, batch.edge_index, batch.batch)
    assert torch.equal(Forward(net)(batch).logits, expected)


@pytest.mark.parametrize(
    ("answer", "loss"),
    [
        (lambda x: x, None),
        (lambda x: (x, x.sum()), 60.0),
        (lambda x: [x, x.sum()], 60.0),
        (lambda x: SimpleNamespace(logits=x, loss=x.sum()), 60.0),
        (lambda x: SimpleNamespace(logits=x), None),
    ],
)
def test_every_form_of_answer_is_read(batch, answer, loss):
    batch.x = torch.ones(20, 3)
    prediction = Forward(Watched(answer))(batch)
    assert prediction.logits is batch.x
    assert prediction.auxiliary_loss == loss
    assert (prediction.terms, list(prediction.levels)) == ({}, [])


@pytest.mark.parametrize("answer", [lambda x: {"logits": x}, lambda x: (x, x, x)])
def test_what_is_no_prediction_is_refused(batch, answer):
    with pytest.raises(UsageError, match=r"expected logits, .*, got (dict|tuple)"):
        Forward(Watched(answer))(batch)


@pytest.mark.parametrize("levels", [None, (), [object()]])
def test_levels_of_another_kind_are_taken_for_none(batch, levels):
    net = Watched(lambda x: SimpleNamespace(logits=x, loss=None, levels=levels))
    prediction = Forward(net)(batch)
    assert (list(prediction.levels), prediction.terms) == ([], {})


def test_terms_are_means_over_graphs_of_each_levels_losses(batch):
    net = pooling().eval()
    prediction = Forward(net)(batch)
    expected = net(batch.x, batch.edge_index, batch=batch.batch)
    torch.testing.assert_close(prediction.logits, expected.logits)
    torch.testing.assert_close(prediction.auxiliary_loss, expected.loss)
    assert set(prediction.terms) == {"link_0", "entropy_0", "link_1", "entropy_1"}
    for number, level in enumerate(expected.levels):
        for name, values in level.losses.items():
            term = prediction.terms[f"{name}_{number}"]
            torch.testing.assert_close(term, values.mean())
            assert not term.requires_grad


def test_features_come_in_the_dtype_of_the_parameters(batch):
    net = MeanNet().double()
    assert Forward(net)(batch).logits.dtype == torch.double
    assert batch.x.dtype == torch.float
    # Numbers of a category are no features to cast, and a network without parameters takes all.
    batch.x = torch.ones(20, 3, dtype=torch.long)
    for watched in (Watched(), Watched().double()):
        Forward(watched)(batch)
        assert watched.seen["x"] is batch.x


def test_a_prepared_adjacency_stands_for_edges_and_weights():
    data = graphs(4)
    for graph in data:
        graph.edge_weight = torch.tensor([0.5, 2.0])
    (prepared,) = ResidentLoader(data, 4)
    net = pooling().eval()
    seen = {}

    def watch(module, arguments, keywords):
        seen.update(edges=arguments[1], names=set(keywords))

    net.register_forward_pre_hook(watch, with_kwargs=True)
    found = Forward(net)(prepared).logits
    assert seen["edges"] is prepared.adjacency
    assert "edge_weight" not in seen["names"]
    (plain,) = DataLoader(data, 4)
    torch.testing.assert_close(found, Forward(net)(plain).logits)
    assert "edge_weight" in seen["names"]


def test_a_network_behind_an_encoder_gets_what_the_encoder_returns(batch):
    class Doubling(nn.Module):
        def forward(self, batch):
            doubled = batch.clone()
            doubled.x = 2 * batch.x
            return doubled

    net = Watched()
    Forward(Encoded(Doubling(), net))(batch)
    assert torch.equal(net.seen["x"], 2 * batch.x)
