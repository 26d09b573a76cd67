"""The three contractions of a sparse level, forwards and backwards, and the distances they give."""
