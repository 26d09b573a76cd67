"""The error that a wrong name or value from the user raises, with near misses named."""

import difflib
from collections.abc import Iterable


class UsageError(ValueError):
    """Bad input from the user: shown as one message, exit code 2."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """Return the error for an unknown ``name``, naming the known names nearest to it."""
    known = sorted(known)
    by_folded = {candidate.casefold(): candidate for candidate in known}
    near = difflib.get_close_matches(name.casefold(), by_folded, n=3, cutoff=0.5)
    if near:
        hint = "did you mean " + ", ".join(repr(by_folded[match]) for match in near) + "?"
    else:
        hint = "expected one of " + ", ".join(known) if known else "there is none"
    return UsageError(f"unknown {kind} {name!r}: {hint}")
