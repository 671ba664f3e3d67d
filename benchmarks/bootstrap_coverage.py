"""Do bootstrap bands of eigenvalues contain the truth? Percentile bands over data sets with known spectra.

    python benchmarks/bootstrap_coverage.py

Samples are drawn with replacement, the covariance is estimated again, and the 5 % and 95 % points by rank are compared
with the true eigenvalues: what `diffopt spectrum estimate --n-boot` does without a correction.
"""

from __future__ import annotations

import numpy as np

SETS, DRAWS = 26, 100
CASES = {"power law 1": lambda d: np.arange(1, d + 1) ** -1.0, "white": np.ones, "decades": lambda d: np.geomspace(1, 1e-3, d)}


def spectrum(x: np.ndarray) -> np.ndarray:
    return np.linalg.eigvalsh(np.cov(x.T))[::-1]


def coverage(eig: np.ndarray, samples: int, rng: np.random.Generator) -> float:
    """Share of eigenvalues inside their band, over the data sets."""
    inside = []
    for _ in range(SETS):
        x = rng.standard_normal((samples, eig.size)) * np.sqrt(eig)
        draws = [spectrum(x[rng.integers(samples, size=samples)]) for _ in range(DRAWS)]
        low, high = np.quantile(draws, [0.05, 0.95], axis=0)
        inside.append(np.mean((low <= eig) & (eig <= high)))
    return float(np.mean(inside))


def main() -> None:
    rng = np.random.default_rng(0)
    for name, rule in CASES.items():
        for samples in (100, 1000, 10000):
            print(f"{name:12s} d 10, N {samples:6d}: {coverage(rule(10), samples, rng):.2f} (nominal 0.90)")


if __name__ == "__main__":
    main()
