"""From sums to eigenvalues."""
