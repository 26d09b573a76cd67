"""Forward and backward pass of the three contractions of a sparse level, and its distances."""
