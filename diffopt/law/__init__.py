"""The exact Gaussian law of a run, step by step, and its derivatives."""
