"""A metric of the score's error from the outputs of a network."""
