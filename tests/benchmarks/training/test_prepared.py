import pathlib
import pickle
import types

import pytest
import torch
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from benchmarks.data.registry import find_source
from benchmarks.spec.settings import make_settings
from benchmarks.training import prepared
from benchmarks.training.prepared import PreparedLoader, prepared_graphs
from pyg_diffpool import ResidentLoader


def prepare(data, settings):
    assert data.y is None
    count = data.num_nodes
    return {
        "far_index": torch.arange(count).flip(0)[: settings.field_size],
        "place": torch.arange(count).view(-1, 1),
        "size": torch.tensor([[count]]),
    }


@pytest.fixture
def method(monkeypatch):
    """A method that prepares something; its own settings and calls can be watched."""
    calls = []

    def counted(data, settings):
        calls.append(data.num_nodes)
        return prepare(data, settings)

    module = types.SimpleNamespace(prepare=counted, PREPARED_BY=("field_size",), calls=calls)
    monkeypatch.setattr(prepared, "load_method", lambda name: module)
    monkeypatch.setattr(prepared.inspect, "getsource", lambda thing: "source")
    return module


def test_batches_are_joined_as_pyg_joins_them(tiny_data, method):
    source = find_source("TINY")
    settings = make_settings({"field_size": 2})
    extra = prepared_graphs(source, "some", settings)
    graphs = []
    for data, added in zip(source.graphs, extra, strict=True):
        graphs.append(Data(x=data.x, edge_index=data.edge_index, y=data.y, **added))
    order = torch.tensor([5, 0, 3, 7, 1])
    expected = DataLoader([graphs[number] for number in order.tolist()], 2)
    loader = PreparedLoader(ResidentLoader(source.graphs, 2).subset(order), extra)
    assert len(loader) == 3
    for ours, theirs in zip(loader, expected, strict=True):
        for name in ("x", "far_index", "place", "size", "y", "batch"):
            assert torch.equal(ours[name], theirs[name]), name
        assert torch.equal(ours.far_index.max(), torch.tensor(ours.num_nodes - 1))


def test_each_graph_is_prepared_once_a_setting(tiny_data, method):
    source = find_source("TINY")
    first = prepared_graphs(source, "some", make_settings({"field_size": 2}))
    assert method.calls == [data.num_nodes for data in source.graphs]
    again = prepared_graphs(source, "some", make_settings({"field_size": 2, "epochs": 3}))
    assert len(method.calls) == len(source.graphs)
    assert all(torch.equal(a["place"], b["place"]) for a, b in zip(first, again, strict=True))
    other = prepared_graphs(source, "some", make_settings({"field_size": 1}))
    assert len(method.calls) == 2 * len(source.graphs)
    assert [graph["far_index"].numel() for graph in other] == [1] * len(source.graphs)


def test_a_method_without_prepare_adds_nothing(tiny_data):
    assert prepared_graphs(find_source("TINY"), "graphsage", make_settings()) is None


def damaged(path, how):
    """Damage a cache file; return a file that its loading must not make."""
    marker = path.with_name("made")
    content = bytearray(path.read_bytes())
    if how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "pickle":
        path.write_bytes(pickle.dumps(Unsafe(marker)))
    elif how == "unsafe":
        torch.save([Unsafe(marker)] * 40, path)
    else:
        others = {
            "number": 3,
            "fewer": [{"place": torch.ones(1)}],
            "lists": [[1]] * 40,
            "numbers": [{"place": 1}] * 40,
            "names": [{"place": torch.ones(1)}] * 39 + [{"size": torch.ones(1)}],
        }
        torch.save(others[how], path)
    return marker


class Unsafe:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return pathlib.Path.touch, (self.path,)


@pytest.mark.parametrize(
    "how",
    ["cut", "empty", "pickle", "unsafe", "number", "fewer", "lists", "numbers", "names"],
)
def test_a_damaged_file_is_made_again_with_a_word(tiny_data, tmp_path, method, capsys, how):
    source = find_source("TINY")
    expected = prepared_graphs(source, "some", make_settings())
    (path,) = (tmp_path / "cache" / "prepared").glob("*.pt")
    marker = damaged(path, how)
    again = prepared_graphs(source, "some", make_settings())
    assert len(method.calls) == 2 * len(source.graphs)
    assert f"{path} is damaged and made again" in capsys.readouterr().err
    for a, b in zip(expected, again, strict=True):
        assert all(torch.equal(a[name], b[name]) for name in a)
    assert not marker.exists()
    prepared_graphs(source, "some", make_settings())
    assert len(method.calls) == 2 * len(source.graphs)
