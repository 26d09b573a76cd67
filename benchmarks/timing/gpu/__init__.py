"""All that is measured on a GPU."""
