"""diffopt: optimal step grids for diffusion samplers, from a covariance spectrum."""

__version__ = "0.1.0"
