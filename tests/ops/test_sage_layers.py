"""GraphSAGE layers as one function, against the formula on dense matrices."""

import pytest
import torch
from torch.testing import assert_close

from pyg_diffpool.ops import prepare_adjacency
from pyg_diffpool.ops.aggregation import SparseAggregation
from pyg_diffpool.ops.batch_normalization import BatchNormalization
from pyg_diffpool.ops.sage_layers import KINDS, Layer, SAGELayers, Stack
from tests.problems import projection

EDGES = torch.tensor([[0, 1, 1, 2, 3, 4, 0], [1, 0, 2, 1, 4, 3, 4]])
WIDTHS = [3, 4, 2]


def make_layer(width, normalize=True, activate=True, networks=2):
    if not activate:
        return Layer(normalize, activate, None)
    running = tuple(torch.zeros(width).double() for _ in range(networks))
    spread = tuple(torch.ones(width).double() for _ in range(networks))
    batches = tuple(torch.tensor(0) for _ in range(networks))
    norm = BatchNormalization(1e-5, True, 0.1, running, spread, batches)
    return Layer(normalize, activate, norm)


def make_parameters(layers, networks, bias=True, root=True):
    """For each layer and each kind the tensor of each network."""
    found = []
    for number, layer in enumerate(layers):
        before, after = WIDTHS[number : number + 2]
        shapes = [(after, before), (after,), (after, before), (after,), (after,)]
        exists = [True, bias, root, layer.norm is not None, layer.norm is not None]
        for shape, there in zip(shapes, exists, strict=True):
            for _ in range(networks):
                found.append(torch.randn(shape).double().requires_grad_() if there else None)
    return found


def dense_layers(x, matrix, layers, parameters, jump):
    """The formula for one network."""
    outputs = []
    for number, layer in enumerate(layers):
        neighbours, bias, root, scale, shift = parameters[number * KINDS : (number + 1) * KINDS]
        out = matrix @ x @ neighbours.t()
        out = out if bias is None else out + bias
        out = out if root is None else out + x @ root.t()
        out = out / out.norm(dim=1, keepdim=True) if layer.normalize else out
        out = out.relu() if layer.activate else out
        if layer.norm is not None:
            mean = out.mean(0)
            variance = (out - mean).square().mean(0)
            out = (out - mean) / (variance + layer.norm.eps).sqrt() * scale + shift
        x = out
        outputs.append(x)
    return torch.cat(outputs, 1) if jump == "cat" else x


@pytest.mark.parametrize("networks", [1, 2, 3])
@pytest.mark.parametrize("jump", ["cat", "last"])
@pytest.mark.parametrize("full", [True, False])
def test_outputs_and_gradients(networks, jump, full):
    torch.manual_seed(1)
    layers = [
        make_layer(4, normalize=full, networks=networks),
        make_layer(2, activate=full, networks=networks),
    ]
    parameters = make_parameters(layers, networks, bias=full, root=full)
    x = torch.randn(5, 3).double().requires_grad_()
    weight = (torch.rand(EDGES.size(1)).double() + 0.5).requires_grad_()
    adjacency = prepare_adjacency(EDGES, weight, 5)
    aggregation = SparseAggregation(adjacency, "sum", torch.float64)
    stack = Stack(aggregation, layers, networks, None, jump)
    found = SAGELayers.apply(x, aggregation.values, stack, *parameters)
    adj = torch.zeros(5, 5).double().index_put((EDGES[0], EDGES[1]), weight)
    expected = tuple(
        dense_layers(x, adj.t(), layers, parameters[network::networks], jump)
        for network in range(networks)
    )
    assert_close(found, expected)
    leaves = [leaf for leaf in (x, weight, *parameters) if leaf is not None]
    gradients = [torch.autograd.grad(projection(*rows), leaves) for rows in (found, expected)]
    assert_close(gradients[0], gradients[1], rtol=1e-6, atol=1e-8)


def test_without_gradients_nothing_is_recorded():
    layers = [make_layer(4, networks=1)]
    aggregation = SparseAggregation(prepare_adjacency(EDGES, None, 5), "mean", torch.float64)
    stack = Stack(aggregation, layers, 1, None, "last")
    x, parameters = torch.randn(5, 3).double(), make_parameters(layers, 1)
    with torch.no_grad():
        (out,) = SAGELayers.apply(x, aggregation.values, stack, *parameters)
    assert out.grad_fn is None
    again = Stack(aggregation, layers, 1, None, "last")
    assert_close(SAGELayers.apply(x, aggregation.values, again, *parameters)[0].detach(), out)
    assert int(layers[0].norm.batches[0]) == 2


@pytest.mark.parametrize("networks", [1, 2])
@pytest.mark.parametrize("jump", ["cat", "last"])
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("masked", [True, False])
def test_outputs_are_the_same_where_nothing_is_kept(networks, jump, normalize, masked):
    torch.manual_seed(2)
    aggregation = SparseAggregation(prepare_adjacency(EDGES, None, 5), "mean", torch.float64)
    mask = torch.tensor([1.0, 1, 1, 1, 0]).double().unsqueeze(1) if masked else None
    x = torch.randn(5, 3).double()
    outputs, parameters, before = [], None, x.clone()
    for differentiated in (True, False):
        layers = [make_layer(width, normalize, networks=networks) for width in WIDTHS[1:]]
        parameters = parameters or make_parameters(layers, networks)
        stack = Stack(aggregation, layers, networks, mask, jump, differentiated)
        with torch.no_grad():
            outputs.append(SAGELayers.apply(x, aggregation.values, stack, *parameters))
    for kept, found in zip(*outputs, strict=True):
        assert torch.equal(found, kept)
    assert torch.equal(x, before)
