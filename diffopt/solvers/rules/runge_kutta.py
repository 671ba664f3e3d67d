"""Explicit Runge-Kutta schemes in any clock: a scheme is its tableau."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np

from diffopt.foundation.arrays import Numbers
from diffopt.processes.clocks import Clock, Rates
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.rules.exponential import first_order
from diffopt.solvers.rules.tableau import Tableau, Weight
from diffopt.solvers.table import Table

#: (B at the start, B at the end, h) -> standard deviations of y by row and source.
Noise = Callable[[Numbers, Numbers, Numbers], list[list[Numbers]]]


class ExplicitRungeKutta(Solver):
    """An explicit Runge-Kutta scheme for the probability-flow ODE; the author gives the numbers.

    K_m = f(y + h sum_i a[m][i] K_i, u + c[m] h), y' = y + h sum_m b[m] K_m; Euler on a last step to
    sigma = 0 in clocks whose rates blow up there.
    """

    tableau: ClassVar[Tableau]
    uses_clock = True

    def __init_subclass__(cls) -> None:
        cls.stages = cls.tableau.stages

    def table(self, points: Points, eta: Numbers) -> Table:
        """A row per stage, eq. (14); one stage in the sigma clock is eq. (12), which starts from pure noise too."""
        clock = self.clock_of(points.process)
        if self.tableau.stages == 1 and clock.name == "sigma":
            table = Table.zeros(points)
            first_order(table, points)
            return table
        return runge_kutta(points, clock, self.tableau, 0 * eta)


def runge_kutta(
    points: Points, clock: Clock, tableau: Tableau, eta: Numbers, noise: Noise | None = None, euler_end: bool = False
) -> Table:
    """Table of an explicit Runge-Kutta scheme (theory.md, eq. 14), noise B h at the end of the step.

    With `noise`, rows and sources of a stochastic scheme with a second stage (theory.md, eqs. 75, 76).
    A last step to sigma = 0 is Euler's in clocks whose rates blow up there, as in k-diffusion's Heun.
    """
    euler_end = euler_end or (points.ends_at_zero and not clock.finite_at_data(points.process))
    body = _above_zero(points) if euler_end else points
    stages = tableau.stages
    own = 1 if noise is None else stages
    table = Table.zeros(points, rows=stages, lags=stages, sources=own if np.any(eta) else 0)
    start = clock.value(body.process, body.sigma[..., :-1], body.time_0)
    h = clock.value(body.process, body.sigma[..., 1:], body.time_1) - start
    rates = [_stage(body, clock, start, h, c, eta) for c in tableau.c]
    scale_1 = clock.scale(body.alpha_1)
    for row in range(stages):
        weights = tableau.a[row + 1] if row + 1 < stages else tableau.b
        if row + 1 < stages:
            _place(table, row, body, clock, start, h, tableau.c[row + 1])
        scale = rates[row + 1].scale if row + 1 < stages else scale_1
        _fill(table, row, rates, weights, h, scale)
    if table.sources and noise is None:
        table.noise[..., stages - 1, 0] = np.sqrt(h * rates[0].noise) / scale_1
    elif table.sources and noise is not None:
        end = _stage(body, clock, start, h, 1.0, eta)
        scales = [rate.scale for rate in rates[1:]] + [scale_1]
        for row, deviations in enumerate(noise(rates[0].noise, end.noise, h)):
            for source, deviation in enumerate(deviations):
                table.noise[..., row, source] = deviation / scales[row]
    if euler_end:
        _euler_to_zero(table, points, clock, eta)
    return table


def _above_zero(points: Points) -> Points:
    """Same points with the final 0 replaced, so that stages of the replaced last step stay finite."""
    sigma = points.sigma.copy()
    sigma[..., -1] = sigma[..., -2] / 2
    return Points.create(points.process, sigma)


def _stage(points: Points, clock: Clock, start: Numbers, h: Numbers, c: Weight, eta: Numbers) -> Rates:
    if np.ndim(c) == 0 and c == 0:
        return clock.rates(points.process, points.sigma[..., :-1], points.time_0, eta)
    if np.ndim(c) == 0 and c == 1:
        return clock.rates(points.process, points.sigma[..., 1:], points.time_1, eta)
    sigma, time = clock.locate(points.process, start + c * h)
    return clock.rates(points.process, sigma, time, eta)


def _place(table: Table, row: int, points: Points, clock: Clock, start: Numbers, h: Numbers, c: Weight) -> None:
    if np.ndim(c) > 0 or c != 1:
        table.put_node(row, *points.process.levels(*clock.locate(points.process, start + c * h)))


def _fill(
    table: Table, row: int, rates: list[Rates], weights: tuple[Weight, ...], h: Numbers, scale: Numbers
) -> None:
    """Row y_0 + h sum_i w_i (A_i Y_i + B_i D_i + C_i S_i), turned from y to z = y / scale."""
    table.state[..., row, row] = rates[0].scale / scale
    for i, weight in enumerate(weights):
        rate, lag = rates[i], row - i
        if np.any(weight != 0):
            table.state[..., row, lag] += weight * h * rate.state * rate.scale / scale
            table.denoised[..., row, lag] += weight * h * rate.denoised / scale
            table.score[..., row, lag] += weight * h * rate.score / scale


def _euler_to_zero(table: Table, points: Points, clock: Clock, eta: Numbers) -> None:
    """Overwrite the last step: one Euler step to sigma = 0, then copies."""
    sigma, time = points.sigma[..., -2], points.time[..., -2]
    # At the data alpha = 1, so y = z in every clock.
    state, denoised, score, variance = clock.to_data(points.process, sigma, time, eta[..., -1])
    for array in (table.state, table.denoised, table.score, table.noise):
        array[..., -1, :, :] = 0
    table.state[..., -1, 0, 0] = state
    table.denoised[..., -1, 0, 0] = denoised
    table.score[..., -1, 0, 0] = score
    for row in range(1, table.rows):
        table.state[..., -1, row, 0] = 1
    if table.sources:
        table.noise[..., -1, table.rows - 1, 0] = np.sqrt(variance)
    for row in range(table.rows - 1):
        table.alpha[..., (table.steps - 1) * table.rows + row + 1] = points.alpha[..., -1]
        table.level[..., (table.steps - 1) * table.rows + row + 1] = points.noise[..., -1]

