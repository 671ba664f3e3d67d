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
    forms of `diffopt.asymptotics.defects` to leading order.

    Attributes
    ----------
    variance_steps : ndarray, shape (N, d)
        Contribution of each step to V_N - v_N.
    start_variance : ndarray, shape (d,)
        Contribution of a start that is not the exact marginal.
    """

    def __init__(self, table: Table, spectrum: Spectrum, start: Start = "exact") -> None:
        self.table, self.spectrum = table, spectrum
        self._chain = ExactChain(table, spectrum.eig, with_bias=True)
        self._exact = self._chain.grid_root**2
        after, self.start = self._after, start
        self.variance_steps = self._defects * after[1:]
        self.start_variance = (start_variance(table, spectrum.eig, start) - self._exact[0]) * after[0]

    @cached_property
    def mean_steps(self) -> Array:
        """Contribution of each step to the mean error per unit mean, shape (N, d)."""
        bias = self._chain.step.bias
        return np.zeros_like(self._exact[1:]) if bias is None else np.asarray(bias * np.sqrt(self._after[1:]))

    @property
    def start_mean(self) -> Array:
        """Contribution of the start to the mean error, shape (d,)."""
        shift = 0.0 if self.start == "exact" else -self.table.alpha[0][..., None]
        return np.asarray(shift * np.sqrt(self._after[0]))

    @cached_property
    def _after(self) -> Array:
        """Phi^2 from each grid point to the end, shape (N + 1, d) (eq. 66)."""
        v, last = self._exact, self._exact[-1]
        positive = v > 0
        after = last / v if positive.all() else np.divide(last, v, out=np.ones_like(v), where=positive)
        if self._chain.kept is not None:
            damping: Array | float = 1.0
            for k in reversed(range(self.table.steps)):
                damping = damping * self._chain.kept[k]
                after[k] *= damping
        return np.asarray(after)

    @cached_property
    def _defects(self) -> Array:
        """Variance after one step from the exact law minus the exact variance (eq. 65)."""
        incoming, steps, rows = self._chain.step.incoming, self.table.steps, self.table.rows
        root = self._chain.computed()
        lags = sorted(incoming)
        # A slice where the lag allows it: no copy is made.
        start = {p: root[np.maximum(np.arange(steps) * rows - p, 0)] if p else root[:-1:rows] for p in lags}
        moved: Array | float = 0.0
        for i, p in enumerate(lags):
            for r in lags[i:]:
                product = incoming[p] * incoming[r] * start[p] * start[r]
                moved = moved + (product if p == r else 2 * product * self._chain.correlation(p // rows, r // rows))
        if self._chain.noise is not None:
            moved = moved + self._chain.noise
        return np.asarray(moved - self._exact[1:])

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
        variance = self.absolute if absolute else self.variance
        return linear_frechet(variance, self._mean_error(absolute), self._exact[-1], self.spectrum)

    def residuals(self, absolute: bool = False) -> Array:
        """What :meth:`frechets` are the roots of the sums of squares of, shape (B, d) or (B, 2 d)."""
        variance = self.absolute if absolute else self.variance
        return linear_residuals(variance, self._mean_error(absolute), self._exact[-1], self.spectrum)

    def _mean_error(self, absolute: bool) -> Array:
        """Mean error; 0 where the data have no mean that it multiplies."""
        if self.spectrum.mean is None:
            return np.zeros(())
        return self.absolute_mean if absolute else self.mean

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
