import os
import subprocess
from importlib import metadata

import pytest
import torch

from benchmarks.records import provenance
from benchmarks.records.provenance import (
    code_version,
    dataset_digest,
    file_digest,
    machine,
    package_versions,
)
from pyg_diffpool.datasets import CommunityChains


@pytest.mark.parametrize(
    "error", [FileNotFoundError("git"), subprocess.CalledProcessError(128, "git")]
)
def test_without_git_the_code_is_unknown(error, monkeypatch):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr(subprocess, "run", fail)
    assert code_version() == {"commit": None, "dirty": None}


@pytest.mark.parametrize(("status", "dirty"), [("", False), (" M benchmarks/a.py\n", True)])
def test_the_commit_and_whether_the_code_differs(status, dirty, monkeypatch):
    asked = []

    def answer(command, **options):
        asked.append(command)
        text = "c0ffee\n" if "rev-parse" in command else status
        return subprocess.CompletedProcess(command, 0, stdout=text)

    monkeypatch.setattr(subprocess, "run", answer)
    assert code_version() == {"commit": "c0ffee", "dirty": dirty}
    # Results are no code.
    assert asked[1][-1] == ":(exclude)benchmarks/results"


def test_versions_of_packages_that_are_there(monkeypatch):
    monkeypatch.setattr(provenance, "PACKAGES", ("torch", "no-such-package"))
    versions = package_versions()
    assert versions.pop("python").startswith("3.")
    assert versions == {"torch": metadata.version("torch")}


def test_a_machine_without_an_accelerator(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = machine()
    assert found["cores"] == os.cpu_count()
    assert found["gpu"] is None
    assert "driver" not in found
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    assert found["memory_gib"] == pytest.approx(pages * size / 2**30, abs=0.05)


def test_a_gpu_is_named_even_where_its_driver_is_not_known(monkeypatch):
    def fail(*arguments, **options):
        raise FileNotFoundError("nvidia-smi")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "H100")
    monkeypatch.setattr(subprocess, "run", fail)
    assert (machine()["gpu"], machine()["driver"]) == ("H100", None)


def test_a_files_digest_is_its_sha_256(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    assert file_digest(tmp_path / "file") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


@pytest.mark.parametrize("key", ["x", "edge_index", "y"])
def test_a_data_sets_digest_follows_its_content(key):
    first, same, other = (CommunityChains(4, length=1) for _ in range(3))
    assert dataset_digest(first) == dataset_digest(same)
    values = getattr(other._data, key).clone()
    values[..., -1] = values[..., -1] + 1
    setattr(other._data, key, values)
    assert dataset_digest(other) != dataset_digest(first)
