"""What few samples do to eigenvalues, and its correction."""
