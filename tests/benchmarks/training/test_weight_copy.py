import copy

import torch
from torch import nn

from benchmarks.training.weight_copy import copied_weights


def network():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))
    # A tied weight, and one that is no contiguous tensor.
    net[2].weight = net[0].weight
    net[1].weight = nn.Parameter(torch.randn(4, 2).t()[0])
    return net


def test_copies_are_equal_and_stay_when_the_weights_change():
    net = network()
    copied, expected = copied_weights(net.state_dict()), copy.deepcopy(net.state_dict())
    with torch.no_grad():
        for value in net.state_dict().values():
            value.add_(1)
    assert copied.keys() == expected.keys()
    assert all(torch.equal(copied[name], value) for name, value in expected.items())
    net.load_state_dict(copied)
    assert all(torch.equal(expected[name], value) for name, value in net.state_dict().items())


def test_what_is_no_tensor_is_copied_too():
    extra = {"seen": [1, 2]}
    copied = copied_weights({"extra": extra})
    extra["seen"].append(3)
    assert copied == {"extra": {"seen": [1, 2]}}
