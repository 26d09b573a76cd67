"""``python -m benchmarks paper``: the paper's tables, filled cell by cell."""
