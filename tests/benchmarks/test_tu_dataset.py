import functools
import http.server
import multiprocessing
import os
import sys
import threading
import zipfile
from pathlib import Path

import pytest
import torch
from torch_geometric.datasets import TUDataset
from torch_geometric.io import read_tu_data as read_with_pyg

from benchmarks import tu_dataset
from benchmarks.tu_dataset import FastTUDataset, load_dataset, read_tu_data

# Three graphs of 3, 1 and 2 nodes; edge (2, 2) is a self-loop, edge (5, 6) comes twice.
PLAIN = {
    "A": ["2, 1", "1, 2", "2, 2", "3, 2", "2, 3", "5, 6", "6, 5", "5, 6"],
    "graph_indicator": ["1", "1", "1", "2", "3", "3"],
    "graph_labels": ["7", "-1", "7"],
}
NODE_LABELS = {"node_labels": ["4", "2", "2", "6", "4", "2"]}
NODE_ATTRIBUTES = {
    "node_attributes": [" 0.1, 1e-3", "-2, 3.3333333333", "0.30000000001, 4", "5,6", "7,8", "9,1.7"]
}
ONE_ATTRIBUTE = {"node_attributes": [" 23.000000", " 1.5", "0.1", "0", "-2", " 4"]}
EDGES = {
    "edge_labels": ["1", "1", "3", "0", "0", "3", "1", "0"],
    "edge_attributes": ["0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8"],
}
TWO_LABELS = {"node_labels": ["1, 0", "2, 3", "1, 1", "1, 1", "2, 0", "1, 0"]}
REGRESSION = {"graph_attributes": ["0.5", "1.25", "-3"]}
KINDS = {
    "plain": {},
    "labels": NODE_LABELS,
    "two label columns": TWO_LABELS,
    "attributes": NODE_ATTRIBUTES,
    "one attribute": ONE_ATTRIBUTE,
    "everything": {**NODE_LABELS, **NODE_ATTRIBUTES, **EDGES},
    "edge attributes": {"edge_attributes": EDGES["edge_attributes"]},
    "regression": REGRESSION,
}


def write_zip(folder, name, files):
    with zipfile.ZipFile(folder / f"{name}.zip", "w", zipfile.ZIP_LZMA) as archive:
        for kind, lines in files.items():
            archive.writestr(f"{name}/{name}_{kind}.txt", "\n".join(lines) + "\n")


