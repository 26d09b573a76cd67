"""The tables that ``python -m benchmarks coarsen`` prints, and what is required of coarsening."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.timing.coarsen import LARGE
from benchmarks.timing.rivals import OURS, PYG, SHUFFLED, TGP
from benchmarks.timing.tables import Table, columns, number, once_each, show_tables, spread
from benchmarks.timing.targets import at_least, at_most, fastest, multiple

Row = dict[str, Any]

REQUIRED_OVER_PYG = {"ENZYMES": 3.5, "COLLAB": 4.5, "DD": 35.0, "REDDIT-like": 200.0}
REQUIRED_OVER_TGP = dict.fromkeys(REQUIRED_OVER_PYG, 4.0)
FASTER_TGP = "the faster tgp"
# Of each requirement, what must be left when edges come as a raw tensor in random order.
SHUFFLED_SHARE = 0.7
REQUIRED_PEAK_MIB = 500e6 / 2**20
# Batches of more nodes are to come this near to the machine's limit.
LIMITED_NODES, GOAL_OVER_LIMIT = 5000, 1.5

MEASURED = columns(
    "batches", "contender", "median ms (quartiles)", "time / ours", "× limit", "peak MiB",
    "error, outputs", "error, gradients",
)  # fmt: skip
COMPARED = columns("batches", "contender", "against", "required", "measured", "verdict")
SWEPT = columns("B", "mean n", "max n", "K", "F", "padded ms", "ragged ms", "chosen")
FITTED = columns("constants", "CALL_COST", "PADDED_CALLS", "mean time / the faster's", "worst")
KERNELS = columns("batches", "operation", "columns", "kernel", "ms a batch", "time / best", "error")


def show(rows: Sequence[Row], style: str, what: str = "contenders") -> None:
    """Print rows as JSON, Markdown or for a terminal: contenders, backends or kernels."""
    if what == "backends":
        tables = [
            Table("Both backends, forward + backward", _swept(rows), SWEPT),
            Table("Constants of the rule between them", _fitted(rows), FITTED),
        ]
    elif what == "kernels":
        tables = [Table("Sparse products and segment sums", _kernels(rows), KERNELS)]
    else:
        profile = profiled(rows)
        tables = [
            Table("Coarsening with both losses, forward + backward", measured(rows), MEASURED),
            Table("Where our time goes, in ms a batch (%)", profile, columns(*_heads(profile))),
            Table("Against what is required", requirements(rows), COMPARED),
        ]
    show_tables(rows, tables, style)


def measured(rows: Sequence[Row], base: str = OURS, digits: str = ".1f") -> list[Row]:
    """Return a line for each set and contender.

    Args:
        rows: The rows.
        base: Whose time the others are divided by.
        digits: How times are written.
    """
    ours = {
        row["set"]: row["median_ms"]
        for row in rows
        if row["contender"] == base and "median_ms" in row
    }
    lines = []
    for row in rows:
        line = {"batches": _describe(row), "contender": row["contender"]}
        lines.append(line)
        if "note" in row:
            line["median ms (quartiles)"] = row["note"]
            continue
        line["median ms (quartiles)"] = "not timed"
        if "median_ms" in row:
            line["median ms (quartiles)"] = spread(row, "ms", digits)
            if row["set"] in ours:
                line["time / ours"] = f"{row['median_ms'] / ours[row['set']]:.2f}"
        if "times_limit" in row:
            line["× limit"] = multiple(row["times_limit"])
        line["peak MiB"] = number(row.get("peak_mib"), ".0f") or row.get("peak_note") or ""
        errors = row.get("relative_errors")
        if isinstance(errors, dict) and errors:
            line |= _worst(errors)
    return once_each(lines, "batches")


def _worst(errors: dict[str, float]) -> Row:
    of_gradients = {kind: error for kind, error in errors.items() if kind.startswith("gradient")}
    of_outputs = {kind: error for kind, error in errors.items() if kind not in of_gradients}
    return {
        "error, outputs": f"{max(of_outputs.values()):.0e}",
        "error, gradients": f"{max(of_gradients.values()):.0e}",
        "worst error": f"{max(errors.values()):.0e}",
    }


def _describe(row: Row) -> str:
    clusters = "/".join(str(number) for number in sorted(set(row["clusters"])))
    return (
        f"{row['set']}: {row['batches']} × {row['graphs']} graphs of {row['mean_nodes']:.0f} nodes,"
        f" largest {row['largest']}, F = {row['features']}, K = {clusters}"
    )


def profiled(rows: Sequence[Row]) -> list[Row]:
    """Return one line for each set of batches: its time, and what of it goes where."""
    lines = []
    for row in rows:
        shares = row.get("profile_ms")
        if shares is not None:
            wall = sum(shares.values())
            parts = {
                purpose: f"{spent:.2f} ({100 * spent / wall:.0f})"
                for purpose, spent in shares.items()
            }
            lines.append({"batches": row["set"], "ms": f"{wall:.2f}", **parts})
    return lines


def _heads(lines: Sequence[Row]) -> list[str]:
    """Return all columns that lines have: older rows know more purposes."""
    return list(dict.fromkeys(head for line in lines for head in line))


def requirements(rows: Sequence[Row]) -> list[Row]:
    """Return one line for each figure that is required of us."""
    lines = []
    medians: dict[str, dict[str, float]] = {}
    for row in rows:
        if "median_ms" in row:
            medians.setdefault(row["set"], {})[row["contender"]] = row["median_ms"]
        elif row["set"] == LARGE and row.get("peak_mib") is not None:
            peak = row["peak_mib"]
            line = {"batches": LARGE, "contender": row["contender"], "against": "(peak memory)"}
            goal, met = f"{REQUIRED_PEAK_MIB:.0f} MiB", peak <= REQUIRED_PEAK_MIB
            lines.append(line | at_most(goal, f"{peak:.0f} MiB", met))
    for name, times in medians.items():
        for contender, share in ((OURS, 1.0), (SHUFFLED, SHUFFLED_SHARE)):
            if contender in times:
                lines += _ratios(name, times, contender, share)
    return [*lines, *_limits(rows)]


def _ratios(name: str, times: dict[str, float], contender: str, share: float) -> Iterator[Row]:
    for rival, time, required, absent in (
        (PYG, times.get(PYG), REQUIRED_OVER_PYG.get(name), "not measured"),
        (FASTER_TGP, fastest(times, TGP), REQUIRED_OVER_TGP.get(name), "not installed"),
    ):
        wanted = None if required is None else share * required
        ratio = None if time is None else time / times[contender]
        line = {"batches": name, "contender": contender, "against": f"faster than {rival}"}
        yield line | at_least(wanted, ratio, absent)


def _limits(rows: Sequence[Row]) -> Iterator[Row]:
    for row in rows:
        times = row.get("times_limit")
        if row["contender"] == OURS and times is not None and row["nodes"] > LIMITED_NODES:
            line = {"batches": row["set"], "contender": OURS}
            line["against"] = "time over the machine's limit"
            met = times <= GOAL_OVER_LIMIT
            yield line | at_most(multiple(GOAL_OVER_LIMIT), multiple(times), met)


def _swept(rows: Sequence[Row]) -> list[Row]:
    keys = {"B": "graphs", "mean n": "mean_nodes", "max n": "largest", "K": "clusters",
            "F": "features", "chosen": "chosen"}  # fmt: skip
    return [
        {head: str(row[key]) for head, key in keys.items()}
        | {f"{name} ms": f"{time:.2f}" for name, time in row["median_ms"].items()}
        for row in rows
        if "chosen" in row
    ]


def _fitted(rows: Sequence[Row]) -> list[Row]:
    return [
        {
            "constants": whose,
            "CALL_COST": f"{constants['call_cost']:_}",
            "PADDED_CALLS": str(constants["padded_calls"]),
            "mean time / the faster's": f"{constants['mean_regret']:.3f}",
            "worst": f"{constants['worst_regret']:.3f}",
        }
        for row in rows
        for whose in ("library", "fitted")
        if (constants := row.get(f"{whose}_constants")) is not None
    ]


def _kernels(rows: Sequence[Row]) -> list[Row]:
    lines, best = [], {}
    for row in rows:
        group = row["set"], row["operation"], "/".join(map(str, row["columns"]))
        best[group] = min(best.get(group, float("inf")), row["median_ms"])
        lines.append((group, row))
    shown = [
        {
            **dict(zip(("batches", "operation", "columns"), group, strict=True)),
            "kernel": row["kernel"],
            "ms a batch": f"{row['median_ms']:.3f}",
            "time / best": f"{row['median_ms'] / best[group]:.2f}",
            "error": f"{row['relative_error']:.0e}",
        }
        for group, row in lines
    ]
    return once_each(shown, "batches", "operation", "columns")
