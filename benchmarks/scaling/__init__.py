"""Time and memory against size, until memory ends."""