def unpack(folder, name, files):
    for kind, lines in files.items():
        (folder / f"{name}_{kind}.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture
def source(tmp_path, monkeypatch):
    folder = tmp_path / "source"
    folder.mkdir()
    monkeypatch.setenv("PYG_DIFFPOOL_DATA", str(folder))
    return folder


def assert_equal_value(ours, theirs):
    if isinstance(theirs, torch.Tensor):
        assert ours.dtype == theirs.dtype
        assert torch.equal(ours, theirs)
    else:
        assert ours == theirs


def assert_equal_data(ours, theirs):
    """Data, slices and sizes agree to the last bit."""
    ours, theirs = (ours[0].to_dict(), *ours[1:]), (theirs[0].to_dict(), *theirs[1:])
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.keys() == other.keys()
        for key in other:
            assert_equal_value(mine[key], other[key])


@pytest.mark.parametrize("kind", KINDS)
def test_reader_equals_pyg(kind, tmp_path):
    unpack(tmp_path, "SMALL", {**PLAIN, **KINDS[kind]})
    ours = read_tu_data(tmp_path, "SMALL")
    assert_equal_data(ours, read_with_pyg(str(tmp_path), "SMALL"))
    assert ours[0].edge_index.tolist() == [[0, 1, 1, 2, 0, 1], [1, 0, 2, 1, 1, 0]]


@pytest.mark.parametrize("kind", ["plain", "everything"])
@pytest.mark.parametrize("use_node_attr", [False, True])
def test_data_set_equals_pyg(kind, use_node_attr, source, tmp_path, monkeypatch):
    write_zip(source, "SMALL", {**PLAIN, **KINDS[kind]})
    ours = FastTUDataset(str(tmp_path / "ours"), "SMALL", use_node_attr=use_node_attr)
    monkeypatch.setattr(TUDataset, "url", str(source))
    theirs = TUDataset(str(tmp_path / "pyg"), "SMALL", use_node_attr=use_node_attr)
    assert len(ours) == len(theirs) == 3
    again = FastTUDataset(str(tmp_path / "ours"), "SMALL", use_node_attr=use_node_attr)
    for dataset in (ours, again):
        for name in ("num_classes", "num_node_labels", "num_node_attributes", "num_edge_labels"):
            assert getattr(dataset, name) == getattr(theirs, name)
        for mine, other in zip(dataset, theirs, strict=True):
            assert mine.num_nodes == other.num_nodes
            assert mine.keys() == other.keys()
            for key in other.keys():  # noqa: SIM118 (a Data object iterates over pairs)
                assert_equal_value(mine[key], other[key])


def test_filters_and_transforms_before_saving(source, tmp_path):
    write_zip(source, "SMALL", {**PLAIN, **NODE_LABELS})

    def doubled(data):
        data.x = 2 * data.x
        return data

    dataset = FastTUDataset(
        str(tmp_path), "SMALL", pre_filter=lambda data: data.num_nodes > 1, pre_transform=doubled
    )
    assert [data.num_nodes for data in dataset] == [3, 2]
    assert dataset[0].x.tolist() == [
        [0.0, 0.0, 2.0, 0.0, 0.0],
        [2.0, 0, 0, 0, 0],
        [2.0, 0, 0, 0, 0],
    ]


def test_trailing_graphs_without_edges_are_kept(tmp_path):
    files = {**PLAIN, "graph_indicator": ["1", "1", "1", "2", "3", "3", "4"]}
    unpack(tmp_path, "SMALL", {**files, "graph_labels": ["7", "-1", "7", "0"]})
    data, slices, _ = read_tu_data(tmp_path, "SMALL")
    assert slices["edge_index"].tolist() == [0, 4, 4, 6, 6]
    assert data._num_nodes == [3, 1, 2, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"graph_indicator": ["1", "2", "1", "2", "3", "3"]}, "graph_indicator.txt: expected asc"),
        ({"A": ["1, 9"]}, "A.txt: expected node numbers from 1 to 6, got 1 to 9"),
        ({"A": ["1, 4"]}, "A.txt: expected no edge between two graphs"),
        ({"graph_labels": ["1", "2"]}, r"one target a graph \(3\) or a node \(6\), got 2"),
        ({"node_labels": ["1"]}, "SMALL_node_labels.txt: expected 6 rows, got 1"),
        ({"edge_attributes": ["1"]}, "SMALL_edge_attributes.txt: expected 8 rows, got 1"),
    ],
)
def test_contradicting_files(change, message, tmp_path):
    unpack(tmp_path, "SMALL", {**PLAIN, **change})
    with pytest.raises(ValueError, match=message):
        read_tu_data(tmp_path, "SMALL")


def serve(folder):
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.mark.parametrize("kind", ["path", "file", "http"])
def test_sources(kind, source, tmp_path, monkeypatch):
    write_zip(source, "SMALL", PLAIN)
    server = serve(source)
    address = {
        "path": f"{source}/",
        "file": source.as_uri(),
        "http": f"http://127.0.0.1:{server.server_port}/",
    }
    monkeypatch.setenv("PYG_DIFFPOOL_DATA", address[kind])
    monkeypatch.setenv("PYG_DIFFPOOL_CACHE", str(tmp_path / "cache"))
    try:
        assert len(load_dataset("SMALL")) == 3
    finally:
        server.shutdown()
        server.server_close()
    assert (tmp_path / "cache" / "SMALL" / "processed" / "data.pt").is_file()


