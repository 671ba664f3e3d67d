"""Shortest paths over local errors: grids of a given number of steps by dynamic programming (theory.md, section 51)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.objectives.problem import Problem
from diffopt.processes.points import Points
from diffopt.solvers.base import build_table
from diffopt.solvers.table import Table

#: Levels that the paths may visit.
NODES = 160


def shortest_paths(problem: Problem, levels: Array, eta: Array, count: int) -> list[tuple[int, ...]]:
    """Indices of `count` levels, descending from the last, that minimize the sum of local errors (eqs. 203, 204).

    Empty where a single step has no table (maps, clocks without a first or last step).
    """
    nodes = _thinned(levels, count)
    try:
        costs = [_costs(problem, levels[nodes], float(eta.mean()), power) for power in (1.0, 0.5)]
    except UnsupportedError:
        return []
    to_zero = problem.end == "zero"
    found = []
    for cost, last in costs:
        path = _path(cost, last if to_zero else None, count)
        if path is not None:
            found.append(tuple(int(nodes[i]) for i in path))
    return found


def _thinned(levels: Array, count: int) -> Array:
    """At most NODES indices, evenly, with both ends; never fewer than are needed."""
    size = min(levels.size, max(NODES, 3 * count))
    return np.unique(np.round(np.linspace(0, levels.size - 1, size)).astype(int))


def _costs(problem: Problem, levels: Array, eta: float, power: float) -> tuple[Array, Array]:
    """Cost of the step from i down to j, shape (n, n), infinite above the diagonal, and of that from i to 0, (n,)."""
    i, j = np.tril_indices(levels.size, -1)
    cost = np.full((levels.size, levels.size), np.inf)
    cost[i, j] = _errors(problem, np.stack([levels[i], levels[j]], axis=-1), eta) ** power
    last = np.full(levels.size, np.inf)
    if problem.end == "zero":
        last = _errors(problem, np.stack([levels, np.zeros_like(levels)], axis=-1), eta) ** power
    return cost, last


def _errors(problem: Problem, pairs: Array, eta: float) -> Array:
    """Local error of one step from the exact marginal (eq. 203), shape (n,)."""
    spectrum = problem.spectrum
    eig, weight = spectrum.eig[spectrum.eig > 0], spectrum.weight[spectrum.eig > 0]
    with np.errstate(all="ignore"):
        table = build_table(problem.solver, Points.create(problem.process, pairs), np.full((len(pairs), 1), eta))
        if table.maps is not None:
            raise UnsupportedError("a step that is a map has no local table")
        start = table.alpha[:, :1] ** 2 * eig + table.level[:, :1] ** 2
        end = table.alpha[:, -1:] ** 2 * eig + table.level[:, -1:] ** 2
        gain, injected = _one_step(table, eig)
        relative = np.sqrt((gain**2 * start + injected) / end) - 1
    found = np.sqrt(np.sum(weight * eig * relative**2, axis=-1))
    return np.where(np.isfinite(found), found, np.inf)


def _one_step(table: Table, eig: Array) -> tuple[Array, Array]:
    """Multiplier of the state and injected variance of one step, shape (n, d), from the rows of eq. (10)."""
    gains: list[Array] = [np.ones((len(table.alpha), eig.size))]
    noises: list[list[Array]] = [[np.zeros_like(gains[0]) for _ in range(table.sources)]]
    for row in range(table.rows):
        gain = np.zeros_like(gains[0])
        noise = [np.zeros_like(gain) + table.noise[:, 0, row, q, None] for q in range(table.sources)]
        for lag in range(min(table.lags, row + 1)):
            node = row - lag
            alpha, level = table.alpha[:, node, None], table.level[:, node, None]
            v = alpha**2 * eig + level**2
            on = table.state[:, 0, row, lag, None] + table.denoised[:, 0, row, lag, None] * alpha * eig / v
            on = on - table.score[:, 0, row, lag, None] / v
            gain = gain + on * gains[node]
            noise = [n + on * old for n, old in zip(noise, noises[node], strict=True)]
        gains.append(gain)
        noises.append(noise)
    return gains[-1], np.asarray(sum((n**2 for n in noises[-1]), np.zeros_like(gains[-1])))


def _path(cost: Array, last: Array | None, count: int) -> list[int] | None:
    """Cheapest way of `count` nodes from the top; to 0 with `last`, else to node 0 (eq. 204)."""
    size = cost.shape[0]
    value = np.full(size, np.inf)
    value[-1] = 0.0
    back = []
    for _ in range(count - 1):
        total = value[:, None] + cost
        back.append(total.argmin(axis=0))
        value = total.min(axis=0)
    final = value + last if last is not None else np.where(np.arange(size) == 0, value, np.inf)
    if not np.isfinite(final).any():
        return None
    return list(_traced(back, int(final.argmin())))


def _traced(back: list[Array], node: int) -> Iterator[int]:
    path = [node]
    for step in reversed(back):
        path.append(int(step[path[-1]]))
    return reversed(path)
