"""How a run's calls of the model are tied to its output: sensitivities and covariances between nodes."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.law.response import Response
from diffopt.law.start import Start, start_variance
from diffopt.solvers.table import Table


class Paths:
    """Linear paths from every node to the output, per eigenvalue (theory.md, eqs. 174, 175).

    Attributes
    ----------
    sensitivity : ndarray, shape (NR + 1, d)
        Change of the output per unit added to the denoiser's value at a node, through every row that reads it.
    variance : ndarray, shape (d,)
        Variance of the output.
    """

    def __init__(self, table: Table, eig: Array, start: Start) -> None:
        self.table = table
        self._maps = Response(table, eig).coefficients
        self._inputs = self._forward(np.sqrt(start_variance(table, eig, start)))
        self.sensitivity = self._backward(eig.size)
        self.variance: Array = self.covariance(-1, -1)

    def _forward(self, first: Array) -> Array:
        """Every node by unit inputs (the start, then each step's sources), shape (NR + 1, 1 + N S, d)."""
        table = self.table
        rows, sources = table.rows, table.sources
        nodes = np.zeros((table.steps * rows + 1, 1 + table.steps * sources, first.size))
        nodes[0, 0] = first
        for k in range(table.steps):
            for row in range(rows):
                out = nodes[k * rows + row + 1]
                for lag in table.pattern.by_row.get(row, ()):
                    if k * rows + row >= lag:
                        out += self._maps[row, lag][k] * nodes[k * rows + row - lag]
                for s in range(sources):
                    out[1 + k * sources + s] += table.noise[k, row, s]
        return nodes

    def _backward(self, size: int) -> Array:
        """Adjoint of the run, and what it makes of a unit of the denoiser: sum of (B + C alpha/s^2) over readers."""
        table, rows = self.table, self.table.rows
        pull = np.zeros((table.steps * rows + 1, size))
        total = np.zeros_like(pull)
        pull[-1] = 1.0
        for k in reversed(range(table.steps)):
            for row in reversed(range(rows)):
                above = pull[k * rows + row + 1]
                for lag in table.pattern.by_row.get(row, ()):
                    node = k * rows + row - lag
                    if node >= 0:
                        pull[node] += self._maps[row, lag][k] * above
                        total[node] += self._passed(k, row, lag, node) * above
        return total

    def _passed(self, k: int, row: int, lag: int, node: int) -> float:
        score = float(self.table.score[k, row, lag])
        through_score = score * self.table.alpha[node] / self.table.level[node] ** 2 if score else 0.0
        return float(self.table.denoised[k, row, lag] + through_score)

    def covariance(self, first: int, second: int) -> Array:
        """Covariance of two nodes, shape (d,)."""
        return np.asarray((self._inputs[first] * self._inputs[second]).sum(axis=0))
