"""From stored cells to the rows of tables."""
