"""How networks are called: the plan of a signature, of PyG's layers, and of what wraps them."""

import pytest
import torch
from torch import nn
from torch_geometric import nn as pyg

from pyg_diffpool import SAGEConv
from pyg_diffpool.nn import Assignment, GNNBlock, call_plan
from pyg_diffpool.nn.call_plan import CallPlan, feature_width, plan_call, runs_on_dense_levels


def edges(**parts) -> CallPlan:
    return CallPlan("edges", **parts)


FUNCTIONS = {
    "as documented": (
        lambda x, edge_index, edge_weight: None,
        edges(weight="edge_weight", ones=True),
    ),
    "optional weights": (
        lambda x, edge_index, edge_weight=None: None,
        edges(weight="edge_weight"),
    ),
    "no weights": (lambda x, edge_index: None, edges()),
    "weights by another name": (lambda x, edge_index, w: None, edges(weight="w", ones=True)),
    "an optional third": (lambda x, edge_index, w=None: None, edges(others=("w",))),
    "weights in third place alone": (
        lambda x, edge_index, w, /: None,
        edges(weight="", ones=True),
    ),
    "weights by keyword": (
        lambda x, edge_index, *, edge_weight=None: None,
        edges(weight="edge_weight"),
    ),
    "required features": (
        lambda x, edge_index, edge_attr: None,
        edges(weight="edge_attr", column=True, ones=True, width=1, features="edge_attr"),
    ),
    "optional features": (
        lambda x, edge_index, edge_attr=None: None,
        edges(features="edge_attr", others=("edge_attr",)),
    ),
    "features in third place alone": (
        lambda x, edge_index, edge_attr, /: None,
        edges(weight="", column=True, ones=True, width=1, features=""),
    ),
    "weights and features": (
        lambda x, edge_index, edge_weight=None, edge_attr=None: None,
        edges(weight="edge_weight", features="edge_attr", others=("edge_attr",)),
    ),
    "what is returned is no weight": (
        lambda x, edge_index, return_attention_weights=None: None,
        edges(others=("return_attention_weights",)),
    ),
    "edges by keyword": (
        lambda x, batch=None, edge_index=None: None,
        edges(edges="edge_index", extras=("batch",)),
    ),
    "adj_t": (lambda x, adj_t, batch_size=None: None, edges(extras=("batch_size",))),
    "a batch in third place": (lambda x, edge_index, batch: None, edges(extras=("batch",))),
    "something missing": (
        lambda x, edge_index, edge_weight=None, *, time: None,
        edges(weight="edge_weight", missing=("time",)),
    ),
    "rows": (lambda x: None, CallPlan("rows")),
    "rows and a batch": (lambda x, batch: None, CallPlan("rows", extras=("batch",))),
    "rows and something missing": (
        lambda x, size, time: None,
        CallPlan("rows", missing=("size", "time")),
    ),
    "matrices": (lambda x, adj, mask=None: None, CallPlan("matrix", extras=("mask",))),
    "matrices and something missing": (
        lambda x, adj, time: None,
        CallPlan("matrix", missing=("time",)),
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_plan_of_a_signature(name):
    function, wanted = FUNCTIONS[name]
    assert plan_call(function) == wanted


WEIGHTED = edges(weight="edge_weight")
COLUMN = {
    **{"weight": "edge_attr", "column": True, "ones": True, "width": 1},
    **{"features": "edge_attr", "features_width": 1},
}


def features(width):
    return {"width": width, "features": "edge_attr", "features_width": width}


RETURNS = ("return_attention_weights",)
SAMPLED = ("num_sampled_nodes_per_hop", "num_sampled_edges_per_hop")
LAYERS = {
    "GCNConv": (lambda: pyg.GCNConv(4, 4), WEIGHTED),
    "SAGEConv": (lambda: pyg.SAGEConv(4, 4), edges(others=("size",))),
    "GATv2Conv of one feature": (
        lambda: pyg.GATv2Conv(4, 4, edge_dim=1),
        edges(**COLUMN, others=RETURNS),
    ),
    "GATv2Conv of three": (
        lambda: pyg.GATv2Conv(4, 4, edge_dim=3),
        edges(**features(3), others=("edge_attr", *RETURNS)),
    ),
    "GATv2Conv of none": (
        lambda: pyg.GATv2Conv(4, 4),
        edges(others=("edge_attr", *RETURNS)),
    ),
    "GINEConv": (
        lambda: pyg.GINEConv(nn.Linear(4, 4), edge_dim=1),
        edges(**COLUMN, others=("size",)),
    ),
    "NNConv of two": (
        lambda: pyg.NNConv(4, 4, nn.Sequential(nn.Linear(2, 8), nn.Linear(8, 16))),
        edges(**features(2), others=("edge_attr", "size")),
    ),
    "CGConv": (lambda: pyg.CGConv(4, dim=1), edges(**COLUMN)),
    "GMMConv": (
        lambda: pyg.GMMConv(4, 4, dim=2, kernel_size=2),
        edges(**features(2), others=("edge_attr", "size")),
    ),
    "RGCNConv": (lambda: pyg.RGCNConv(4, 4, 2), edges(others=("edge_type",))),
    "DenseSAGEConv": (
        lambda: pyg.DenseSAGEConv(4, 4),
        CallPlan("matrix", extras=("mask",)),
    ),
    "Linear": (lambda: nn.Linear(4, 4), CallPlan("rows")),
    "MLP": (lambda: pyg.MLP([4, 4]), CallPlan("rows", extras=("batch", "batch_size"))),
    "GCN": (
        lambda: pyg.GCN(4, 4, 2),
        edges(weight="edge_weight", extras=("batch", "batch_size"), others=SAMPLED),
    ),
    "GAT of one feature": (
        lambda: pyg.GAT(4, 4, 2, edge_dim=1),
        edges(**COLUMN, extras=("batch", "batch_size"), others=SAMPLED),
    ),
    "GraphSAGE": (
        lambda: pyg.GraphSAGE(4, 4, 2),
        edges(extras=("batch", "batch_size"), others=SAMPLED),
    ),
    "our SAGEConv": (
        lambda: SAGEConv(4, 4),
        edges(weight="edge_weight", extras=("mask",), others=("size",)),
    ),
    "Assignment": (
        lambda: Assignment(GNNBlock(4, 4, 4, 2), 3),
        edges(weight="edge_weight", extras=("mask",)),
    ),
    "DataParallel": (lambda: nn.DataParallel(pyg.GCNConv(4, 4)), WEIGHTED),
    "pyg.Sequential": (
        lambda: pyg.Sequential(
            "x, edge_index, edge_weight",
            [(pyg.GCNConv(4, 4), "x, edge_index, edge_weight -> x")],
        ),
        edges(weight="edge_weight", ones=True),
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_the_plan_of_a_layer(name):
    make, wanted = LAYERS[name]
    assert plan_call(make()) == wanted


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_scripted_network_tells_its_arguments_too():
    class Scripted(nn.Module):
        def forward(self, x: torch.Tensor, edge_index: torch.Tensor, w: torch.Tensor):
            return x

    class Optional(nn.Module):
        def forward(self, x: torch.Tensor, edge_index: torch.Tensor, size: int = 0):
            return x

    assert plan_call(torch.jit.script(Scripted())) == edges(weight="w", ones=True)
    assert plan_call(torch.jit.script(Optional())) == edges(others=("size",))


class Passes(nn.Module):
    """Hands everything on; of its networks, those of graphs decide."""

    def __init__(self, *networks):
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, *args, **kwargs):
        return self.networks[0](*args, **kwargs)


class Wraps(nn.Module):
    def __init__(self, network, own=None):
        super().__init__()
        self.network = network
        if own is not None:
            self.edge_dim = own

    def forward(self, x, *args, **kwargs):
        return self.network(x, *args, **kwargs)


def test_what_is_passed_on_is_what_every_inner_network_takes():
    class Several(nn.Module):
        def __init__(self, *networks):
            super().__init__()
            self.first, self.second = networks

        def forward(self, x, edge_index, **kwargs):
            return self.second(self.first(x, edge_index, **kwargs), edge_index, **kwargs)

    both = Several(pyg.GCNConv(4, 4), pyg.GraphConv(4, 4))
    assert plan_call(both) == edges(weight="edge_weight")
    one = Several(pyg.GCNConv(4, 4), pyg.SAGEConv(4, 4))
    assert plan_call(one) == edges()
    none = Several(nn.Linear(4, 4), nn.ReLU())
    assert plan_call(none) == edges()


def test_features_are_as_wide_as_all_layers_agree():
    narrow, wide = pyg.GATv2Conv(4, 4, edge_dim=1), pyg.GATv2Conv(4, 4, edge_dim=3)
    assert feature_width(narrow) == 1
    assert feature_width(Passes(narrow, pyg.GCNConv(4, 4))) == 1
    assert feature_width(Passes(narrow, wide)) is None
    assert feature_width(Wraps(narrow, own=3)) == 3
    assert feature_width(Wraps(narrow, own="one")) == 1
    assert feature_width(lambda x: x) is None
    assert feature_width(nn.Linear(4, 4)) is None
    assert feature_width(Wraps(nn.Linear(4, 4), own=2)) == 2
    assert feature_width(pyg.NNConv(4, 4, torch.tanh)) is None
    assert feature_width(pyg.PNAConv(4, 4, ["sum"], ["identity"], torch.ones(3), edge_dim=5)) == 5


@pytest.mark.parametrize(
    ("make", "dense"),
    [
        (lambda: SAGEConv(4, 4), True),
        (lambda: pyg.GCNConv(4, 4), False),
        (lambda: nn.Linear(4, 4), False),
        (lambda: nn.DataParallel(SAGEConv(4, 4)), True),
        (lambda: nn.DataParallel(nn.DataParallel(SAGEConv(4, 4))), True),
        (lambda: nn.DataParallel(pyg.GCNConv(4, 4)), False),
        (lambda: Wraps(SAGEConv(4, 4)), False),
        (lambda: nn.Sequential(SAGEConv(4, 4)), False),
        (lambda: lambda x, edge_index: x, False),
    ],
)
def test_our_layers_run_on_dense_levels_and_what_only_wraps_them(make, dense):
    assert runs_on_dense_levels(make()) is dense


def test_a_layers_plan_is_made_once_and_forgotten_with_it(monkeypatch):
    made = []
    plan = call_plan._planned

    def counted(network):
        made.append(type(network).__name__)
        return plan(network)

    monkeypatch.setattr(call_plan, "_planned", counted)
    layer, own = pyg.GCNConv(4, 4), nn.Linear(4, 4)
    for _ in range(2):
        assert plan_call(layer) == WEIGHTED
        plan_call(own)
    assert made == ["GCNConv", "Linear", "Linear"]
    layer.forward = lambda x, edge_index: x
    assert plan_call(layer) == edges()
    assert layer in call_plan._PLANS
    size = len(call_plan._PLANS)
    del layer
    assert len(call_plan._PLANS) == size - 1
