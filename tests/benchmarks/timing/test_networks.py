import pytest
import torch
from torch_geometric.data import Batch, Data

from benchmarks.timing.networks import DenseBlock, OursLikeTgpNet, PyGNet, TgpNet
from benchmarks.timing.rivals import TGP_INSTALLED


def pyg_parameters(features, hidden, classes, first, second):
    """Follow the shapes of PyG's example."""

    def block(width, out, linear):
        layers = ((width, hidden), (hidden, hidden), (hidden, out))
        # Each layer: two weights, a bias, and the two vectors of its batch normalisation.
        total = sum(2 * before * after + 3 * after for before, after in layers)
        return total + ((2 * hidden + out) * out + out if linear else 0)

    read = 3 * hidden
    blocks = block(features, first, True) + block(features, hidden, False)
    blocks += block(read, second, True) + 2 * block(read, hidden, False)
    return blocks + (read * hidden + hidden) + (hidden * classes + classes)


@pytest.mark.parametrize(("features", "classes", "clusters"), [(3, 6, (38, 10)), (21, 2, (5, 2))])
def test_pyg_network_has_the_parameters_of_the_example(features, classes, clusters):
    network = PyGNet(features, 64, classes, clusters)
    found = sum(parameter.numel() for parameter in network.parameters())
    assert found == pyg_parameters(features, 64, classes, *clusters)


def test_dense_block_follows_its_equations():
    block = DenseBlock(2, 4, 3, linear=True).eval()
    x, adj = torch.randn(2, 5, 2), torch.randint(0, 2, (2, 5, 5)).float()
    rows, h = [], x
    for conv in block.convs:
        neighbours = adj @ h / adj.sum(-1, keepdim=True).clamp(min=1)
        h = neighbours @ conv.lin_rel.weight.t() + h @ conv.lin_root.weight.t()
        # Batch normalisation that has seen nothing divides by sqrt(1 + eps).
        h = (h + conv.lin_root.bias).relu() / (1 + 1e-5) ** 0.5
        rows.append(h)
    expected = block.linear(torch.cat(rows, -1)).relu()
    torch.testing.assert_close(block(x, adj), expected)


def test_padding_does_not_change_what_pyg_network_predicts():
    network = PyGNet(3, 8, 2, (4, 2)).eval()
    x, adj = torch.randn(2, 6, 3), torch.randint(0, 2, (2, 6, 6)).float()
    mask = torch.ones(2, 6, dtype=torch.bool)
    padded = network(
        torch.nn.functional.pad(x, (0, 0, 0, 5)),
        torch.nn.functional.pad(adj, (0, 5, 0, 5)),
        torch.nn.functional.pad(mask, (0, 5)),
    )
    logits, loss = network(x, adj, mask)
    torch.testing.assert_close(padded[0], logits)
    # The losses are means over padded entries: that is PyG's.
    assert padded[1] < loss


@pytest.mark.skipif(not TGP_INSTALLED, reason="tgp is not installed")
def test_modes_of_tgp_agree_and_train_every_parameter():
    edge_index = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    batch = Batch.from_data_list(
        [Data(x=torch.randn(size, 3), edge_index=edge_index) for size in (3, 5)]
    )
    batched = TgpNet(3, 8, 2, (4, 2), batched=True)
    unbatched = TgpNet(3, 8, 2, (4, 2), batched=False)
    unbatched.load_state_dict(batched.state_dict())
    outputs = [network(batch.x, batch.edge_index, batch.batch) for network in (batched, unbatched)]
    torch.testing.assert_close(outputs[0], outputs[1])
    assert outputs[0][0].shape == (2, 2)
    sum(part.sum() for part in outputs[0]).backward()
    assert all(parameter.grad is not None for parameter in batched.parameters())


def block_parameters(width, hidden):
    """Count three GraphSAGE layers: two weights, a bias, the two vectors of their normalisation."""
    return sum(2 * before * hidden + 3 * hidden for before in (width, hidden, hidden))


def test_our_network_like_tgps_has_its_parameters():
    hidden, first, second, classes = 8, 4, 2, 3
    read = 3 * hidden
    linear = [(read, first), (read, second), (read, hidden), (hidden, classes)]
    expected = block_parameters(5, hidden) + 2 * block_parameters(read, hidden)
    expected += sum(before * after + after for before, after in linear)
    networks = [OursLikeTgpNet(5, hidden, classes, (first, second))]
    if TGP_INSTALLED:
        networks.append(TgpNet(5, hidden, classes, (first, second), batched=False))
    for network in networks:
        assert sum(parameter.numel() for parameter in network.parameters()) == expected


def test_dense_block_leaves_padded_rows_empty():
    block = DenseBlock(2, 4, 3)
    mask = torch.tensor([[True, True, False]])
    rows = block.eval()(torch.ones(1, 3, 2), torch.ones(1, 3, 3), mask)
    assert (rows[0, 2] == 0).all()
    assert (rows[0, :2] != 0).any()
