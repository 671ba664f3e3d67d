"""Leading order in the number of steps."""
