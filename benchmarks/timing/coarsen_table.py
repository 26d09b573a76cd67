"""The tables that ``python -m benchmarks coarsen`` prints, and what is required of coarsening."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.timing.coarsen import LARGE
from benchmarks.timing.pooling_rivals import DMON, MINCUT
from benchmarks.timing.rivals import OURS, PYG, SHUFFLED, TGP
from benchmarks.timing.sparse_levels import PADDED, SPARSE
from benchmarks.timing.tables import Table, medians, number, over, show_tables, spread
from benchmarks.timing.targets import at_least, at_most, fastest, multiple

Row = dict[str, Any]

REQUIRED_OVER_PYG = {"ENZYMES": 3.0, "COLLAB": 4.0, "DD": 35.0, "REDDIT-like": 200.0}
REQUIRED_OVER_TGP = dict.fromkeys(REQUIRED_OVER_PYG, 4.0)
FASTER_TGP = "the faster tgp"
REQUIRED_OVER_PADDED = 5.0
# Of each requirement, what must be left when edges come as a raw tensor in random order.
SHUFFLED_SHARE = 0.8
REQUIRED_PEAK_MIB = 500e6 / 2**20
# Batches of more nodes are to come this near to the machine's limit.
LIMITED_NODES, GOAL_OVER_LIMIT = 5000, 1.5


def show(rows: Sequence[Row], style: str, what: str = "contenders") -> None:
    """Print rows as JSON, Markdown or for a terminal."""
    if what == "backends":
        tables = [
            Table("Both backends, forward + backward", _swept(rows)),
            Table("Constants of the rule between them", _fitted(rows)),
        ]
    elif what == "sparse-levels":
        title = "Two poolings to 25 % of each graph's nodes without a cap, forward + backward"
        tables = [
            Table(title, level_lines(rows)),
            Table("Against what is required", list(level_requirements(rows))),
        ]
    elif what == "kernels":
        once = ("batches", "operation", "columns")
        tables = [Table("Sparse products and segment sums", _kernels(rows), once=once)]
    elif what == "poolings":
        tables = [pooling_table(rows, layer) for layer in (MINCUT, DMON)]
    else:
        tables = [
            measured_table(rows),
            Table("Where our time goes, in ms a batch (%)", profiled(rows)),
            Table("Against what is required", requirements(rows)),
        ]
    show_tables(rows, tables, style)


def measured_table(
    rows: Sequence[Row], base: str = OURS, digits: str = ".1f", notes: tuple[str, ...] = ()
) -> Table:
    """Return the table of a line for each set and contender.

    Args:
        rows: The rows.
        base: Whose time the others are divided by.
        digits: How times are written.
        notes: What stands below.
    """
    times = medians(rows)
    lines = []
    for row in rows:
        line = {"batches": _describe(row), "contender": row["contender"]}
        line |= dict.fromkeys(("median ms (quartiles)", "time / ours", "× limit", "peak MiB"), "")
        line |= dict.fromkeys(("error, outputs", "error, gradients"), "")
        lines.append(line)
        if "note" in row:
            line["median ms (quartiles)"] = row["note"]
            continue
        line["median ms (quartiles)"] = "not timed"
        if "median_ms" in row:
            line["median ms (quartiles)"] = spread(row, "ms", digits)
            line["time / ours"] = over(row, times[row["set"]].get(base))
        if "times_limit" in row:
            line["× limit"] = multiple(row["times_limit"])
        line["peak MiB"] = number(row.get("peak_mib"), ".0f") or row.get("peak_note") or ""
        errors = row.get("relative_errors")
        if isinstance(errors, dict) and errors:
            line |= _worst(errors)
    title = "Coarsening with both losses, forward + backward"
    return Table(title, lines, notes, once=("batches",))


def pooling_table(rows: Sequence[Row], layer: str) -> Table:
    """Return the table of the contenders of one layer besides DiffPool."""
    of_layer = [row for row in rows if row["contender"].startswith(f"{layer}, ")]
    table = measured_table(of_layer, base=f"{layer}, ours", digits=".2f")
    return table._replace(title=f"{layer} pooling with its losses, forward + backward")


def _worst(errors: dict[str, float]) -> Row:
    of_gradients = {kind: error for kind, error in errors.items() if kind.startswith("gradient")}
    of_outputs = {kind: error for kind, error in errors.items() if kind not in of_gradients}
    return {
        "error, outputs": f"{max(of_outputs.values()):.0e}",
        "error, gradients": f"{max(of_gradients.values()):.0e}",
    }


def _describe(row: Row) -> str:
    clusters = "/".join(str(number) for number in sorted(set(row["clusters"])))
    return (
        f"{row['set']}: {row['batches']} × {row['graphs']} graphs of {row['mean_nodes']:.0f} nodes,"
        f" largest {row['largest']}, F = {row['features']}, K = {clusters}"
    )


def level_lines(rows: Sequence[Row]) -> list[Row]:
    """Return one line for each network with sparse or padded levels."""
    lines = []
    for row in rows:
        line = {"contender": row["contender"], "median ms (quartiles)": row.get("note", "")}
        lines.append(line)
        if "median_ms" in row:
            line["median ms (quartiles)"] = spread(row, "ms", ".0f")
            line["peak MiB"] = f"{row['peak_mib']:.0f}"
            line["clusters of a node"] = number(row.get("clusters_of_a_node"), ".1f")
            line["edges of the levels"] = ", ".join(f"{n:.0f}" for n in row.get("edges", ()))
    return lines


def level_requirements(rows: Sequence[Row]) -> Iterator[Row]:
    """Yield how much faster and smaller sparse levels have to be, and are."""
    found = {row["contender"]: row for row in rows if "median_ms" in row}
    for contender, row in found.items():
        kind, assignment = contender.split(", ")
        padded = found.get(f"{PADDED}, {assignment}")
        if kind != SPARSE or padded is None:
            continue
        for what, key in (("faster", "median_ms"), ("less memory", "peak_mib")):
            line = {"contender": contender, "against": f"{what} than {PADDED}"}
            yield line | at_least(REQUIRED_OVER_PADDED, padded[key] / row[key])


def profiled(rows: Sequence[Row]) -> list[Row]:
    """Return one line for each set whose time was split by purpose, as older rows have it."""
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


def requirements(rows: Sequence[Row]) -> list[Row]:
    """Return one line for each figure that is required of us."""
    lines = []
    for row in rows:
        if row["set"] == LARGE and row.get("peak_mib") is not None:
            peak = row["peak_mib"]
            line = {"batches": LARGE, "contender": row["contender"], "against": "(peak memory)"}
            goal, met = f"{REQUIRED_PEAK_MIB:.0f} MiB", peak <= REQUIRED_PEAK_MIB
            lines.append(line | at_most(goal, f"{peak:.0f} MiB", met))
    for name, times in medians(rows).items():
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
    return [
        {
            "B": str(row["graphs"]),
            "mean n": str(row["mean_nodes"]),
            "max n": str(row["largest"]),
            "K": str(row["clusters"]),
            "F": str(row["features"]),
            **{f"{name} ms": f"{time:.2f}" for name, time in row["median_ms"].items()},
            "chosen": row["chosen"],
        }
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
    groups = [(row["set"], row["operation"], "/".join(map(str, row["columns"]))) for row in rows]
    best: dict[tuple[str, ...], float] = {}
    for group, row in zip(groups, rows, strict=True):
        best[group] = min(best.get(group, float("inf")), row["median_ms"])
    return [
        {
            "batches": group[0],
            "operation": group[1],
            "columns": group[2],
            "kernel": row["kernel"],
            "ms a batch": f"{row['median_ms']:.3f}",
            "time / best": f"{row['median_ms'] / best[group]:.2f}",
            "error": f"{row['relative_error']:.0e}",
        }
        for group, row in zip(groups, rows, strict=True)
    ]
