"""The runner: trains the methods of the paper's tables on TU data (``python -m benchmarks``)."""
