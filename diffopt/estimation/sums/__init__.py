"""Sums over samples that merge."""
