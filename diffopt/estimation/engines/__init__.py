"""Where passes over samples run."""
