"""Rules computed from the data."""
