import functools
import http.server
import multiprocessing
import threading
import zipfile
from pathlib import Path

import pytest
import torch
from torch_geometric.datasets import TUDataset
from torch_geometric.io import read_tu_data as read_with_pyg

from benchmarks.data import tu_dataset
from benchmarks.data.tu_dataset import FastTUDataset, load_dataset
from benchmarks.spec.errors import AbsentDataError, UsageError
from tests.benchmarks.data.tu_texts import (
    KINDS,
    NODE_ATTRIBUTES,
    NODE_LABELS,
    PLAIN,
    assert_equal_data,
    assert_equal_value,
)
from tests.benchmarks.real_data import skip_without


def write_zip(folder, name, files):
    with zipfile.ZipFile(folder / f"{name}.zip", "w", zipfile.ZIP_LZMA) as archive:
        for kind, lines in files.items():
            archive.writestr(f"{name}/{name}_{kind}.txt", "\n".join(lines) + "\n")


@pytest.fixture
def source(tmp_path, monkeypatch):
    folder = tmp_path / "source"
    folder.mkdir()
    monkeypatch.setenv("PYG_DIFFPOOL_DATA", str(folder))
    return folder


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


def targets(root):
    return load_dataset("SMALL", root)._data.y.tolist()


def test_another_zip_is_read_anew(source, tmp_path, capsys):
    root = str(tmp_path / "cache")
    write_zip(source, "SMALL", {**PLAIN, **NODE_LABELS})
    assert targets(root) == [1, 0, 1]
    write_zip(source, "SMALL", {**PLAIN, "graph_labels": ["1", "x", "2"]})
    with pytest.raises(UsageError) as caught:
        targets(root)
    for part in ("SMALL_graph_labels.txt, line 2", f"{source}/SMALL.zip", f"{root}/SMALL/raw"):
        assert part in str(caught.value)
    assert f"unpacking {source}/SMALL.zip anew, {root}/SMALL is of" in capsys.readouterr().err
    write_zip(source, "SMALL", {**PLAIN, "graph_labels": ["1", "2", "3"]})
    assert targets(root) == [0, 1, 2]
    assert load_dataset("SMALL", root).num_node_labels == 0
    # Without its zip, and as another URL's, the cache still answers or does not.
    (source / "SMALL.zip").unlink()
    assert targets(root) == [0, 1, 2]


def test_an_earlier_cache_is_filled_again_from_its_zip(source, tmp_path, capsys):
    write_zip(source, "SMALL", PLAIN)
    assert targets(str(tmp_path)) == [1, 0, 1]
    (tmp_path / "SMALL" / "archive.json").write_text("{}")
    capsys.readouterr()
    assert targets(str(tmp_path)) == [1, 0, 1]
    assert "is of an unknown zip" in capsys.readouterr().err
    assert targets(str(tmp_path)) == [1, 0, 1]
    assert capsys.readouterr().err == ""


def test_a_url_is_not_compared_with_the_cache_of_the_same_url(source, tmp_path, monkeypatch):
    write_zip(source, "SMALL", PLAIN)
    server = serve(source)
    try:
        monkeypatch.setenv("PYG_DIFFPOOL_DATA", f"http://127.0.0.1:{server.server_port}")
        assert targets(str(tmp_path)) == [1, 0, 1]
    finally:
        server.shutdown()
        server.server_close()
    assert targets(str(tmp_path)) == [1, 0, 1]
    monkeypatch.setenv("PYG_DIFFPOOL_DATA", "http://127.0.0.1:9/other")
    with pytest.raises(AbsentDataError, match=r"could not be read from http://127.0.0.1:9/other"):
        targets(str(tmp_path))
    monkeypatch.delenv("PYG_DIFFPOOL_DATA")
    write_zip(source, "SMALL", PLAIN)
    monkeypatch.setattr(TUDataset, "url", source.as_uri())
    assert targets(str(tmp_path)) == [1, 0, 1]


