"""Data sets: TU, OGB and generated ones, their features, tasks and splits."""
