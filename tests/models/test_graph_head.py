"""The classifier of graph vectors, against its formula written out."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.models import graph_head


def make_head(**options) -> torch.nn.Sequential:
    torch.manual_seed(3)
    return graph_head(5, 4, 2, **options).double()


def mlp(head: torch.nn.Sequential, vectors: torch.Tensor) -> torch.Tensor:
    state = dict(head.named_parameters())
    hidden = (vectors @ state["0.weight"].t() + state["0.bias"]).clamp(min=0)
    return hidden @ state["3.weight"].t() + state["3.bias"]


def test_without_options_it_is_the_mlp():
    head = make_head()
    vectors = torch.randn(3, 5).double()
    assert list(head.state_dict()) == ["0.weight", "0.bias", "3.weight", "3.bias"]
    assert_close(head(vectors), mlp(head, vectors))


def test_vectors_are_normalised_over_graphs():
    head = make_head(norm="batch")
    vectors = torch.randn(6, 5).double() * torch.tensor([1, 10, 100, 1e3, 1e4]).double()
    centred = vectors - vectors.mean(0)
    variance = centred.square().mean(0)
    assert_close(head(vectors), mlp(head, centred / (variance + 1e-5).sqrt()))
    head.eval()
    # One step of momentum 0.1 from mean 0 and variance 1, with the unbiased variance.
    mean, running = 0.1 * vectors.mean(0), 0.9 + 0.1 * variance * 6 / 5
    assert_close(head(vectors), mlp(head, (vectors - mean) / (running + 1e-5).sqrt()))


def test_a_single_graph_trains_by_the_running_statistics():
    head = make_head(norm="batch")
    head(torch.randn(6, 5).double())
    before = {name: buffer.clone() for name, buffer in head.named_buffers()}
    vector = torch.randn(1, 5).double()
    scale = (before["norm.module.running_var"] + 1e-5).sqrt()
    expected = mlp(head, (vector - before["norm.module.running_mean"]) / scale)
    assert_close(head(vector), expected)
    assert_close(dict(head.named_buffers()), before)
    assert head(torch.randn(0, 5).double()).shape == (0, 2)


def test_weights_have_the_same_names_with_and_without_options():
    plain = make_head()
    other = make_head(norm="batch", dropout=0.5, input_dropout=0.5)
    missing, unexpected = other.load_state_dict(plain.state_dict(), strict=False)
    assert unexpected == []
    assert all(name.startswith("norm.") for name in missing)


@pytest.mark.parametrize("place", ["dropout", "input_dropout"])
def test_dropout_acts_where_it_is_asked_for_and_in_training_only(place):
    head = make_head(**{place: 1.0})
    vectors = torch.randn(3, 5).double()
    # All of the vector set to zero leaves both biases, all of the hidden layer the last one.
    left = mlp(head, torch.zeros(3, 5).double())
    if place == "dropout":
        left = head.get_submodule("3").bias.expand(3, 2)
    assert_close(head(vectors), left)
    assert_close(head.eval()(vectors), mlp(head, vectors))


@pytest.mark.parametrize("options", [{}, {"norm": "batch"}])
def test_gradients(options):
    head = make_head(**options)
    vectors = torch.randn(4, 5).double().requires_grad_()
    assert torch.autograd.gradcheck(head, vectors)


@pytest.mark.parametrize(
    ("name", "value"),
    [("norm", "layer"), ("dropout", 1.5), ("dropout", "0.5"), ("input_dropout", -0.1)],
)
def test_bad_settings_name_the_argument(name, value):
    with pytest.raises(ValueError, match=rf"^{name}: expected"):
        make_head(**{name: value})
