"""Entry point of ``python -m benchmarks``."""

import sys

try:
    from benchmarks.commands.cli import app
except ModuleNotFoundError as error:
    sys.exit(f'{error}: the benchmarks need more packages, pip install ".[benchmark]"')

if __name__ == "__main__":
    app(prog_name="python -m benchmarks")
