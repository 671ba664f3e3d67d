"""Commands that make and show spectra."""
