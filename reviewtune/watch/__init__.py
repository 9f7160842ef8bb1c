"""A results directory in a browser while studies run in it: the board, and how far they are."""
