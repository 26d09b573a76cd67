"""The commands of ``python -m benchmarks``: options and printing; nothing imports them."""
