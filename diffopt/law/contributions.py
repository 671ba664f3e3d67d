"""What each step adds to the squared error of a whole run, exactly."""

from __future__ import annotations

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.foundation.arrays import Array
from diffopt.law.exact_chain import ExactChain
from diffopt.law.law import Law
from diffopt.solvers.table import Table


class Contributions:
    """Parts of the squared Frechet distance to the exact law at the last grid point, from the exact start.

    Attributes
    ----------
    variance, mean : ndarray, shape (N, d)
        What each step adds to V_N - v_N, and to the mean error per unit mean (theory.md, eq. 450).
    squared : ndarray, shape (N, d)
        What each step adds to the squared distance, directions counted; all together are its square (eq. 451).
    """

    def __init__(self, table: Table, spectrum: Spectrum) -> None:
        self._chain = ExactChain(table, spectrum.eig, with_bias=spectrum.mean is not None)
        self.table, self._rows = table, self._chain.response.rows
        self._root = self._chain.computed()
        law = Law(table, spectrum, "exact")
        self.variance, self.mean = np.zeros((2, table.steps, spectrum.eig.size))
        self._run()
        if self._rows[-1].spread is not None:
            self._run_scalar(law)
        out, exact = np.sqrt(np.maximum(law.variance, 0)), self._chain.grid_root[-1]
        total = out + exact
        # Relative to the sum of both roots, which is 0 only where nothing is added.
        slope = np.divide(out - exact, total, out=np.zeros_like(total), where=total > 0)
        square = self.variance * slope
        if spectrum.mean is not None and law.mean_gap is not None:
            square = square + self.mean * law.mean_gap * spectrum.mean**2
        self.squared: Array = square * spectrum.weight

    def _run(self) -> None:
        """Variances of the end where the first k steps are exact, from the last k down, and their differences."""
        steps, width = self.table.steps, self.table.rows
        pull = np.zeros_like(self._root)
        pull[-1], noise = 1.0, np.zeros_like(self._root[-1])
        behind = self._chain.grid_root[-1] ** 2
        for k in reversed(range(steps)):
            noise = noise + self._step(k, pull)
            variance = self._read(k, pull[: k * width + 1]) + noise
            self.variance[k] = variance - behind
            behind = variance

    def _run_scalar(self, law: Law) -> None:
        """The same for steps whose coefficients are random: mean squares multiply, and nothing is remembered."""
        exact, square, later = self._chain.grid_root**2, law.square(), np.ones_like(self._root[-1])
        injected = self._chain.response.injected + law.random_mean()
        for k in reversed(range(self.table.steps)):
            self.variance[k] = later * (square[k] * exact[k] + injected[min(k, len(injected) - 1)] - exact[k + 1])
            later = later * square[k]

    def _step(self, k: int, pull: Array) -> Array:
        """Hand the weights of the nodes of step k to those before it; returns the variance of its noise."""
        width, sources = self.table.rows, dict[int, Array]()
        for r in range(width):
            row, above = self._rows[r], pull[k * width + r + 1]
            if not above.any():
                continue
            for p, value in row.incoming.items():
                if k * width >= p:
                    pull[k * width - p] += above * value[k]
            for s, value in row.source.items():
                sources[s] = sources.get(s, 0.0) + above * value[k]
            if row.bias is not None:
                self.mean[k] += above * row.bias[k]
        return np.asarray(sum((value**2 for value in sources.values()), start=np.zeros_like(pull[0])))

    def _read(self, k: int, pull: Array) -> Array:
        """Variance of what the weights read of the exact process before step k."""
        width = self.table.rows
        lags = [p for p in range(min(self._chain.response.reach, k * width + 1)) if pull[k * width - p].any()]
        total = np.zeros_like(pull[0])
        for i, p in enumerate(lags):
            for q in lags[i:]:
                product = pull[k * width - p] * pull[k * width - q] * self._root[k * width - p] * self._root[k * width - q]
                if p != q:
                    near = self._chain.correlation(p // width, q // width)
                    product = 2 * product * (near if isinstance(near, float) else near[k])
                total += product
        return total
