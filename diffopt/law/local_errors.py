"""Where a concrete run makes its error: exact local defects, carried to the end by the exact flow."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.errors import DiffoptError
from diffopt.foundation.arrays import Array
from diffopt.law.exact_chain import ExactChain
from diffopt.law.linearized import linear_frechet, linear_residuals, weak_error
from diffopt.law.start import Start, start_variance
from diffopt.processes.grid import Grid
from diffopt.solvers import Solver, run_table
from diffopt.solvers.table import Table


class LocalDefects:
    """Signed error of every step, alone, as it appears at the end (theory.md, eqs. 65-67).

    Every step of the real table is applied to the exact law (exact history too); what it leaves is
    its defect, and a later exact step keeps the share Phi^2 = (1 - n/v') v'/v of a variance error and
    Phi of a mean error. No formula of the solver is needed, and the sum agrees with the closed
    forms of `diffopt.defects` to leading order.

    Attributes
    ----------
    variance_steps, mean_steps : ndarray, shape (N, d)
        Contributions of each step to V_N - v_N and to the mean error per unit mean.
    start_variance, start_mean : ndarray, shape (d,)
        Contribution of a start that is not the exact marginal.
    """

    def __init__(self, table: Table, spectrum: Spectrum, start: Start = "exact") -> None:
        self.table, self.spectrum = table, spectrum
        self._chain = ExactChain(table, spectrum.eig, with_bias=True)
        self._exact = self._chain.grid_root**2
        after = self._after
        self.variance_steps = self._defects * after[1:]
        self.mean_steps = self._mean_defects * np.sqrt(after[1:])
        self.start_variance = (start_variance(table, spectrum.eig, start) - self._exact[0]) * after[0]
        shift = 0.0 if start == "exact" else -table.alpha[0][..., None]
        self.start_mean = shift * np.sqrt(after[0])

    @cached_property
    def _after(self) -> Array:
        """Phi^2 from each grid point to the end, shape (N + 1, d) (eq. 66)."""
        v, last = self._exact, self._exact[-1]
        kept = np.ones_like(v[1:]) if self._chain.kept is None else self._chain.kept
        damping = np.cumprod(np.concatenate([np.ones_like(last)[None], kept[::-1]]), axis=0)[::-1]
        return np.asarray(damping * np.divide(last, v, out=np.ones_like(v), where=v > 0))

    @cached_property
    def _defects(self) -> Array:
        """Variance after one step from the exact law minus the exact variance (eq. 65)."""
        incoming, steps, rows = self._chain.step.incoming, self.table.steps, self.table.rows
        root = self._chain.computed()
        moved = np.zeros_like(self._exact[1:])
        lags = sorted(incoming)
        for i, p in enumerate(lags):
            for r in lags[i:]:
                nodes = [np.maximum(np.arange(steps) * rows - lag, 0) for lag in (p, r)]
                twice = 1 if p == r else 2
                product = incoming[p] * incoming[r] * root[nodes[0]] * root[nodes[1]]
                moved = moved + twice * product * self._chain.correlation(p // rows, r // rows)
        fresh = 0.0 if self._chain.noise is None else self._chain.noise
        return np.asarray(moved + fresh - self._exact[1:])

    @cached_property
    def _mean_defects(self) -> Array:
        bias = self._chain.step.bias
        return np.zeros_like(self._exact[1:]) if bias is None else np.asarray(bias + 0 * self._exact[1:])

    @property
    def variance(self) -> Array:
        """First-order V_N - v_N, shape (d,)."""
        return np.asarray(self.variance_steps.sum(axis=0) + self.start_variance)

    @property
    def absolute(self) -> Array:
        """The same without cancellation: sum of absolute contributions (eq. 68)."""
        return np.asarray(np.abs(self.variance_steps).sum(axis=0) + np.abs(self.start_variance))

    @property
    def mean(self) -> Array:
        """First-order mean error per unit mean, shape (d,)."""
        return np.asarray(self.mean_steps.sum(axis=0) + self.start_mean)

    @property
    def absolute_mean(self) -> Array:
        """The mean error without cancellation."""
        return np.asarray(np.abs(self.mean_steps).sum(axis=0) + np.abs(self.start_mean))

    def frechet(self, absolute: bool = False) -> float:
        """First-order Frechet distance to the exact marginal where the grid ends (eq. 67)."""
        return float(self.frechets(absolute))

    def frechets(self, absolute: bool = False) -> Array:
        """As :meth:`frechet`, for the grids of a stacked table: shape (B,)."""
        variance, mean = (self.absolute, self.absolute_mean) if absolute else (self.variance, self.mean)
        return linear_frechet(variance, mean, self._exact[-1], self.spectrum)

    def residuals(self) -> Array:
        """What the signed Frechet distance is the root of the sum of squares of, shape (B, d) or (B, 2 d)."""
        return linear_residuals(self.variance, self.mean, self._exact[-1], self.spectrum)

    def weak(self, gradient: Array | float, hessian: Array | float) -> float:
        """First-order weak error for a test function with E d_i phi and E d_ii phi (eq. 60)."""
        return weak_error(self.variance, self.mean, self.spectrum, gradient, hessian)


def first_order_frechet(
    spectrum: Spectrum,
    grid: Grid,
    solver: Solver,
    eta: float | Array | None = None,
    start: Start = "exact",
) -> float | None:
    """Leading-order Frechet distance of a run to the exact marginal where its grid ends (eq. 67).

    Parameters
    ----------
    spectrum : Spectrum
        Data.
    grid : Grid
        Concrete steps.
    solver : Solver
        Any; the order is the solver's own.
    eta : float or ndarray, optional
        As for the solver.
    start : {"exact", "sigma", "unit"}
        Law at the first point; its mismatch is carried by the exact flow.

    Returns
    -------
    float or None
        None where it is not defined (a step the scheme cannot take).
    """
    try:
        with np.errstate(all="ignore"):
            value = LocalDefects(run_table(solver, grid, eta), spectrum, start).frechet()
    except DiffoptError:
        return None
    return value if np.isfinite(value) else None
