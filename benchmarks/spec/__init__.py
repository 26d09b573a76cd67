"""What a run is asked for, without input or output: settings, cells, problems, errors."""
