"""Where a sampler's error comes from: data, training, steps, noise floor and start."""
