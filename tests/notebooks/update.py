"""``make notebooks-update``: run the notebooks, or those named, and write their outputs."""

import sys
import time
from pathlib import Path

from tests.notebooks.execution import PATHS, execute


def main(names: list[str]) -> None:
    """Execute notebooks on generated data, from first cell to last, and save them in place."""
    import nbformat

    for path in [Path(name) for name in names] or PATHS:
        started = time.perf_counter()
        notebook = execute(path, path.parent)
        nbformat.write(notebook, path)
        print(f"{path.name}: {time.perf_counter() - started:.0f} s, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
