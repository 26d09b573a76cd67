"""Any network embeds and assigns: weights reach it if it can take them, or it is said why not."""

import functools
import inspect
import warnings

import pytest
import torch
from torch import nn
from torch.testing import assert_close
from torch_geometric import nn as pyg
from torch_geometric.data import Batch

from pyg_diffpool import DiffPool, SAGEConv
from pyg_diffpool.nn import GNNBlock
from tests.problems import make_problem
from tests.versions import needs_compiler

EXACT = {"rtol": 1e-8, "atol": 1e-8}
PROBLEM = make_problem((6, 3), num_features=4, weights="positive", duplicates=False)
ARGUMENTS = (PROBLEM.x, PROBLEM.edge_index)
WEIGHT = PROBLEM.edge_weight
COLUMN = WEIGHT.view(-1, 1)


def pooling(embed, width=4) -> DiffPool:
    return DiffPool(embed, SAGEConv(width, 2), max_clusters=2).double().eval()


def embedded(embed, weight=WEIGHT, edge_index=PROBLEM.edge_index):
    """What the pooling took for the embedding, without a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*cannot use edge weights")
        return pooling(embed)(PROBLEM.x, edge_index, weight, PROBLEM.batch).embedding


def mlp(width=4, out=4):
    return nn.Sequential(nn.Linear(width, 8), nn.ReLU(), nn.Linear(8, out))


DEGREES = torch.tensor([0, 2, 3, 1])
BY_WEIGHT = {
    "GCNConv": lambda: pyg.GCNConv(4, 4),
    "GraphConv": lambda: pyg.GraphConv(4, 4),
    "ChebConv": lambda: pyg.ChebConv(4, 4, K=2),
    "TAGConv": lambda: pyg.TAGConv(4, 4),
    "ARMAConv": lambda: pyg.ARMAConv(4, 4),
    "SGConv": lambda: pyg.SGConv(4, 4),
    "SSGConv": lambda: pyg.SSGConv(4, 4, alpha=0.1),
    "APPNP": lambda: pyg.APPNP(2, 0.1),
    "LEConv": lambda: pyg.LEConv(4, 4),
    "LGConv": lambda: pyg.LGConv(),
    "GatedGraphConv": lambda: pyg.GatedGraphConv(4, 2),
    "MixHopConv": lambda: pyg.MixHopConv(4, 4),
    "SimpleConv": lambda: pyg.SimpleConv(),
    "GCN": lambda: pyg.GCN(4, 8, 2, 4),
    "RECT_L": lambda: pyg.RECT_L(4, 4),
    "GraphUNet": lambda: pyg.GraphUNet(4, 8, 4, depth=1),
}
BY_FEATURE = {
    "GATConv": lambda: pyg.GATConv(4, 4, edge_dim=1),
    "GATv2Conv": lambda: pyg.GATv2Conv(4, 4, edge_dim=1),
    "TransformerConv": lambda: pyg.TransformerConv(4, 4, edge_dim=1),
    "GINEConv": lambda: pyg.GINEConv(mlp(), edge_dim=1),
    "GENConv": lambda: pyg.GENConv(4, 4, edge_dim=1),
    "PNAConv": lambda: pyg.PNAConv(4, 4, ["mean"], ["identity"], DEGREES, edge_dim=1),
    "NNConv": lambda: pyg.NNConv(4, 4, mlp(1, 16)),
    "GMMConv": lambda: pyg.GMMConv(4, 4, dim=1, kernel_size=2),
    "CGConv": lambda: pyg.CGConv(4, dim=1),
    "ResGatedGraphConv": lambda: pyg.ResGatedGraphConv(4, 4, edge_dim=1),
    "GeneralConv": lambda: pyg.GeneralConv(4, 4, in_edge_channels=1),
    "PDNConv": lambda: pyg.PDNConv(4, 4, edge_dim=1, hidden_channels=3),
    "GAT": lambda: pyg.GAT(4, 8, 2, 4, edge_dim=1),
    "PNA": lambda: pyg.PNA(
        4, 8, 2, 4, aggregators=["mean"], scalers=["identity"], deg=DEGREES, edge_dim=1
    ),
}
WITHOUT = {
    "SAGEConv": lambda: pyg.SAGEConv(4, 4),
    "GINConv": lambda: pyg.GINConv(mlp()),
    "GATConv": lambda: pyg.GATConv(4, 4),
    "GATv2Conv of 3 features": lambda: pyg.GATv2Conv(4, 4, edge_dim=3),
    "ClusterGCNConv": lambda: pyg.ClusterGCNConv(4, 4),
    "EdgeConv": lambda: pyg.EdgeConv(mlp(8)),
    "MFConv": lambda: pyg.MFConv(4, 4),
    "FeaStConv": lambda: pyg.FeaStConv(4, 4),
    "EGConv": lambda: pyg.EGConv(4, 4, num_heads=2),
    "GENConv": lambda: pyg.GENConv(4, 4),
    "HypergraphConv": lambda: pyg.HypergraphConv(4, 4),
    "SuperGATConv": lambda: pyg.SuperGATConv(4, 4),
    "DirGNNConv": lambda: pyg.DirGNNConv(pyg.GCNConv(4, 4)),
    "GIN": lambda: pyg.GIN(4, 8, 2, 4),
    "GraphSAGE": lambda: pyg.GraphSAGE(4, 8, 2, 4),
}
REFUSED = {
    "GINEConv": lambda: pyg.GINEConv(mlp()),
    "NNConv": lambda: pyg.NNConv(4, 4, mlp(3, 16)),
    "GMMConv": lambda: pyg.GMMConv(4, 4, dim=2, kernel_size=2),
    "RGCNConv": lambda: pyg.RGCNConv(4, 4, 2),
    "GCN2Conv": lambda: pyg.GCN2Conv(4, 0.1),
    "PointNetConv": lambda: pyg.PointNetConv(),
    "DenseSAGEConv": lambda: pyg.DenseSAGEConv(4, 4),
    "Sequential": lambda: nn.Sequential(pyg.GCNConv(4, 4), nn.ReLU()),
}


def both_levels(pool: DiffPool):
    """Call a layer on the sparse level, and on the same graphs as a dense one."""
    sparse = pool(*ARGUMENTS, WEIGHT, PROBLEM.batch)
    x, mask = PROBLEM.to_dense(PROBLEM.x)
    dense = pool(x, PROBLEM.to_dense_adjacency(), mask=mask)
    assert_close(dense.x, sparse.x, rtol=1e-6, atol=1e-6)
    assert_close(dense.adj, sparse.adj, rtol=1e-6, atol=1e-6)
    return sparse.embedding


@pytest.mark.filterwarnings("ignore:.*`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("name", BY_WEIGHT)
def test_layers_that_take_weights_get_them(name):
    embed = BY_WEIGHT[name]().double().eval()
    if name == "GraphUNet" and "edge_weight" not in inspect.signature(embed.forward).parameters:
        pytest.skip("the GraphUNet of this PyG takes no weights")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*cannot use edge weights")
        found = both_levels(pooling(embed))
    options = {"batch": PROBLEM.batch} if name in ("ChebConv", "GraphUNet") else {}
    assert_close(found, embed(*ARGUMENTS, edge_weight=WEIGHT, **options), **EXACT)
    assert not torch.allclose(found, embed(*ARGUMENTS, **options))


@pytest.mark.parametrize("name", BY_FEATURE)
def test_layers_that_take_one_feature_an_edge_get_the_weight(name):
    embed = BY_FEATURE[name]().double().eval()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*cannot use edge weights")
        found = both_levels(pooling(embed))
    assert_close(found, embed(*ARGUMENTS, edge_attr=COLUMN), **EXACT)
    ones = embed(*ARGUMENTS, edge_attr=torch.ones_like(COLUMN))
    assert not torch.allclose(found, ones)
    # No weight is a weight of one, here as everywhere.
    assert_close(embedded(embed, None), ones, **EXACT)
    adj_t = torch.sparse_coo_tensor(PROBLEM.edge_index.flip(0), WEIGHT, (9, 9)).to_sparse_csr()
    assert_close(embedded(embed, None, adj_t), found, **EXACT)


@pytest.mark.parametrize("name", WITHOUT)
def test_layers_without_weights_warn_and_run(name):
    embed = WITHOUT[name]().double().eval()
    pool = pooling(embed)
    with pytest.warns(UserWarning, match="cannot use edge weights"):
        found = pool(*ARGUMENTS, WEIGHT, PROBLEM.batch).embedding
    assert_close(found, embed(*ARGUMENTS), **EXACT)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*cannot use edge weights")
        pool(*ARGUMENTS, WEIGHT, PROBLEM.batch)


def test_the_warning_says_which_width_was_wanted():
    with pytest.warns(UserWarning, match="GATv2Conv .* takes 3 features per edge"):
        pooling(pyg.GATv2Conv(4, 4, edge_dim=3))(*ARGUMENTS, WEIGHT)


@pytest.mark.parametrize("role", ["embed", "assign"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_called_is_named(name, role):
    networks = {"embed": SAGEConv(4, 4), "assign": SAGEConv(4, 2), role: REFUSED[name]()}
    pool = DiffPool(**networks, max_clusters=2).double()
    with pytest.raises(TypeError, match=rf"^{role}: .*{name}"):
        pool(*ARGUMENTS, WEIGHT, PROBLEM.batch)


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("RGCNConv", "edge_type"),
        ("PointNetConv", "pos"),
        ("GCN2Conv", "x_0"),
        ("NNConv", "edge_attr"),
        ("DenseSAGEConv", "adjacency matrices"),
    ],
)
def test_the_argument_that_does_not_fit_is_named(name, argument):
    with pytest.raises(TypeError, match=argument):
        pooling(REFUSED[name]())(*ARGUMENTS, WEIGHT)


class Wrapper(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, *args, **kwargs):
        return self.network(*args, **kwargs)


class Scaled(Wrapper):
    def __init__(self, network):
        super().__init__(network)
        self.norm = nn.LayerNorm(4)
        self.dropout = nn.Dropout(0.5)

    def forward(self, *args, **kwargs):
        return self.dropout(self.norm(self.network(*args, **kwargs)))


class Residual(Wrapper):
    def forward(self, x, edge_index, **kwargs):
        return x + self.network(x, edge_index, **kwargs)


class Positional(Wrapper):
    def forward(self, *args):
        return self.network(*args)


class Layers(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x, *args, **kwargs):
        for layer in self.layers:
            x = layer(x, *args, **kwargs)
        return x


class Spelled(Wrapper):
    def forward(self, h, edges, w):
        return self.network(h, edges, w)


class Renamed(Wrapper):
    def forward(self, h, edges, edge_weights=None):
        return self.network(h, edges, edge_weights)


class Featured(Wrapper):
    def forward(self, x, edge_index, edge_attr=None):
        return self.network(x, edge_index, edge_attr)


def with_partial(network):
    wrapper = Wrapper(network)
    wrapper.forward = functools.partial(network.forward)
    return wrapper


def with_decorator(network):
    wrapper = Wrapper(network)

    @functools.wraps(network.forward)
    def forward(*args, **kwargs):
        return network(*args, **kwargs)

    wrapper.forward = forward
    return wrapper


WRAPPERS = {
    "forward(*args, **kwargs)": Wrapper,
    "twice": lambda network: Wrapper(Wrapper(network)),
    "with other layers": Scaled,
    "forward(x, edge_index, **kwargs)": Residual,
    "forward(*args)": Positional,
    "several layers": lambda network: Layers(network, network),
    "torch.compile": lambda network: torch.compile(network, backend="eager"),
    "torch.compile of a wrapper": lambda n: torch.compile(Wrapper(n), backend="eager"),
    "DataParallel": nn.DataParallel,
    "AveragedModel": torch.optim.swa_utils.AveragedModel,
    "partial": with_partial,
    "functools.wraps": with_decorator,
    "an argument of another name": Spelled,
    "an optional one": Renamed,
    "AntiSymmetricConv": lambda network: pyg.AntiSymmetricConv(4, network),
    "GPSConv": lambda network: pyg.GPSConv(4, network, heads=2),
    "DeepGCNLayer": lambda network: pyg.DeepGCNLayer(network, nn.LayerNorm(4), nn.ReLU()),
    "pyg.Sequential": lambda network: pyg.Sequential(
        "x, edge_index, edge_weight", [(network, "x, edge_index, edge_weight -> x"), nn.ReLU()]
    ),
}
INSIDE = {
    "GCNConv": lambda: pyg.GCNConv(4, 4),
    "our SAGEConv": lambda: SAGEConv(4, 4),
    "our GNNBlock": lambda: GNNBlock(4, 4, 4, 2, jump="last", batch_norm=False),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("inside", INSIDE)
@pytest.mark.parametrize("name", WRAPPERS)
def test_wrappers_are_looked_through(name, inside):
    if name.startswith("torch.compile") and inside.startswith("our"):
        needs_compiler()
    torch._dynamo.reset()
    embed = WRAPPERS[name](INSIDE[inside]()).double().eval()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*cannot use edge weights")
        found = both_levels(pooling(embed))
    options = {"batch": PROBLEM.batch} if name == "GPSConv" else {}
    third = {} if name == "forward(*args)" or "name" in name else options
    if name in ("forward(*args)", "an argument of another name", "an optional one"):
        expected = embed(*ARGUMENTS, WEIGHT)
    else:
        expected = embed(*ARGUMENTS, edge_weight=WEIGHT, **third)
    assert_close(found, expected, **EXACT)
    if name != "an argument of another name":
        plain = (None,) if name == "pyg.Sequential" else ()
        assert not torch.allclose(found, embed(*ARGUMENTS, *plain, **options))


@pytest.mark.parametrize("make", [Wrapper, Featured, lambda n: Wrapper(Featured(n))])
@pytest.mark.parametrize("name", ["GATv2Conv", "NNConv", "GINEConv"])
def test_edge_features_are_found_in_a_wrapper(name, make):
    embed = make(BY_FEATURE[name]()).double().eval()
    assert_close(both_levels(pooling(embed)), embed(*ARGUMENTS, edge_attr=COLUMN), **EXACT)


@pytest.mark.parametrize("wrap", [Wrapper, nn.DataParallel])
def test_a_wrapper_of_what_takes_no_weights_warns(wrap):
    embed = wrap(pyg.SAGEConv(4, 4))
    with pytest.warns(UserWarning, match="cannot use edge weights"):
        pooling(embed)(*ARGUMENTS, WEIGHT)


ROWS = {
    "Linear": lambda: nn.Linear(4, 4),
    "Sequential": lambda: nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.BatchNorm1d(4)),
    "pyg.Linear": lambda: pyg.Linear(-1, 4),
    "MLP": lambda: pyg.MLP([4, 8, 4]),
    "MLP with GraphNorm": lambda: pyg.MLP([4, 8, 4], norm="graph_norm"),
    "wrapped": lambda: Wrapper(nn.Linear(4, 4)),
    "compiled": lambda: torch.compile(nn.Linear(4, 4), backend="eager"),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_network_of_rows_is_called_on_rows_alone(name):
    torch._dynamo.reset()
    embed = ROWS[name]().double().eval()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*cannot use edge weights")
        found = both_levels(pooling(embed))
    options = {"batch": PROBLEM.batch} if "Graph" in name else {}
    assert_close(found, embed(PROBLEM.x, **options), **EXACT)
    # All rows of a dense level at once, where there is no mask.
    pool = pooling(embed)
    x = torch.randn(2, 3, 4).double()
    out = pool(x, torch.rand(2, 3, 3).double()).embedding
    options = {"batch": torch.tensor([0, 0, 0, 1, 1, 1])} if "Graph" in name else {}
    assert_close(out.flatten(0, 1), embed(x.flatten(0, 1), **options), **EXACT)


def test_padding_stays_out_of_the_statistics_of_a_network_of_rows():
    embed = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)).double()
    x, mask = PROBLEM.to_dense(PROBLEM.x, fill=100.0)
    out = DiffPool(embed, SAGEConv(4, 2).double(), max_clusters=2)(
        x, PROBLEM.to_dense_adjacency(), mask=mask
    )
    assert_close(out.embedding[mask], embed(PROBLEM.x), **EXACT)


class DenseNetwork(nn.Module):
    """As in PyG's example of dense_diff_pool."""

    def __init__(self):
        super().__init__()
        self.conv = pyg.DenseSAGEConv(4, 4)

    def forward(self, x, adj, mask=None):
        return self.conv(x, adj, mask).relu()


