"""Gaussian mixtures: the exact denoiser, and the posterior of a linear measurement, which is a mixture again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from diffopt.errors import InputError
from diffopt.foundation.arrays import Array
from diffopt.simulation.frame import Frame
from diffopt.simulation.target import MEMORY, Target

#: Variance, relative to the largest, below which a component counts as a point.
POINT = 1e-30


@dataclass(frozen=True, eq=False)
class Mixture(Target):
    """Law sum_j p_j N(m_j, U_j diag(l_j) U_j^T) of x_0 (theory.md, eqs. 150-152).

    Attributes
    ----------
    weights : ndarray, shape (k,)
        Probabilities p_j.
    means : ndarray, shape (k, d)
        Means m_j.
    eig : ndarray, shape (k, d)
        Variances l_j along the columns of the basis.
    basis : ndarray of shape (d, d) or (k, d, d), or None
        Eigenvectors: shared by all components, one basis each, or the axes (None).
    memory : int
        Bytes of intermediate arrays; states are denoised in chunks of rows that fit.
    """

    weights: Array
    means: Array
    eig: Array
    basis: Array | None = None
    memory: int = MEMORY

    @classmethod
    def create(
        cls,
        weights: ArrayLike,
        means: ArrayLike,
        variances: ArrayLike | None = None,
        covariances: ArrayLike | None = None,
        memory: int = MEMORY,
    ) -> Mixture:
        """Check raw arrays; `variances` (k, d) or `covariances` (k, d, d).

        Raises
        ------
        InputError
            Shapes that do not fit, NaN, negative weights, or a covariance that is not one.
        """
        p, m = _finite(weights, "weights", 1), _finite(means, "means", 2)
        if p.size != len(m) or p.size == 0:
            raise InputError(f"a mixture needs one mean per weight, got {p.size} weights and {len(m)} means")
        if np.any(p < 0) or not p.sum() > 0:
            raise InputError(f"weights must be >= 0 with a positive sum, got {p.min():g}")
        if (variances is None) == (covariances is None):
            raise InputError("a mixture needs either variances (k, d) or covariances (k, d, d)")
        if variances is not None:
            eig = _finite(variances, "variances", 2)
            if eig.shape != m.shape or np.any(eig < 0):
                raise InputError(f"variances must be >= 0 of shape {m.shape}, got {eig.shape} from {eig.min():g}")
            return cls(p / p.sum(), m, eig, None, memory)
        assert covariances is not None
        eig, basis = _eigen(_finite(covariances, "covariances", 3), m.shape)
        return cls(p / p.sum(), m, eig, basis, memory)

    @property
    def dim(self) -> int:
        """Numbers in one sample."""
        return int(self.means.shape[1])

    def covariance(self) -> Array:
        """Covariance of the whole, shape (d, d): within plus between the components."""
        gaps = self.means - self.weights @ self.means
        between = (self.weights[:, None] * gaps).T @ gaps
        if self.basis is None:
            return np.asarray(between + np.diag(self.weights @ self.eig))
        if self.basis.ndim == 2:
            return np.asarray(between + (self.basis * (self.weights @ self.eig)) @ self.basis.T)
        scaled = self.basis * (self.weights[:, None] * self.eig)[:, None, :]
        return np.asarray(between + np.einsum("kij,klj->il", scaled, self.basis))

    def denoise(self, z: Array, alpha: float, noise: float) -> Array:
        """Shares times the components' linear denoisers (eq. 151), shape (n, d)."""
        frame = self._frame(alpha, noise)
        return frame.average(z, self.means, alpha * self.eig / frame.total)

    def score(self, z: Array, alpha: float, noise: float) -> Array:
        """Shares times the components' scores (eq. 152), shape (n, d); exact also at noise 0."""
        frame = self._frame(alpha, noise)
        return frame.average(z, np.zeros_like(self.means), -1 / frame.total)

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """Component by its probability, then a Gaussian, shape (count, d)."""
        chosen = rng.choice(self.weights.size, size=count, p=self.weights)
        normal = rng.standard_normal((count, self.dim)) * np.sqrt(self.eig[chosen])
        if self.basis is not None and self.basis.ndim == 2:
            normal = normal @ self.basis.T
        elif self.basis is not None:
            for j in np.unique(chosen):
                normal[chosen == j] = normal[chosen == j] @ self.basis[j].T
        return np.asarray(self.means[chosen] + normal)

    def posterior(self, matrix: ArrayLike, value: ArrayLike, noise: float) -> Mixture:
        """Law of x_0 given y = A x_0 + noise n: a mixture (eqs. 153, 154).

        Parameters
        ----------
        matrix : array_like, shape (r, d)
            A.
        value : array_like, shape (r,)
            The measurement y.
        noise : float
            Its standard deviation, positive.

        Raises
        ------
        InputError
            Shapes that do not fit, or a noise that is not positive.
        """
        a, y = _finite(matrix, "matrix", 2), _finite(value, "measurement", 1)
        if a.shape != (y.size, self.dim) or not noise > 0:
            raise InputError(f"a measurement needs a matrix ({y.size}, {self.dim}) and noise > 0, got {a.shape}, {noise:g}")
        same = bool(np.all(self.eig == self.eig[0])) and (self.basis is None or self.basis.ndim == 2)
        parts = [_update(self._component(j), a, noise) for j in range(1 if same else self.weights.size)]
        parts = parts * self.weights.size if same else parts
        gaps = y - self.means @ a.T
        means = self.means + np.stack([part[0] @ gap for part, gap in zip(parts, gaps, strict=True)])
        density = np.array([_log_density(gap, part[1]) for part, gap in zip(parts, gaps, strict=True)])
        shares = np.exp(density - density.max()) * self.weights
        eig, basis = _eigen(np.stack([part[2] for part in (parts[:1] if same else parts)]), None)
        return Mixture(shares / shares.sum(), means, np.broadcast_to(eig, means.shape), basis, self.memory)

    def _component(self, j: int) -> Array:
        """Covariance of a component."""
        if self.basis is None:
            return np.diag(self.eig[j])
        basis = self.basis if self.basis.ndim == 2 else self.basis[j]
        return np.asarray((basis * self.eig[j]) @ basis.T)

    def _frame(self, alpha: float, noise: float) -> Frame:
        floor = POINT * max(float(self.eig.max()), 1e-200)
        total = np.maximum(alpha**2 * self.eig + noise**2, floor)
        return Frame(self.weights, self.means, total, self.basis, alpha, self.memory)


