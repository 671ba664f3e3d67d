"""diffusers: what each scheduler takes, what it does to it, and code that sets a grid exactly."""
