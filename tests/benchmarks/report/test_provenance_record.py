import pytest

from benchmarks.records.provenance import code_version
from benchmarks.report.provenance_record import machine_text, provenance_record, splits_text


def test_machines_are_named_by_what_decides_results():
    machine = {"cpu": "Xeon", "system": "Linux", "cores": 8, "memory_gib": 31.2, "gpu": "H200"}
    assert machine_text(machine) == "Xeon, 8 cores, 31.2 GiB, Linux, H200"
    assert machine_text({"cpu": "Xeon", "gpu": None}) == "Xeon"
    assert machine_text({}) == ""


@pytest.mark.parametrize(
    ("splits", "text"),
    [
        ({"sha256": "a", "file": "DD_splits.json"}, "published folds, DD_splits.json"),
        ({"seed": 0, "file": None}, "own stratified folds, seed 0"),
        ({"official": "a", "file": None}, "official split"),
    ],
)
def test_folds_are_named(splits, text):
    assert splits_text(splits) == text


def test_the_page_s_own_code_and_each_run_s():
    run = {"run": "r", "started": "2026-01-02T03:04:05+00:00", "splits": {"seed": 0}}
    known = {"code": {"commit": "c", "dirty": False}, "packages": {"torch": "2"}}
    record = provenance_record([{**run, **known, "machine": {"cpu": "Xeon"}}, run])
    assert record["code"] == code_version()
    first, old = record["runs"]
    assert first["code"] == known["code"]
    assert (first["packages"], first["machine"]) == ({"torch": "2"}, "Xeon")
    assert (old["code"], old["packages"], old["machine"]) == (None, {}, "")
