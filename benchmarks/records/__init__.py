"""What is written and read again: cells, provenance, rows of JSON, layouts of tables."""
