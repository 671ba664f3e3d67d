"""What is known about the data: their covariance spectrum."""
