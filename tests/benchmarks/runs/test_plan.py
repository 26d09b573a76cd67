import json

import pytest

from benchmarks.records.store import RESULTS
from benchmarks.runs.plan import Plan
from benchmarks.runs.recipe import configurations

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
    tried = tuple(configurations(run["dataset"], run["method"], {}))
    identity = {name: run[name] for name in IDENTITY}
    identity["configurations"] = [settings.as_dict() for settings in tried]
    del identity["splits"]["file"]
    plan = Plan(run["dataset"], run["method"], run["protocol"], tried, (0,), (0,), None, identity)
    assert plan.run_id == run_id
