"""The same runs on data that are not Gaussian: exact scores, a user's denoiser, and distances between samples."""
