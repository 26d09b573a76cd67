import gzip
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.data.ogb_dataset import load_ogb_dataset
from benchmarks.data.ogb_package import import_ogb
from benchmarks.spec.errors import UsageError
from pyg_diffpool import ResidentLoader
from tests.benchmarks.ogb_files import NUM_GRAPHS, OGB_SETS, binary_labels, write_ogb

pytestmark = [pytest.mark.ogb, pytest.mark.usefixtures("ogb_package")]


def test_targets_and_features_are_what_was_saved(folder):
    for name, content in OGB_SETS.items():
        dataset = load_ogb_dataset(name, meta_dict=write_ogb(folder, name, **content))
        labels = torch.as_tensor(content["labels"])
        target = dataset._data.y
        if name == "ogbg-ppa":
            assert torch.equal(target, labels.view(-1))
            assert dataset._data.x is None
        else:
            torch.testing.assert_close(target, labels.float(), equal_nan=True)
            assert dataset._data.x.dtype == torch.long
        # Batches hold the same rows, in any order of graphs.
        order = torch.randperm(NUM_GRAPHS)
        batches = list(ResidentLoader(dataset, 7, index=order))
        found = torch.cat([batch.y for batch in batches])
        torch.testing.assert_close(found, target[order], equal_nan=True)
        found = torch.cat([batch.edge_attr for batch in batches])
        expected = torch.cat([dataset[number].edge_attr for number in order.tolist()])
        assert torch.equal(found, expected)
        assert found.dtype == (torch.float if name == "ogbg-ppa" else torch.long)


def test_the_folder_of_a_download_is_used(folder):
    """OGB's own folder: no meta_dict, CSV files and an official description."""
    place = folder / "ogbg_molhiv"
    for part in ("raw", "split/scaffold"):
        (place / part).mkdir(parents=True)
    (place / "RELEASE_v1.txt").touch()
    atom = ",".join(["0"] * 9)
    tables = {
        "raw/edge": "0,1\n0,1\n0,1",
        "raw/num-node-list": "2\n2\n2",
        "raw/num-edge-list": "1\n1\n1",
        "raw/node-feat": "\n".join([atom] * 6),
        "raw/edge-feat": "0,0,0\n1,0,0\n2,0,0",
        "raw/graph-label": "0\n1\n1",
        "split/scaffold/train": "2",
        "split/scaffold/valid": "0",
        "split/scaffold/test": "1",
    }
    for name, text in tables.items():
        (place / f"{name}.csv.gz").write_bytes(gzip.compress((text + "\n").encode()))
    dataset = load_ogb_dataset("ogbg-molhiv")
    assert [part.tolist() for part in dataset.fold] == [[2], [0], [1]]
    assert dataset[2].edge_attr.tolist() == [[2, 0, 0], [2, 0, 0]]
    assert dataset._data.y.tolist() == [[0.0], [1.0], [1.0]]


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


@pytest.mark.parametrize("part", ["processed/geometric_data_processed.pt", "split", "meta_dict"])
def test_other_pickles_are_refused(folder, part):
    write_ogb(folder, "ogbg-molhiv", **OGB_SETS["ogbg-molhiv"])
    load_ogb_dataset("ogbg-molhiv")
    place = folder / "submission_ogbg_molhiv"
    target = {
        "split": place / "molhiv" / "split" / "scaffold" / "split_dict.pt",
        "meta_dict": place / "meta_dict.pt",
    }.get(part, place / "molhiv" / part)
    assert target.is_file()
    torch.save(Malicious(str(folder / "touched")), target)
    with pytest.raises(UsageError, match=r"refused|expected meta_dict"):
        load_ogb_dataset("ogbg-molhiv")
    assert not (folder / "touched").exists()


def test_the_safe_classes_are_safe_only_while_ogb_reads(folder):
    write_ogb(folder, "ogbg-molhiv", **OGB_SETS["ogbg-molhiv"])
    before = set(torch.serialization.get_safe_globals())
    load_ogb_dataset("ogbg-molhiv")
    assert set(torch.serialization.get_safe_globals()) == before
    split = folder / "submission_ogbg_molhiv" / "molhiv" / "split" / "scaffold" / "split_dict.pt"
    with pytest.raises(pickle.UnpicklingError):
        torch.load(split)


def test_a_folder_that_does_not_fit_is_told(folder):
    meta_dict = write_ogb(folder, "ogbg-molhiv", binary_labels(2))
    with pytest.raises(UsageError, match="'ogbg-molhiv': expected 1 tasks, got 2"):
        load_ogb_dataset("ogbg-molhiv", meta_dict=meta_dict)
    (Path(meta_dict["dir_path"]) / "RELEASE_v1.txt").unlink()
    with pytest.raises(UsageError, match=r"expected RELEASE_v1\.txt in it"):
        load_ogb_dataset("ogbg-molhiv", meta_dict=meta_dict)
    (folder / "submission_ogbg_molhiv" / "molhiv").rename(folder / "elsewhere")
    with pytest.raises(UsageError, match=r"unpack molhiv\.zip"):
        load_ogb_dataset("ogbg-molhiv")


def test_half_a_file_is_told_with_its_folder(folder):
    meta_dict = write_ogb(folder, "ogbg-molhiv", **OGB_SETS["ogbg-molhiv"])
    load_ogb_dataset("ogbg-molhiv")
    processed = Path(meta_dict["dir_path"]) / "processed" / "geometric_data_processed.pt"
    processed.write_bytes(processed.read_bytes()[:1000])
    with pytest.raises(UsageError, match=r"remove .*processed"):
        load_ogb_dataset("ogbg-molhiv")


def test_a_failed_download_leaves_nothing_and_says_where_to_put_the_data(folder, monkeypatch):
    url = import_ogb("ogb.graphproppred.dataset_pyg")

    def unreachable(address):
        raise OSError(f"no route to {address}")

    monkeypatch.setattr(url, "decide_download", unreachable)
    for _ in range(2):
        with pytest.raises(UsageError, match=r"no route to http.*PYG_DIFFPOOL_DATA"):
            load_ogb_dataset("ogbg-molhiv")
        assert not (folder / "cache" / "ogbg_molhiv").exists()


def test_a_split_that_leaks_is_refused(folder):
    split = {"train": np.arange(24), "valid": np.arange(20, 32), "test": np.arange(32, 40)}
    meta_dict = write_ogb(folder, "ogbg-molhiv", binary_labels(1), split=split)
    with pytest.raises(UsageError, match="got 44 numbers, 40 of them different"):
        load_ogb_dataset("ogbg-molhiv", meta_dict=meta_dict)