def test_attributes_are_loaded_by_default(source, tmp_path):
    write_zip(source, "SMALL", {**PLAIN, **NODE_LABELS, **NODE_ATTRIBUTES})
    dataset = load_dataset("SMALL", str(tmp_path))
    assert dataset.num_features == dataset.num_node_attributes + dataset.num_node_labels == 7


@pytest.mark.parametrize("as_url", [False, True])
def test_missing_data_set_names_itself_and_the_place(as_url, source, tmp_path, monkeypatch):
    monkeypatch.setenv("PYG_DIFFPOOL_DATA", source.as_uri() if as_url else str(source))
    with pytest.raises(FileNotFoundError, match="'ABSENT'") as caught:
        load_dataset("ABSENT", str(tmp_path))
    assert f"{source}/ABSENT.zip" in str(caught.value)
    assert "PYG_DIFFPOOL_DATA" in str(caught.value)
    # A later attempt with the data at hand succeeds.
    write_zip(source, "ABSENT", PLAIN)
    assert len(load_dataset("ABSENT", str(tmp_path))) == 3


def test_zip_of_another_data_set(source, tmp_path):
    write_zip(source, "OTHER", PLAIN)
    (source / "OTHER.zip").rename(source / "SMALL.zip")
    with pytest.raises(FileNotFoundError, match=r"expected \['SMALL_A.txt', .* found \['OTHER_A"):
        load_dataset("SMALL", str(tmp_path))


def test_interrupted_processing_leaves_no_file_behind(source, tmp_path, monkeypatch):
    write_zip(source, "SMALL", PLAIN)

    def torn(content, path):
        Path(path).write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", torn)
        with pytest.raises(KeyboardInterrupt):
            load_dataset("SMALL", str(tmp_path))
    assert list((tmp_path / "SMALL" / "processed").iterdir()) == []
    assert len(load_dataset("SMALL", str(tmp_path))) == 3


def load_together(barrier, reads, root):
    read = tu_dataset.read_tu_data
    tu_dataset.read_tu_data = lambda *arguments: (reads.put(1), read(*arguments))[1]
    for number in range(4):
        barrier.wait(timeout=30)
        assert len(load_dataset(f"SMALL{number}", root)) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="forks, and locks files")
def test_processes_that_start_together_read_each_set_once(source, tmp_path):
    for number in range(4):
        write_zip(source, f"SMALL{number}", PLAIN)
    context = multiprocessing.get_context("fork")
    barrier, reads = context.Barrier(4), context.Queue()
    arguments = (barrier, reads, str(tmp_path / "cache"))
    processes = [context.Process(target=load_together, args=arguments) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
    assert sum(reads.get(timeout=5) for _ in range(4)) == 4
    assert reads.empty()


def real_data(name):
    source = os.environ.get("PYG_DIFFPOOL_DATA")
    if not source:
        pytest.skip("real data: PYG_DIFFPOOL_DATA is not set")
    path = source.removeprefix("file://")
    if "://" not in path and not (Path(path).expanduser() / f"{name}.zip").is_file():
        pytest.skip(f"real data: no {name}.zip in {source} (PYG_DIFFPOOL_DATA)")


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "graphs", "classes", "labels", "attributes"),
    [("ENZYMES", 600, 6, 3, 18), ("PROTEINS", 1113, 2, 3, 1)],
)
def test_real_data_equal_pyg(name, graphs, classes, labels, attributes, tmp_path):
    real_data(name)
    dataset = load_dataset(name, str(tmp_path))
    assert (len(dataset), dataset.num_classes) == (graphs, classes)
    assert (dataset.num_node_labels, dataset.num_node_attributes) == (labels, attributes)
    theirs = read_with_pyg(dataset.raw_dir, name)
    assert_equal_data((dataset._data, dataset.slices, dataset.sizes), theirs)
