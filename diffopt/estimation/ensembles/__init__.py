"""Groups of samples, a spectrum each."""
