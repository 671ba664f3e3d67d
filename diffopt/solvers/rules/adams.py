"""Linear multistep rows in any clock: y' = y + h sum_j w_j K_{k-j} (theory.md, eq. 120)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from diffopt.errors import InputError
from diffopt.foundation.arrays import Numbers
from diffopt.processes.clocks import Clock
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.rules.exponential import first_order
from diffopt.solvers.table import Table

#: Places and weights of the Gauss-Legendre rule on (0, 1) by number of nodes.
RULES = {n: ((x + 1) / 2, w / 2) for n in (2, 32) for x, w in [np.polynomial.legendre.leggauss(n)]}


def check_order(name: str, order: int, most: int) -> None:
    """Refuse an order that a solver does not have.

    Raises
    ------
    InputError
        Naming the orders that there are.
    """
    if order not in range(1, most + 1):
        raise InputError(f"solver {name!r} has the orders 1 to {most}, got order = {order}")


@dataclass(frozen=True)
class AdamsBashforth(Solver):
    """A multistep scheme that reads the last `order` slopes in a clock; the author gives the table of its weights.

    Attributes
    ----------
    order : int
        Largest number of slopes, 1 to 4.
    euler_at_final : bool
        Whether a last step to sigma = 0 is Euler's.
    """

    law_order: ClassVar[int] = 2
    uses_clock: ClassVar[bool] = True

    order: int = 4
    euler_at_final: bool = True

    def __post_init__(self) -> None:
        check_order(self.name, self.order, 4)

    @property
    def memory(self) -> int:  # type: ignore[override]
        """Steps that the oldest output lies behind."""
        return self.order - 1


def start_up(points: Points, order: int, euler_end: bool, through_noise: bool = True) -> np.ndarray:
    """Order of each step, shape (N,): 1, 2, ... up to `order`; 1 on a last step to sigma = 0 where `euler_end`.

    `through_noise`: whether a start at pure noise counts as a place that a slope can be taken from.
    """
    count = np.arange(1, points.steps + 1)
    if not through_noise and points.unbounded[0] and not np.isfinite(points.sigma.real.flat[0]):
        count = np.maximum(count - 1, 1)
    orders = np.minimum(count, order)
    if euler_end and points.ends_at_zero:
        orders[-1] = 1
    return orders


def lower_at_the_end(orders: np.ndarray) -> np.ndarray:
    """Orders ..., 2, 1 at the end of runs of fewer than 15 steps (diffusers' lower_order_final)."""
    if orders.size < 15:
        orders[-1] = 1
        orders[-2:-1] = np.minimum(orders[-2:-1], 2)
    return orders


def back(values: Numbers, lag: int, missing: Numbers | float = 1.0) -> Numbers:
    """What `values` (..., N) were `lag` steps earlier, `missing` where the run had not begun."""
    out = np.full_like(values, 0) + missing
    out[..., lag:] = values[..., : values.shape[-1] - lag]
    return out


def adams(points: Points, clock: Clock, weights: Numbers, whole: bool = False) -> Table:
    """Table of the scheme with `weights` (..., N, L) of the outputs that there are; `whole`: they sum to 1."""
    lags = weights.shape[-1]
    table = Table.zeros(points, lags=lags)
    if clock.name == "sigma":
        _from_euler(table, points, weights, whole)
        return table
    process = points.process
    rates = clock.rates(process, points.sigma[..., :-1], points.time_0, np.zeros(points.steps))
    h = clock.value(process, points.sigma[..., 1:], points.time_1) - clock.value(process, points.sigma[..., :-1], points.time_0)
    scale = clock.scale(points.alpha_1)
    table.state[..., 0, 0] = rates.scale / scale
    for lag in range(lags):
        step = h * weights[..., lag] / scale
        table.state[..., 0, lag] += step * back(rates.state * rates.scale, lag)
        table.denoised[..., 0, lag] = step * back(rates.denoised + 0 * h, lag)
        table.score[..., 0, lag] = step * back(rates.score + 0 * h, lag)
    if points.ends_at_zero and np.all(weights[..., -1, 0] == 1):
        # Euler's step to the data in closed form (eq. 101).
        last = clock.to_data(process, points.sigma[..., -2], points.time[..., -2], np.zeros(1))
        for array, value in zip((table.state, table.denoised, table.score), last, strict=False):
            array[..., -1, 0, 0] = value
    return table


def _from_euler(table: Table, points: Points, weights: Numbers, whole: bool) -> None:
    """Sigma clock: Euler's step (exact ends) plus h sum (w_j - delta_j0) (z/noise - D/sigma); infinite sigmas carry no D."""
    first_order(table, points)
    sigma = points.sigma[..., :-1]
    finite = np.isfinite(sigma.real)
    h = np.where(finite, points.sigma[..., 1:] - np.where(finite, sigma, 0), 0)
    inverse = np.where(finite, 1 / np.where(finite, sigma, 1), 0)
    # Of weights that sum to 1, w_0 - 1 is minus the others: equal slopes, those of a null direction, cancel (eq. 105).
    first = -weights[..., 1:].sum(axis=-1) if whole else weights[..., 0] - 1
    for lag in range(weights.shape[-1]):
        extra = points.alpha_1 * h * (weights[..., lag] if lag else first)
        table.state[..., 0, lag] += extra * back(1 / points.noise_0, lag)
        table.denoised[..., 0, lag] -= extra * back(inverse, lag)


#: Weights of the last 1, 2, 3, 4 slopes on equal steps.
ADAMS_BASHFORTH = ((1.0,), (3 / 2, -1 / 2), (23 / 12, -16 / 12, 5 / 12), (55 / 24, -59 / 24, 37 / 24, -9 / 24))


def constant_weights(orders: np.ndarray, most: int) -> np.ndarray:
    """The classical Adams-Bashforth numbers of each step's order, shape (N, most)."""
    rows = [np.pad(ADAMS_BASHFORTH[p - 1], (0, most - p)) for p in orders]
    return np.array(rows)


def lagrange_weights(
    places: Numbers, orders: np.ndarray, most: int, nodes: Numbers, shares: Numbers, curve: Callable[[Numbers], Numbers]
) -> Numbers:
    """int L_j over each step by a rule with `nodes` and `shares` (..., N, Q) that sum to 1 (theory.md, eq. 121).

    L_j are the Lagrange polynomials in `curve` through the last p of `places` (..., N), p the step's order.
    """
    value, at = curve(places), curve(nodes)
    weights = np.zeros((*value.shape, most), np.result_type(value, shares, at))
    for p in np.unique(orders):
        # Places before the run are never used; any distinct numbers stand for them.
        known = [back(value, j, -1e3 * (j + 1)) for j in range(p)]
        for j in range(p):
            product = shares
            for m in range(p):
                if m != j:
                    product = product * (at - known[m][..., None]) / (known[j] - known[m])[..., None]
            weights[..., j] = np.where(orders == p, product.sum(axis=-1), weights[..., j])
    return weights


def adams_weights(reading: Numbers, orders: np.ndarray, most: int) -> Numbers:
    """Exact variable-step Adams-Bashforth: polynomials in the clock's own reading (..., N + 1)."""
    start, h = reading[..., :-1], np.diff(reading, axis=-1)
    known = np.isfinite(start.real) & np.isfinite(h.real)
    start, h = np.where(known, start, 0), np.where(known, h, 1)
    xi, share = RULES[2]
    return lagrange_weights(start, orders, most, start[..., None] + h[..., None] * xi, share + 0 * h[..., None], lambda u: u)


def exponential_weights(points: Points, orders: np.ndarray, most: int, curve: Callable[[Numbers], Numbers]) -> Numbers:
    """int L_j(curve(sigma)) d sigma / h, polynomials in a curve of sigma; the rule has 32 nodes in log sigma."""
    sigma_0, sigma_1 = points.sigma[..., :-1], points.sigma[..., 1:]
    usable = ~points.unbounded
    sigma_0, sigma_1 = np.where(usable, sigma_0, 2), np.where(usable, sigma_1, 1)
    xi, share = RULES[32]
    log = np.log(sigma_1 / sigma_0)[..., None]
    nodes = sigma_0[..., None] * np.exp(log * xi)
    return lagrange_weights(sigma_0, orders, most, nodes, share * nodes * log / (sigma_1 - sigma_0)[..., None], curve)
