import pytest
import torch
from matplotlib.figure import Figure
from torch_geometric.data import Batch

from pyg_diffpool import DiffPoolNet
from pyg_diffpool.visualize import hierarchy, plot_assignment, plot_training
from tests.visualize.graphs import ring

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def test_everything_comes_to_the_cpu():
    batch = Batch.from_data_list([ring(5), ring(9)]).to("cuda")
    batch.x = torch.randn(14, 3, device="cuda")
    out = DiffPoolNet(3, 8, 2, max_clusters=[6, 3]).cuda()(
        batch.x, batch.edge_index, batch=batch.batch
    )
    position = torch.rand(9, 2, device="cuda")
    levels = hierarchy(batch, out, graph=1, position=position).levels
    tensors = [
        value for level in levels for value in vars(level).values() if torch.is_tensor(value)
    ]
    assert {value.device.type for value in tensors} == {"cpu"}
    ax = plot_assignment(out, graph=1, batch=batch.batch, ax=Figure().subplots())
    assert len(ax.images[0].get_array()) == 9
    plot_training({"train_loss": torch.rand(3, device="cuda")}, axes=Figure().subplots())
