import pytest

from benchmarks.runs.estimate import (
    Timings,
    duration_text,
    expected,
    parse_duration,
)
from benchmarks.runs.plan import Plan
from benchmarks.spec.cell import Cell
from benchmarks.spec.errors import UsageError
from benchmarks.spec.settings import make_settings
from tests.benchmarks.stored import write_run

SIZES = {"SMALL": 1000, "MIDDLE": 4000, "LARGE": 10_000}


def plan_for(dataset, method="diffpool", *epochs):
    settings = tuple(make_settings({"epochs": number}) for number in epochs or (100,))
    return Plan(dataset, method, "fair", settings, (0, 1), (0,), None, {"dataset": dataset})


def estimate(results, plan, number=0):
    return Timings(results, SIZES.get).of(plan, plan.cells()[number])


def test_nothing_stored_is_unknown(tmp_path):
    assert estimate(tmp_path, plan_for("SMALL")) == (None, "unknown")


def test_the_same_run_gives_its_mean(tmp_path):
    plan = plan_for("SMALL")
    write_run(tmp_path, plan.run_id, "SMALL", "diffpool", {0: 0.5}, seconds=10.0)
    write_run(tmp_path, "other", "SMALL", "diffpool", {0: 0.5}, seconds=99.0)
    write_run(tmp_path, plan.run_id, "SMALL", "diffpool", {1: 0.5}, seconds=20.0)
    assert estimate(tmp_path, plan) == (15.0, "same run")


def test_another_configuration_of_the_run_counts_by_its_epochs(tmp_path):
    plan = plan_for("SMALL", "diffpool", 100, 300)
    write_run(tmp_path, plan.run_id, "SMALL", "diffpool", {0: 0.5}, seconds=10.0)
    cells = {cell.configuration: number for number, cell in enumerate(plan.cells())}
    assert estimate(tmp_path, plan, cells[1]).seconds == pytest.approx(30.0)


def test_the_nearest_data_set_counts_by_size_and_epochs(tmp_path):
    write_run(tmp_path, "a", "SMALL", "diffpool", {0: 0.5}, seconds=5.0, epochs=50)
    write_run(tmp_path, "b", "LARGE", "diffpool", {0: 0.5}, seconds=350.0, epochs=50)
    write_run(tmp_path, "c", "MIDDLE", "graphsage", {0: 0.5}, seconds=1.0)
    # By the ratio, 10,000 is nearer to 4000 than 1000 is; 350 seconds for 50 of 100 epochs.
    found = estimate(tmp_path, plan_for("MIDDLE"))
    assert found.seconds == pytest.approx(350.0 * 0.4 * 2)
    assert found.basis == "LARGE, by size and epochs"


def test_times_of_another_kind_of_device_do_not_count(tmp_path):
    configurations = [make_settings({"accelerator": "gpu"}).as_dict()]
    write_run(tmp_path, "a", "SMALL", "diffpool", {0: 0.5}, configurations=configurations)
    assert estimate(tmp_path, plan_for("MIDDLE")).seconds is None


def test_the_sum_tells_how_many_cells_are_unknown(tmp_path):
    plan = plan_for("SMALL", "diffpool", 100, 100)
    cells = plan.cells()

    class Known(Timings):
        def of(self, plan: Plan, cell: Cell):
            return (
                super().of(plan, cell)
                if cell.configuration
                else super().of(plan, cell)._replace(seconds=4.0, basis="told")
            )

    found = expected(Known(tmp_path, SIZES.get), plan, cells)
    assert (found.seconds, found.unknown) == (8.0, 2)
    assert found.basis == "told; unknown"


def test_a_guess_takes_the_pace_of_any_method(tmp_path):
    write_run(tmp_path, "a", "SMALL", "graphsage", {0: 0.5}, seconds=5.0)
    (cell, _) = plan_for("LARGE").cells()
    assert Timings(tmp_path, SIZES.get).guess(cell) == pytest.approx(50.0)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90m", 5400), ("2h", 7200), ("30s", 30), ("1h30m", 5400), ("1.5m", 90)]
)
def test_durations_are_read(text, seconds):
    assert parse_duration("--budget", text) == seconds


@pytest.mark.parametrize("text", ["", "90", "m", "90 m", "-5m", "0s", "2h?"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(UsageError, match="--budget: expected"):
        parse_duration("--budget", text)


def test_durations_are_told():
    assert [duration_text(seconds) for seconds in (4.4, 100, 12_000)] == [
        "4 s",
        "2 min",
        "3 h 20 min",
    ]
