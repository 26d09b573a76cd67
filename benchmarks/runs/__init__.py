"""Many cells: what a run consists of, its plan, its cost, and the processes that train."""
