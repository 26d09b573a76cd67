"""One cell: a network or a kernel trained on one fold."""
