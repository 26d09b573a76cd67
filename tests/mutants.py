"""Break the library on purpose, one place at a time, and print which breaks no test notices.

``make mutants`` runs a random sample of mutmut's mutants; ``MUTANTS=0`` all of them, for hours.
What was killed is not run again, so that a stopped run goes on, and new tests meet survivors alone.
"""

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

from mutmut.__main__ import create_mutants
from mutmut.stats import status_by_exit_code

FOLDER = Path("mutants")
SEED = 0


def exit_codes() -> dict[str, int | None]:
    """Return the exit code of each mutant, None where it has not run."""
    found: dict[str, int | None] = {}
    for path in sorted(FOLDER.rglob("*.meta")):
        found |= json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
    return found


def main(size: int) -> None:
    """Run a sample of so many mutants, and print the score."""
    FOLDER.mkdir(exist_ok=True)
    create_mutants(max_children=2)
    names = sorted(exit_codes())
    sample = random.Random(SEED).sample(names, size) if 0 < size < len(names) else names
    codes = exit_codes()
    left = [name for name in sample if status_by_exit_code[codes[name]] != "killed"]
    if left:
        subprocess.run([sys.executable, "-m", "mutmut", "run", *left], check=False)
    codes = exit_codes()
    status = {name: status_by_exit_code[codes[name]] for name in sample}
    for name, told in status.items():
        if told not in ("killed", "not checked"):
            print(f"{told}: {name} (mutmut show {name})")
    counts = Counter(status.values())
    told = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    run = sum(count for name, count in counts.items() if name != "not checked")
    print(f"{len(sample)} of {len(names)} mutants, seed {SEED}: {told}")
    if run == 0:
        sys.exit("no mutant ran: see above which test fails without any")
    print(f"score: {counts['killed'] / run:.3f} of {run} that ran")


if __name__ == "__main__":
    main(int(sys.argv[1]))
