"""The error that a wrong name or value from the user raises, with near misses named."""

import difflib
from collections.abc import Iterable


class UsageError(ValueError):
    """Bad input from the user: shown as one message, exit code 2.

    Args:
        message: What was expected, and what was got.
        details: What is shown below the message, such as the traceback of the user's own code.
            (default: nothing)
    """

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details


class AbsentDataError(UsageError):
    """A data set that is neither cached nor to be had; tables leave it out."""


class DivergedError(ArithmeticError):
    """A training whose loss or outputs are not finite: the same cell would fail again."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """Return the error for an unknown ``name``, naming the known names nearest to it."""
    known = sorted(known)
    near = near_names(name, known, cutoff=0.5)
    if near:
        hint = "did you mean " + ", ".join(map(repr, near)) + "?"
    else:
        hint = "expected one of " + ", ".join(known) if known else "there is none"
    return UsageError(f"unknown {kind} {name!r}: {hint}")


def near_names(name: str, known: Iterable[str], cutoff: float) -> list[str]:
    """Return at most three known names that resemble ``name``, the nearest first.

    Args:
        name: What was given.
        known: The names to compare it with; upper and lower case are the same.
        cutoff: Least share of letters in common, from 0 to 1.
    """
    by_folded = {candidate.casefold(): candidate for candidate in sorted(known)}
    near = difflib.get_close_matches(name.casefold(), by_folded, n=3, cutoff=cutoff)
    return [by_folded[match] for match in near]
