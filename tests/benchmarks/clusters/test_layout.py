import json

import pytest

from benchmarks.clusters.layout import EFFECTS, LEVELS, SENSITIVITY, level_rows, show_analysis
from tests.benchmarks.layouts import filled

NAMES = ("clusters_used", "effective_clusters", "entropy", "relative_entropy", "density_ratio",
         "disconnected", "disconnected_shuffled", "nodes", "clusters_available")  # fmt: skip


def level(**figures):
    """Figures of a level over folds, each 2 ± 0.5 unless it is named."""
    found = {name: {"mean": 2.0, "std": 0.5} for name in NAMES}
    return found | {name: {"mean": mean, "std": 0.25} for name, mean in figures.items()}


LEVEL = level(disconnected=0.125, density_ratio=None, entropy=0.456)
RECORD = {
    "run": "a-run",
    "part": "test",
    "accuracy": {"folds": "0-1", "mean": 61.5, "std": 2.25},
    "levels": [LEVEL, level()],
    "level_folds": [2, 1],
}
RUN = {
    "dataset": "ENZYMES", "protocol": "fair", "clusters": [32, 8], "method": "diffpool",
    "link_weight": [1.0], "mean": 60.0, "std": 10.0, "folds": "0-1", "levels": RECORD["levels"],
    "run": "a-run",
}  # fmt: skip
EFFECT = {
    "dataset": "ENZYMES", "protocol": "fair", "clusters": [8], "accuracy": 1.5, "folds": "1",
    "levels": [dict.fromkeys(NAMES, 0.5) | {"clusters_used": -2.0, "entropy": None}],
    "also_differ": ["dropout", "epochs"], "with": "a-run", "without": "another",
}  # fmt: skip


def test_a_levels_figures_are_means_and_deviations_over_folds():
    first, second = level_rows(RECORD)
    found = filled(LEVELS, first)
    assert (found["level"], found["folds"], found["nodes"]) == ("0", "2", "2.0 ± 0.5")
    assert found["disconnected %"] == "12.5 ± 25.0"
    assert found["density / random"] == "–"
    assert found["entropy, nats"] == "0.46 ± 0.25"
    assert (filled(LEVELS, second)["level"], filled(LEVELS, second)["folds"]) == ("1", "1")


def test_a_runs_figures_are_means_level_by_level():
    found = filled(SENSITIVITY, RUN)
    assert (found["C"], found["link weight"]) == ("32/8", "1.0")
    assert found["accuracy %"] == "60.00 ± 10.00"
    assert found["disconnected %"] == "12.5, 200.0"
    assert found["density / random"] == "–, 2.00"
    assert filled(SENSITIVITY, RUN | {"levels": None})["clusters used"] == ""


def test_effects_have_signs():
    found = filled(EFFECTS, EFFECT)
    assert (found["accuracy"], found["clusters used"]) == ("+1.50", "-2.0")
    assert found["entropy, nats"] == "–"
    assert found["disconnected %"] == "+50.0"
    assert found["settings that differ too"] == "dropout, epochs"
    alone = filled(EFFECTS, EFFECT | {"also_differ": [], "accuracy": None})
    assert (alone["settings that differ too"], alone["accuracy"]) == ("none", "")


def test_json_is_one_object(capsys):
    show_analysis([RECORD], [RUN], [EFFECT], "json")
    assert json.loads(capsys.readouterr().out) == {
        "runs": [RECORD], "sensitivity": [RUN], "link_objective": [EFFECT],
    }  # fmt: skip


@pytest.mark.parametrize("effects", [[], [EFFECT]])
def test_tables_without_rows_are_left_out(effects, capsys):
    show_analysis([RECORD], [RUN], effects, "markdown")
    printed = capsys.readouterr().out
    title = "a-run: test graphs of folds 0-1, accuracy 61.50 ± 2.25 %"
    assert printed.index(title) < printed.index("Accuracy by the number of clusters")
    assert "| 0 | 2 | 2.0 ± 0.5 |" in printed
    assert ("With the link objective, less without" in printed) == bool(effects)