@pytest.mark.parametrize("content", [b"", b"half", "cut", "other", "slices"])
def test_damaged_processed_files_are_made_again(content, source, tmp_path, capsys):
    write_zip(source, "SMALL", {**PLAIN, **NODE_LABELS})
    before = load_dataset("SMALL", str(tmp_path))
    file = tmp_path / "SMALL" / "processed" / "data.pt"
    if content == "cut":
        content = file.read_bytes()[:-100]
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content == "other":
        torch.save({"some": "thing"}, file)
    else:
        data, slices, *rest = torch.load(file)
        torch.save((data, {**slices, "x": slices["x"][:-1]}, *rest), file)
    capsys.readouterr()
    after = load_dataset("SMALL", str(tmp_path))
    assert "processed again, which cannot be read" in capsys.readouterr().err
    assert_equal_data(
        (after._data, after.slices, after.sizes), (before._data, before.slices, before.sizes)
    )


def test_what_a_killed_process_left_goes_with_the_next_use(source, tmp_path):
    write_zip(source, "SMALL", PLAIN)
    load_dataset("SMALL", str(tmp_path))
    (tmp_path / "SMALL" / "download-abc").mkdir()
    (tmp_path / "SMALL" / "download-abc" / "SMALL_A.txt").write_text("1, 2")
    (tmp_path / "SMALL" / "processed" / "data-x.tmp").write_text("half")
    load_dataset("SMALL", str(tmp_path))
    assert sorted(path.name for path in (tmp_path / "SMALL").iterdir()) == [
        "archive.json",
        "processed",
        "raw",
    ]
    assert not list((tmp_path / "SMALL" / "processed").glob("*.tmp"))


@pytest.mark.parametrize("name", ["../SMALL", "a/b", ".", "", "/tmp/x", "a\nb"])
def test_names_that_are_paths(name, tmp_path):
    with pytest.raises(UsageError, match="data set: expected a name such as ENZYMES"):
        load_dataset(name, str(tmp_path / "cache"))
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_is_a_file(source, tmp_path):
    write_zip(source, "SMALL", PLAIN)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"'SMALL' could not be unpacked .* PYG_DIFFPOOL_CACHE"):
        load_dataset("SMALL", str(tmp_path / "file"))


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
    with pytest.raises(AbsentDataError, match="'ABSENT'") as caught:
        load_dataset("ABSENT", str(tmp_path))
    assert f"{source}/ABSENT.zip" in str(caught.value)
    assert "PYG_DIFFPOOL_DATA" in str(caught.value)
    # A later attempt with the data at hand succeeds.
    write_zip(source, "ABSENT", PLAIN)
    assert len(load_dataset("ABSENT", str(tmp_path))) == 3


def test_zip_of_another_data_set(source, tmp_path):
    write_zip(source, "OTHER", PLAIN)
    (source / "OTHER.zip").rename(source / "SMALL.zip")
    with pytest.raises(UsageError, match=r"expected \['SMALL_A.txt', .* found \['OTHER_A"):
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
        barrier.wait(timeout=120)
        assert len(load_dataset(f"SMALL{number}", root)) == 3


def test_processes_that_start_together_read_each_set_once(source, tmp_path):
    for number in range(4):
        write_zip(source, f"SMALL{number}", PLAIN)
    # Not forked: what holds a lock in another thread of this process would hold it there for ever.
    context = multiprocessing.get_context("spawn")
    barrier, reads = context.Barrier(2), context.Queue()
    arguments = (barrier, reads, str(tmp_path / "cache"))
    processes = [context.Process(target=load_together, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)
    assert [process.exitcode for process in processes] == [0, 0]
    assert sum(reads.get(timeout=5) for _ in range(4)) == 4
    assert reads.empty()


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "graphs", "classes", "labels", "attributes"),
    [("ENZYMES", 600, 6, 3, 18), ("PROTEINS", 1113, 2, 3, 1)],
)
def test_real_data_equal_pyg(name, graphs, classes, labels, attributes, tmp_path):
    skip_without(name)
    dataset = load_dataset(name, str(tmp_path))
    assert (len(dataset), dataset.num_classes) == (graphs, classes)
    assert (dataset.num_node_labels, dataset.num_node_attributes) == (labels, attributes)
    theirs = read_with_pyg(dataset.raw_dir, name)
    assert_equal_data((dataset._data, dataset.slices, dataset.sizes), theirs)
