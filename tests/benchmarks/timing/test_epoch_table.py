import pytest

from benchmarks.timing.epoch_table import epoch_lines, fold_lines, requirements, show
from benchmarks.timing.rivals import PYG, TGP
from benchmarks.timing.trainees import (
    OURS,
    OURS_COMPILED,
    OURS_FEW_CLUSTERS,
    OURS_LIKE_TGP,
    PYG_DROPPED,
)


def epoch_row(contender, seconds, sampled=None, dropped=0, name="PROTEINS"):
    return {
        "kind": "epoch",
        "set": name,
        "contender": contender,
        "median_s": seconds,
        "quartile_1_s": seconds,
        "quartile_3_s": seconds,
        "turns": [{}, {}],
        "graphs": 1113 - dropped,
        "dropped": dropped,
        "steps": 56,
        "sampled_steps": sampled,
        "clusters": [155, 39],
        "parameters": 1000,
    }


ROWS = [
    epoch_row(OURS, 2.0),
    epoch_row(PYG, 22.0, sampled=10),
    epoch_row(OURS_FEW_CLUSTERS, 1.0),
    epoch_row(PYG_DROPPED, 2.5, dropped=28),
    epoch_row(TGP[0], 5.0),
    epoch_row(TGP[1], 3.0),
    epoch_row(OURS_LIKE_TGP, 2.5),
    epoch_row(OURS_COMPILED, 1.0),
    {"kind": "epoch", "set": "DD", "contender": PYG, "note": "out of memory"},
]


def test_requirements_name_each_rival():
    found = [(line["ours faster than"], *list(line.values())[2:]) for line in requirements(ROWS)]
    assert found == [
        ("PyG", "7×", "11×", "met"),
        ("PyG, ours compiled", "–", "22×", ""),
        (f"{PYG_DROPPED}, its smaller K; ours keeps all graphs", "1.5×", "1.25×", "NOT MET"),
        (f"{PYG_DROPPED}, the same K; ours keeps all graphs", "1.5×", "2.5×", "met"),
        ("the faster tgp", "–", "1.5×", ""),
        ("the faster tgp, equal layers", "1.3×", "1.2×", "NOT MET"),
    ]


def test_lines_say_what_is_extrapolated_and_dropped():
    how = {line["contender"]: line["how"] for line in epoch_lines(ROWS[:6])}
    assert how[OURS] == "2 epochs of 56 steps"
    assert how[PYG] == "extrapolated from 2 × 10 of 56 steps"
    assert how[PYG_DROPPED] == "2 epochs of 56 steps; drops 28 of 1113 graphs"
    lines = epoch_lines(ROWS)
    assert lines[1]["time / ours"] == "11.00"
    assert lines[-1]["how"] == "out of memory"
    assert lines[-1]["time / ours"] == ""


FOLDS = [
    {"kind": "folds", "set": "PROTEINS", "contender": OURS, "mode": mode, "jobs": jobs,
     "epochs": 3, "seconds": seconds, "graphs": 30_000, "threads": 2}
    for mode, jobs, seconds in (("one", 1, 60.0), ("processes", 2, 30.0))
]  # fmt: skip


def test_runs_of_rivals_are_computed_and_ours_measured():
    one, processes, *computed = fold_lines(ROWS + FOLDS)
    assert one["s for an epoch of all folds"] == "20.00"
    assert (processes["folds"], processes["graphs/s"]) == ("2 processes", "1000")
    assert processes["times as fast as one by one"] == "2.00"
    assert computed[0]["contender"] == PYG
    # 22 s × 10 folds × 9/10 of the graphs.
    assert computed[0]["s for an epoch of all folds"] == "198.00"
    assert all(line["how"] == "computed from its epoch" for line in computed)


@pytest.mark.parametrize("style", ["markdown", "rich"])
def test_all_tables_are_printed(style, capsys):
    show(ROWS + FOLDS, style)
    printed = " ".join(capsys.readouterr().out.split())
    for head in ("One training epoch", "A run of 10 folds", "Against what is required"):
        assert head in printed
    assert "NOT MET" in printed