DENSE = {
    "DenseSAGEConv": lambda: pyg.DenseSAGEConv(4, 4),
    "DenseGCNConv": lambda: pyg.DenseGCNConv(4, 4),
    "DenseGraphConv": lambda: pyg.DenseGraphConv(4, 4),
    "DenseGINConv": lambda: pyg.DenseGINConv(mlp()),
    "DenseGATConv": lambda: pyg.DenseGATConv(4, 4),
    "of one's own": DenseNetwork,
    "wrapped": lambda: Wrapper(pyg.DenseSAGEConv(4, 4)),
}


@pytest.mark.parametrize("name", DENSE)
@pytest.mark.parametrize("masked", [False, True])
def test_pygs_dense_layers_run_on_pooled_levels(name, masked):
    embed = DENSE[name]().double()
    x, mask = PROBLEM.to_dense(PROBLEM.x)
    mask = mask if masked else None
    adj = PROBLEM.to_dense_adjacency()
    found = pooling(embed)(x, adj, mask=mask).embedding
    assert_close(found, embed(x, adj, mask), **EXACT)


class Returns(nn.Module):
    def __init__(self, made):
        super().__init__()
        self.made = made

    def forward(self, x, edge_index, edge_weight=None):
        return self.made(x)


@pytest.mark.parametrize(
    ("made", "error", "text"),
    [
        (lambda x: (x, x), TypeError, "a tensor, got tuple"),
        (lambda x: None, TypeError, "a tensor, got NoneType"),
        (lambda x: Batch(x=x), TypeError, "a tensor, got DataBatch"),
        (lambda x: x[:2], ValueError, "a row for each node"),
        (lambda x: x.sum(1), ValueError, "a row for each node"),
    ],
)
def test_what_a_network_returns_is_checked(made, error, text):
    with pytest.raises(error, match=f"^embed: expected Returns to .*{text}"):
        pooling(Returns(made))(*ARGUMENTS, WEIGHT)
    with pytest.raises(TypeError, match=r"^embed: .*GRU.* return a tensor, got tuple"):
        pooling(nn.GRU(4, 4))(*ARGUMENTS, WEIGHT)


class OutOfMemoryError(RuntimeError):
    pass


@pytest.mark.parametrize("raised", [ValueError("mine"), OutOfMemoryError("mine"), KeyError("mine")])
def test_errors_of_the_users_own_pass_as_they_are(raised):
    def fail(x):
        raise raised

    with pytest.raises(type(raised), match="mine"):
        pooling(Returns(fail))(*ARGUMENTS, WEIGHT)


def test_an_error_of_types_keeps_its_cause():
    def fail(x):
        return x + "a"

    with pytest.raises(TypeError, match=r"^embed: Returns could not be called") as caught:
        pooling(Returns(fail))(*ARGUMENTS, WEIGHT)
    assert isinstance(caught.value.__cause__, TypeError)
    assert "unsupported operand" in str(caught.value.__cause__)


def test_a_function_may_embed():
    pool = DiffPool(lambda x, edge_index: 2 * x, nn.Linear(4, 2), max_clusters=2).double()
    assert_close(pool(*ARGUMENTS).embedding, 2 * PROBLEM.x)
