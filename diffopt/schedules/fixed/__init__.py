"""Rules that need the range only."""
