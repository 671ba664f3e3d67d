"""Every schedule, side by side."""
