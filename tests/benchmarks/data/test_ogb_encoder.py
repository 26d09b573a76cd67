import pytest
import torch
from torch_geometric.data import Batch, Data

from benchmarks.data.ogb_encoder import EdgeEncoder, Encoded, MoleculeEncoder, make_encoder
from benchmarks.methods import build_network
from benchmarks.spec.errors import UsageError
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import Settings
from benchmarks.training.forward import Forward
from pyg_diffpool import ResidentLoader


def edge_batch():
    """Two edges enter node 0, one of them node 1; node 2 has none, nor has the second graph."""
    first = Data(
        edge_index=torch.tensor([[1, 2, 0], [0, 0, 1]]),
        edge_attr=torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]]),
        num_nodes=3,
    )
    second = Data(
        edge_index=torch.empty(2, 0, dtype=torch.long), edge_attr=torch.empty(0, 2), num_nodes=1
    )
    return Batch.from_data_list([first, second])


def test_edges_are_averaged_over_the_nodes_that_they_enter():
    encoder = EdgeEncoder(2, 2)
    with torch.no_grad():
        encoder.node.weight.copy_(torch.tensor([[10.0, 20.0]]))
        encoder.edge.weight.copy_(torch.eye(2))
        encoder.edge.bias.zero_()
    batch = edge_batch()
    encoded = encoder(batch)
    expected = torch.tensor([[10.5, 20.5], [12.0, 22.0], [10.0, 20.0], [10.0, 20.0]])
    torch.testing.assert_close(encoded.x, expected)
    assert batch.x is None
    assert batch.edge_attr.size(1) == 2
    assert encoded.num_graphs == 2


@pytest.mark.ogb
@pytest.mark.usefixtures("ogb_package")
def test_molecules_get_the_embeddings_of_ogb():
    encoder = MoleculeEncoder(4)
    atoms = torch.tensor([[5, 0, 1, 5, 3, 0, 2, 0, 0], [7, 0, 1, 5, 2, 0, 2, 1, 0]])
    bonds = torch.tensor([[0, 0, 0], [1, 0, 1]])
    data = Data(x=atoms, edge_attr=bonds, edge_index=torch.tensor([[0, 1], [1, 0]]))
    encoded = encoder(Batch.from_data_list([data]))
    columns = [table.weight for table in encoder.atom.atom_embedding_list]
    embedded = sum(table[atoms[:, number]] for number, table in enumerate(columns))
    torch.testing.assert_close(encoded.edge_attr, encoder.bond(bonds))
    torch.testing.assert_close(encoded.x, embedded + encoder.bond(bonds)[[1, 0]])


@pytest.mark.parametrize("method", ["diffpool", "graphsage"])
def test_a_network_behind_an_encoder_is_called_as_without(method):
    """The same logits as from encoding by hand, and gradients that reach the encoder."""
    settings = Settings(
        hidden_channels=8, num_layers=1, num_layers_after=1, num_pools=int(method == "diffpool")
    )
    clusters = [2] * settings.num_pools
    problem = Problem(0, 3, clusters, torch.tensor([3, 1]), 2, encoder="edge")
    model = build_network(method, settings, problem).eval()
    assert isinstance(model, Encoded)
    graphs = edge_batch().to_data_list()
    (batch,) = ResidentLoader(graphs, 2)
    prediction = Forward(model)(batch)
    encoded = model.encoder(batch)
    expected = model.network(encoded.x, encoded.edge_index, batch=encoded.batch, batch_size=2)
    torch.testing.assert_close(prediction.logits, expected.logits)
    assert prediction.logits.shape == (2, 3)
    prediction.logits.sum().backward()
    assert float(model.encoder.edge.weight.grad.abs().sum()) > 0


def test_encoded_edges_reach_a_network_that_names_them():
    class EdgeSum(torch.nn.Module):
        def forward(self, x, edge_index, batch, edge_attr):
            return edge_attr.sum(dim=0, keepdim=True)

    encoder = EdgeEncoder(2, 5)
    batch = edge_batch()
    logits = Forward(Encoded(encoder, EdgeSum()))(batch).logits
    torch.testing.assert_close(logits, encoder.edge(batch.edge_attr).sum(0, keepdim=True))


def test_an_unknown_encoder_is_named():
    with pytest.raises(UsageError, match="unknown encoder 'molecules': did you mean 'molecule'"):
        make_encoder("molecules", 3, 8)
