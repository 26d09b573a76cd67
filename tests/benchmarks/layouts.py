"""Layouts of tables as tests read them."""


def filled(layout, row):
    """Return what stands in a row, by the heads of the columns."""
    return {head: fill(row) for head, fill in layout.columns.items()}
