import json
import re

import pytest
import torch

from benchmarks.clusters.checkpoints import Trained, read_run, trained_network
from benchmarks.records.store import RunStore
from benchmarks.report.explorer import Wanted, explorer_record

WANTED = Wanted(splits=None, folds=None, graphs=6, max_nodes=100)


def record_of(made, *names, **changes):
    runs = [read_run(made.results, made.runs[name]) for name in names]
    return explorer_record(runs, WANTED._replace(**changes), lambda text: None)


def absent_reason(made, *names, **changes):
    record = record_of(made, *names, **changes)
    assert record["runs"] == []
    (absent,) = record["absent"]
    return absent


def test_graphs_are_classified_as_the_network_does(served):
    record = record_of(served, "diffpool")
    assert record["absent"] == []
    (run,) = record["runs"]
    assert (run["dataset"], run["method"], run["part"]) == ("TINY", "diffpool", "test")
    assert len(run["graphs"]) == 6
    trained = trained_network(read_run(served.results, run["run"]), None, fold=0)
    assert {graph["graph"] for graph in run["graphs"]} <= set(trained.index.tolist())
    for graph in run["graphs"]:
        batch = trained.batch(graph["graph"])
        prediction = trained.predict(batch)
        probability = prediction.logits.softmax(-1)[0]
        assert graph["label"] == int(batch.y)
        assert graph["predicted"] == int(probability.argmax())
        assert graph["probability"] == pytest.approx(float(probability.max()), abs=1e-3)
        assert graph["nodes"] == batch.num_nodes == len(graph["levels"][0]["x"])
        assert graph["levels"][0]["edges"] == batch.num_edges // 2
        own = prediction.levels[0].assignment
        for row, pairs in enumerate(graph["levels"][0]["membership"]):
            numbers = [graph["levels"][1]["index"][cluster] for cluster, _ in pairs]
            shown = torch.tensor([value for _, value in pairs])
            assert torch.allclose(own[row, numbers], shown, atol=1e-3)
    wrong = [graph for graph in run["graphs"] if graph["label"] != graph["predicted"]]
    assert len(wrong) == 3


def test_runs_on_the_same_folds_show_the_same_graphs_at_the_same_places(served):
    first, second = record_of(served, "diffpool", "det")["runs"]
    assert [g["graph"] for g in first["graphs"]] == [g["graph"] for g in second["graphs"]]
    for a, b in zip(first["graphs"], second["graphs"], strict=True):
        assert a["levels"][0]["x"] == b["levels"][0]["x"]
        assert a["levels"][0]["edge"] == b["levels"][0]["edge"]
    crisp = [p for g in second["graphs"] for p in g["levels"][0]["membership"]]
    assert {value for pairs in crisp for _, value in pairs} == {1.0}


def test_the_reference_protocol_has_validation_graphs(served):
    (run,) = record_of(served, "reference")["runs"]
    assert run["part"] == "validation"


def test_folds_sizes_and_numbers_are_chosen(served):
    (run,) = record_of(served, "diffpool", folds=[0, 1], graphs=4)["runs"]
    assert [graph["fold"] for graph in run["graphs"]] == [0] * 4 + [1] * 4
    (run,) = record_of(served, "diffpool", max_nodes=4)["runs"]
    assert max(graph["nodes"] for graph in run["graphs"]) <= 4


def test_a_run_whose_clusters_cannot_be_shown_is_absent_with_a_command(served):
    """All reasons that files tell are in test_availability.py."""
    absent = absent_reason(served, "nolp")
    assert absent["run"] == served.runs["nolp"]
    assert absent["command"].startswith("python -m benchmarks run --dataset TINY")
    assert absent_reason(served, "flat")["command"] is None
    assert absent_reason(served, "diffpool", folds=[7])["reason"] == "fold 7 is not finished"


def test_other_data_and_other_folds_are_told(served, tmp_path):
    description = RunStore(served.results, served.runs["diffpool"]).read_run()
    store = RunStore(tmp_path, "r")
    store.folder.mkdir()
    for part in ("cells", "checkpoints"):
        folder = served.results / served.runs["diffpool"] / part
        (store.folder / part).symlink_to(folder)

    def reason(**changes):
        store.write_run({**description, "run": "r", **changes})
        record = explorer_record([read_run(tmp_path, "r")], WANTED, lambda text: None)
        return record["absent"][0]["reason"]

    assert "other data of TINY" in reason(data="0" * 64)
    assert "which is not in" in reason(splits={"sha256": "0" * 64, "file": "TINY_splits.json"})


def test_the_same_again(served):
    first, second = (record_of(served, "diffpool", "reference", "det") for _ in range(2))
    assert json.dumps(first) == json.dumps(second)


def test_a_network_without_levels_is_absent(served, monkeypatch):
    from benchmarks.report import explorer

    class Flat:
        def __init__(self, trained):
            self.loader, self.predict = trained.loader, self._predict
            self._trained, self.cell = trained, trained.cell

        def _predict(self, batch):
            return self._trained.predict(batch)._replace(levels=())

    monkeypatch.setattr(explorer, "trained_network", lambda *a: Flat(trained_network(*a)))
    assert absent_reason(served, "diffpool")["reason"] == "its network returns no levels"


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (lambda level: level._replace(assignment=level.assignment * torch.nan), "expected prob"),
        (lambda level: level.adj.sum, "expected PooledGraphs or assignment tensors"),
    ],
)
def test_a_network_whose_levels_cannot_be_drawn_is_absent(served, monkeypatch, broken, reason):
    def predict(trained, batch):
        found = original(trained, batch)
        return found._replace(levels=[broken(level) for level in found.levels])

    original = Trained.predict
    monkeypatch.setattr(Trained, "predict", predict)
    told = absent_reason(served, "diffpool")["reason"]
    assert reason in told
    assert re.match(r"graph \d+ of fold 0: out: ", told)


def test_a_network_without_finite_logits_is_absent(served, monkeypatch):
    def predict(trained, batch):
        found = original(trained, batch)
        return found._replace(logits=found.logits * torch.nan)

    original = Trained.predict
    monkeypatch.setattr(Trained, "predict", predict)
    assert absent_reason(served, "diffpool")["reason"] == "its network's logits are not finite"


def test_a_run_of_large_graphs_is_absent(served):
    reason = absent_reason(served, "diffpool", max_nodes=2)["reason"]
    assert reason == "all of its graphs have more than 2 nodes (--max-nodes)"
