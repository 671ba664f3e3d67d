"""The covariance that is left after a linear measurement."""
