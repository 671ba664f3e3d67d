"""Published tables of noise levels."""
