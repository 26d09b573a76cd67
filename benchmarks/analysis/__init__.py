"""``python -m benchmarks analyse``: what a run's networks do with their clusters."""
