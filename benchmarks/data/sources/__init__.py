"""One module a kind of data sets: the names that it answers to, and how their graphs are read."""
