"""What is required, beside what was measured: the last three columns of each table of targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

MET, NOT_MET = "met", "NOT MET"
NONE = "–"


def verdict(met: bool) -> str:
    """Return how a target is judged."""
    return MET if met else NOT_MET


def multiple(ratio: float | None) -> str:
    """Write a ratio, or a dash for none."""
    return NONE if ratio is None else f"{ratio:.3g}×"


def at_least(required: float | None, ratio: float | None, absent: str = NONE) -> dict[str, str]:
    """Return the columns of a ratio that has to be reached.

    Args:
        required: The target, if there is one.
        ratio: What was measured, if it was.
        absent: What is said where nothing was measured.
    """
    judged = required is not None and ratio is not None
    return {
        "required": multiple(required),
        "measured": absent if ratio is None else multiple(ratio),
        "verdict": verdict(ratio >= required) if judged else "",  # type: ignore[operator]
    }


def at_most(goal: str, measured: str, met: bool) -> dict[str, str]:
    """Return the columns of a figure that must not be passed."""
    return {"required": f"<= {goal}", "measured": measured, "verdict": verdict(met)}


def fastest(times: Mapping[str, float], names: Sequence[str]) -> float | None:
    """Return the least time of those names that have one."""
    return min((times[name] for name in names if name in times), default=None)
