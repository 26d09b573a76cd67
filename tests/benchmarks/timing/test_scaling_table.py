import pytest

from benchmarks.timing.scaling_table import fit_curve, fit_exponent

SIZES = [10**power for power in range(2, 7)]


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_exponent_of_a_power_law(exponent):
    fit = fit_exponent(SIZES, [3e-4 * size**exponent for size in SIZES])
    assert fit.exponent == pytest.approx(exponent)


def test_overhead_is_left_out():
    values = [max(4.0, 1e-3 * size) for size in SIZES]
    # 4, 4, 10, 100, 1000: 10 is not clearly above the overhead of 4.
    assert fit_exponent([*SIZES, 10**7], [*values, 1e4]) == (pytest.approx(1.0), 3)
    assert fit_exponent(SIZES, values) is None
    assert fit_exponent([], []) is None


def test_small_memory_is_left_out():
    rows = [
        {"size": size, "median_ms": 1e-3 * size**1.5, "peak_mib": 1e-3 * size**2}
        for size in (10, 100, 1000, 10_000)
    ] + [{"size": 100_000, "died": "out of memory"}]
    fits = fit_curve(rows)
    assert fits["time"] == (pytest.approx(1.5), 3)
    # 0.1 and 10 MiB; 8 MiB is the floor.
    assert fits["memory"] == (pytest.approx(2.0), 3)
    rows[1]["peak_mib"] = 7.0
    assert fit_curve(rows)["memory"] is None
