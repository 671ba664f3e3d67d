"""Correcting the spread of sample eigenvalues: four rules, one table.

With n samples in d dimensions the small sample eigenvalues are biased down and the large ones up
(Marchenko and Pastur 1967). The rules answer different questions; docs/spectra.md, section 6.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from diffopt.data.spectrum import check_largest
from diffopt.errors import UnsupportedError
from diffopt.estimation.correction.population import population
from diffopt.estimation.methods.raw_spectrum import RawSpectrum
from diffopt.foundation.arrays import Array
from diffopt.foundation.names import check_name

Shrunk = tuple[Array, Array]


@dataclass(frozen=True)
class SampleSpectrum:
    """Sample spectrum with multiplicities, degrees of freedom n = samples - 1, dimension d.

    Attributes
    ----------
    eig, weight : ndarray, shape (m,)
    freedom, dim : int
    raw : RawSpectrum
    """

    eig: Array
    weight: Array
    freedom: int
    dim: int
    raw: RawSpectrum

    @property
    def trace(self) -> float:
        """Sum of the eigenvalues."""
        return float(self.weight @ self.eig)

    @property
    def squares(self) -> float:
        """Sum of the squared eigenvalues."""
        return float(self.weight @ self.eig**2)


def none(problem: SampleSpectrum) -> Shrunk:
    """Keep the sample eigenvalues as they are."""
    return problem.eig, problem.weight


def linear(problem: SampleSpectrum, intensity: float) -> Shrunk:
    """(1 - rho) eig + rho trace / d: every eigenvalue moves towards their mean."""
    return (1 - intensity) * problem.eig + intensity * problem.trace / problem.dim, problem.weight


def ledoit_wolf(problem: SampleSpectrum) -> Shrunk:
    """Linear shrinkage with the intensity of Ledoit and Wolf (2004), doi:10.1016/S0047-259X(03)00096-4.

    rho = min(b, delta) / delta with delta = |S|^2 - trace^2 / d and b = (mean |y|^4 - |S|^2) / n, for the
    biased covariance S; the same number as scikit-learn's `ledoit_wolf_shrinkage`.

    Raises
    ------
    UnsupportedError
        The method has not summed the fourth powers.
    """
    if problem.raw.scatter is None:
        raise UnsupportedError(
            "--shrinkage ledoit_wolf needs --method pca; use oas or population with the others"
        )
    n = problem.raw.samples
    biased = (n - 1) / n
    squares, trace = problem.squares * biased**2, problem.trace * biased
    delta = squares - trace**2 / problem.dim
    b = (problem.raw.scatter - squares) / n
    return linear(problem, min(b, delta) / delta if delta > 0 else 1.0)


def oas(problem: SampleSpectrum) -> Shrunk:
    """Oracle approximating shrinkage (Chen, Wiesel, Eldar and Hero 2010, eq. 23), as in scikit-learn."""
    n, d = problem.raw.samples, problem.dim
    biased = (n - 1) / n
    alpha = problem.squares * biased**2 / d**2
    mu = problem.trace * biased / d
    bottom = (n + 1) * (alpha - mu**2 / d)
    return linear(problem, min((alpha + mu**2) / bottom, 1.0) if bottom > 0 else 1.0)


def analytical(problem: SampleSpectrum) -> Shrunk:
    """Non-linear shrinkage of Ledoit and Wolf (2020), doi:10.1214/19-AOS1921: estimates u' Sigma u.

    These are the variances of the data along the *sample* eigenvectors; they are less spread than the
    population eigenvalues.

    Raises
    ------
    UnsupportedError
        More than 20000 distinct eigenvalues (the work is quadratic).
    """
    order = np.argsort(problem.eig)
    eig, weight = problem.eig[order], problem.weight[order]
    n, d = problem.freedom, problem.dim
    positive = eig > 1e-12 * eig[-1]
    if positive.sum() > 20_000:
        raise UnsupportedError("--shrinkage analytical takes at most 20000 eigenvalues; use population")
    lam, w = eig[positive], weight[positive]
    # The kernel estimate needs one sample per direction of the range: min(n, d) of them.
    density, hilbert = _kernel(lam, w / w.sum(), n ** (-1 / 3))
    result = np.empty_like(eig)
    c = d / n
    if d <= n:
        bottom = (np.pi * c * lam * density) ** 2 + (1 - c - np.pi * c * lam * hilbert) ** 2
        result[positive], result[~positive] = lam / bottom, 0.0
    else:
        result[positive] = lam / (np.pi**2 * lam**2 * (density**2 + hilbert**2))
        result[~positive] = _null_value(lam, w / w.sum(), n, d)
    return result, weight


def _kernel(lam: Array, w: Array, bandwidth: float) -> Shrunk:
    """Epanechnikov density and its Hilbert transform at the eigenvalues (their eq. 4.7 and 4.8)."""
    root = np.sqrt(5.0)
    density, hilbert = np.empty_like(lam), np.empty_like(lam)
    width = lam * bandwidth
    for i in range(0, len(lam), 256):
        x = (lam[i : i + 256, None] - lam) / width
        inside = 1 - x**2 / 5
        density[i : i + 256] = (3 / (4 * root)) * (np.maximum(inside, 0) / width) @ w
        edge = np.abs(np.abs(x) - root) < 1e-12
        ratio = np.abs((root - x) / np.where(edge, 1.0, root + x))
        log = np.log(np.where(edge, 1.0, ratio))
        part = -3 * x / (10 * np.pi) + 3 / (4 * root * np.pi) * inside * log
        hilbert[i : i + 256] = (part / width) @ w
    return density, hilbert


def _null_value(lam: Array, w: Array, n: int, d: int) -> float:
    """Value of the null directions when d > n (their eq. C.8 and C.9)."""
    h, root = n ** (-1 / 3), np.sqrt(5.0)
    if root * h >= 1:
        raise UnsupportedError(
            f"--shrinkage analytical needs at least 12 samples, got {n + 1}; use population"
        )
    tail = 3 / (4 * root * h) * (1 - 1 / (5 * h**2)) * np.log((1 + root * h) / (1 - root * h))
    hilbert = (3 / (10 * h**2) + tail) / np.pi * float(w @ (1 / lam))
    return float(1 / (np.pi * (d - n) / n * hilbert))


def by_population(problem: SampleSpectrum) -> Shrunk:
    """Find the population spectrum whose Marchenko-Pastur image is the sample spectrum."""
    return population(problem.eig, problem.weight, problem.freedom, problem.dim)


SHRINKAGE: dict[str, Callable[[SampleSpectrum], Shrunk]] = {
    "none": none,
    "ledoit_wolf": ledoit_wolf,
    "oas": oas,
    "analytical": analytical,
    "population": by_population,
}


def shrink(raw: RawSpectrum, dim: int, name: str) -> RawSpectrum:
    """Apply a rule by name; the mean keeps its place in the order of the eigenvalues.

    Raises
    ------
    InputError
        An unknown name.
    """
    check_name(name, SHRINKAGE, "shrinkage")
    problem = SampleSpectrum(raw.eig, raw.weight, raw.samples - 1, dim, raw)
    if name == "none":
        return raw
    check_largest(float(np.max(raw.eig)))
    eig, weight = SHRINKAGE[name](problem)
    mean = None if raw.mean is None else carry_mean(raw, eig, weight)
    return replace(raw, eig=eig, weight=weight, mean=mean)


def carry_mean(raw: RawSpectrum, eig: Array, weight: Array) -> Array:
    """Give the q-th largest new direction the squared mean of the q-th largest old one."""
    old, new = np.argsort(-raw.eig, kind="stable"), np.argsort(-eig, kind="stable")
    assert raw.mean is not None
    position = np.concatenate([[0.0], np.cumsum(raw.weight[old])])
    squared = np.concatenate([[0.0], np.cumsum(raw.weight[old] * raw.mean[old] ** 2)])
    ends = np.concatenate([[0.0], np.cumsum(weight[new])]) * (position[-1] / weight.sum())
    parts = np.diff(np.interp(ends, position, squared))
    result = np.empty_like(eig)
    result[new] = np.sqrt(np.maximum(parts, 0.0) / weight[new])
    return result
