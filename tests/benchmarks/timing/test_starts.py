import math
import os
from pathlib import Path

import pytest
import torch

from benchmarks.timing import starts
from benchmarks.timing.limited_process import OVER_TIME, Outcome
from benchmarks.timing.starts import (
    CACHE_VARIABLE,
    COLD,
    EAGER,
    WARM,
    first_step,
    start_rows,
    start_table,
    start_works,
)
from benchmarks.timing.trainees import Options
from tests.versions import compiled

OPTIONS = Options(batch_size=10, hidden_channels=4)


def test_a_round_shares_a_cache_that_is_empty_at_first(monkeypatch):
    asked = []

    def limited(function, arguments, memory_gib, seconds, hear):
        *_, start, cache = arguments
        asked.append((start, cache, memory_gib, seconds, sorted(os.listdir(cache))))
        if start == COLD:
            (Path(cache) / "compiled").touch()
        hear("")
        if start == WARM:
            return Outcome(None, OVER_TIME)
        measured = {"first_step_s": 1.0, "later_step_ms": 2.0, "compilations": 0}
        return Outcome(measured, None)

    monkeypatch.setattr(starts, "run_limited", limited)
    (work,) = start_works("ENZYMES", OPTIONS, 1, 60.0, 2.0)
    assert work.name == "ENZYMES starts 1"
    rows = work.run()
    caches = {cache for _, cache, *_ in asked}
    assert len(caches) == 1
    assert not Path(*caches).exists()
    assert [(start, *rest) for start, _, *rest in asked] == [
        (EAGER, 2.0, 60.0, []),
        (COLD, 2.0, 60.0, []),
        (WARM, 2.0, 60.0, ["compiled"]),
    ]
    assert [row["contender"] for row in rows] == [EAGER, COLD, WARM]
    assert [row.get("note") for row in rows] == [None, None, OVER_TIME]
    assert all(row["preparation_s"] >= 0 for row in rows[:2])
    assert {row["round"] for row in rows} == {0}


def test_an_eager_start_in_a_process_of_its_own(tiny_data, monkeypatch):
    monkeypatch.setattr(starts, "STARTS", (EAGER,))
    (row,) = start_rows("TINY", OPTIONS, 0, math.inf, math.inf)
    assert "note" not in row
    assert row["preparation_s"] > 0
    assert row["first_step_s"] > 0
    assert row["later_step_ms"] > 0
    assert row["compilations"] == 0


@compiled
@pytest.mark.no_cover
def test_a_compiled_start_compiles_once(tiny_data, quick_compiler, monkeypatch, tmp_path):
    monkeypatch.setenv(CACHE_VARIABLE, "another")
    told = []
    threads = torch.get_num_threads()
    found = first_step(lambda: told.append(1), "TINY", OPTIONS, threads, COLD, str(tmp_path))
    assert told == [1]
    assert os.environ[CACHE_VARIABLE] == str(tmp_path)
    assert found["compilations"] == 1
    assert found["first_step_s"] > 0


def test_the_table_has_medians_of_the_starts_that_ended():
    rows = [
        {
            "set": "ENZYMES",
            "contender": contender,
            "preparation_s": 3.0,
            "first_step_s": seconds,
            "later_step_ms": 15.0,
            "compilations": 1,
        }
        for contender, seconds in ((EAGER, 0.1), (COLD, 30.0), (COLD, 40.0))
    ]
    rows.append({"set": "ENZYMES", "contender": WARM, "note": OVER_TIME})
    lines = [list(line.values())[1:] for line in start_table(rows).lines]
    assert lines == [
        [EAGER, "3.0", "0.10", "15.0", "1", "1", ""],
        [COLD, "3.0", "35.00", "15.0", "1", "2", ""],
        [WARM, "", "", "", "", "0", OVER_TIME],
    ]
    assert start_table([]).lines == []