def _finite(raw: ArrayLike, name: str, axes: int) -> Array:
    array = np.asarray(raw)
    if array.dtype.kind not in "fiub" or array.ndim != axes:
        raise InputError(f"{name} must be real numbers with {axes} axes, got {array.dtype} of shape {array.shape}")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise InputError(f"{name} must be finite")
    return array


def _eigen(covariances: Array, shape: tuple[int, ...] | None) -> tuple[Array, Array]:
    """Variances (k, d) and eigenvectors (k, d, d), or (d, d) where all covariances are equal."""
    if shape is not None and covariances.shape != (*shape, shape[1]):
        raise InputError(f"covariances must have shape {(*shape, shape[1])}, got {covariances.shape}")
    size = max(float(np.abs(covariances).max()), 1e-300)
    if np.abs(covariances - covariances.transpose(0, 2, 1)).max() > 1e-8 * size:
        raise InputError("covariances must be symmetric")
    same = bool(np.all(covariances == covariances[0]))
    eig, basis = np.linalg.eigh(covariances[:1] if same else covariances)
    if eig.min() < -1e-8 * size:
        raise InputError(f"covariances must not have negative eigenvalues, got {eig.min():g}")
    eig = np.maximum(eig, 0.0)
    return (np.broadcast_to(eig, (len(covariances), eig.shape[1])), basis[0]) if same else (eig, basis)


def _update(covariance: Array, a: Array, noise: float) -> tuple[Array, Array, Array]:
    """Gain K, covariance S of the measurement and posterior covariance of one component (eq. 153)."""
    inner: Array = a @ covariance @ a.T + noise**2 * np.eye(len(a))
    gain = np.asarray(np.linalg.solve(inner, a @ covariance).T, dtype=np.float64)
    left = np.eye(len(covariance)) - gain @ a
    after = left @ covariance @ left.T + noise**2 * gain @ gain.T
    return gain, inner, np.asarray((after + after.T) / 2)


def _log_density(gap: Array, covariance: Array) -> float:
    """log N(gap; 0, covariance) without the constant."""
    return float(-0.5 * (gap @ np.linalg.solve(covariance, gap) + np.linalg.slogdet(covariance)[1]))
