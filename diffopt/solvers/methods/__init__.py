"""A scheme a file, with those of its family and what only they share."""
