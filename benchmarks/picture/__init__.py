"""``python -m benchmarks picture``: the learned hierarchy of one graph of a stored run."""
