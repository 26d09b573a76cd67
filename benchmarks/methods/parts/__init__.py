"""Parts that methods are made of, and what is no method by itself."""
