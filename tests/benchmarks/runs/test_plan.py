import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.records.store import RESULTS
from benchmarks.runs.plan import Plan
from benchmarks.spec.errors import UsageError
from benchmarks.spec.settings import from_record
from tests.benchmarks.runs.plans import plan_for

IDENTITY = ("dataset", "method", "protocol", "configurations", "splits", "data")


@pytest.mark.parametrize(
    "run_id",
    [
        "ENZYMES-diffpool-fair-d722fb22",
        "ENZYMES-graphsage-fair-00f6d3d7",
        "ENZYMES-s2v-diffpool1-fair-08e0a29d",
        "PROTEINS-diffpool-reference-8538f8fe",
    ],
)
def test_committed_runs_keep_their_ids(run_id):
    run = json.loads((RESULTS / run_id / "run.json").read_text())
    # From the run's own record: its recipe may have been changed since, which makes another run.
    tried = tuple(from_record(record) for record in run["configurations"])
    identity = {name: run[name] for name in IDENTITY}
    identity["configurations"] = [settings.as_dict() for settings in tried]
    del identity["splits"]["file"]
    plan = Plan(run["dataset"], run["method"], run["protocol"], tried, (0,), (0,), None, identity)
    assert plan.run_id == run_id


def test_the_run_id_follows_the_configuration_the_splits_and_the_model(tiny_data, tmp_path):
    plan = plan_for(tiny_data)
    assert plan_for(tiny_data, folds=[1], seeds=[4]).run_id == plan.run_id
    assert plan_for(tiny_data, overrides={"epochs": 41}).run_id != plan.run_id
    assert plan_for(tiny_data, protocol="fair").run_id != plan.run_id
    every = list(range(40))
    folds = [
        {
            "test": every[4 * fold : 4 * fold + 4],
            "model_selection": [
                {
                    "validation": [(4 * fold + 4) % 40],
                    "train": [
                        graph
                        for graph in every
                        if graph // 4 != fold and graph != (4 * fold + 4) % 40
                    ],
                }
            ],
        }
        for fold in range(10)
    ]
    splits = tmp_path / "splits.json"
    splits.write_text(json.dumps(folds))
    assert plan_for(tiny_data, splits=splits).run_id != plan.run_id
    source = tmp_path / "tiny_model.py"
    source.write_text(source.read_text() + "\n# edited\n")
    assert plan_for(tiny_data).run_id != plan.run_id


def test_a_gpu_must_be_here_unless_cells_run_elsewhere(tiny_data, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    wanted = {"overrides": {"epochs": 1, "accelerator": "gpu"}}
    with pytest.raises(UsageError, match="setting accelerator: gpu needs a CUDA device"):
        plan_for(tiny_data, **wanted)
    plan = plan_for(tiny_data, gpus_elsewhere=True, **wanted)
    assert plan.configurations[0].accelerator == "gpu"


def test_cells_name_their_splits_by_a_whole_path(tiny_data, monkeypatch, tmp_path):
    plan = plan_for(tiny_data)
    assert plan.cells()[0].splits is None
    monkeypatch.chdir(tmp_path)
    assert replace(plan, splits=Path("a.json")).cells()[0].splits == str(tmp_path / "a.json")
