"""A diffusion sampler on its grid, any solver that is a coefficient table."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array, Numbers
from diffopt.law.law import Law
from diffopt.law.paths import Paths
from diffopt.law.start import Start
from diffopt.processes.grid import Grid
from diffopt.solvers import Solver, run_table
from diffopt.solvers.methods.euler import Euler
from diffopt.solvers.model_error import ModelError
from diffopt.solvers.score_error import perturbed
from diffopt.solvers.table import Table
from diffopt.studies.budget.sampler import Level, LinearSampler, Output, mean_of
from diffopt.studies.budget.training import ScoreTraining

#: Numbers of the array of paths handled at once.
BLOCK = 20_000_000
#: Change of a gain for second derivatives.
STEP = 1e-3


@dataclass(frozen=True, eq=False)
class Diffusion(LinearSampler):
    """Solver, grid and start of a concrete run (theory.md, eqs. 174, 175, 181)."""

    solver: Solver
    grid: Grid
    eta: float | Array | None = None
    start: Start = "exact"

    @property
    def name(self) -> str:  # type: ignore[override]
        """The solver's name."""
        return self.solver.name

    def table(self, training: ScoreTraining | None = None) -> Table:
        """Coefficients, with what the mean of the training lacks."""
        error = None if training is None else training.bias()
        return run_table(self.solver if error is None else replace(self.solver, error=error), self.grid, self.eta)

    def output(self, spectrum: Spectrum, training: ScoreTraining | None = None, exact_start: bool = False) -> Output:
        """Exact law of the run (section 4)."""
        table = self.table(training)
        law = Law(table, spectrum, "exact" if exact_start else self.start)
        return self._output(law, spectrum, float(table.alpha[-1]))

    def _output(self, law: Law, spectrum: Spectrum, alpha: float) -> Output:
        mean = mean_of(spectrum)
        gap = 0.0 if law.mean_gap is None else law.mean_gap
        return Output(np.maximum(law.variance, 0), mean * (gap + alpha - 1))

    def limit(self, spectrum: Spectrum) -> Output:
        """Marginal at the last level; where the grid ends at 0, the last step alone on the exact marginal."""
        sigmas = self.grid.sigmas
        if sigmas[-1] > 0:
            table = self.table()
            alpha, level = float(table.alpha[-1]), float(table.level[-1])
            return Output(alpha**2 * spectrum.eig + level**2, (alpha - 1) * mean_of(spectrum))
        eta = self.last_eta
        last = run_table(self.last_solver, Grid.create(self.grid.process, sigmas[-2:]), eta)
        return self._output(Law(last, spectrum, "exact"), spectrum, float(last.alpha[-1]))

    @property
    def last_solver(self) -> Solver:
        """What the last step alone is: the scheme's, Euler's where it cannot run one step (all its outputs are one then)."""
        return self.solver if self.solver.least_steps == 1 else Euler(error=self.solver.error)

    @property
    def last_eta(self) -> Array:
        """Coefficient of the last step."""
        return self.last_solver.etas(None if self.eta is None else self.solver.etas(self.eta, self.grid.steps)[-1:], 1)

    @property
    def calls(self) -> int | None:
        """Denoiser calls of a run."""
        return self.table().calls

    def _groups(self, table: Table) -> dict[float, list[int]]:
        """Nodes at which the model is called, by noise ratio: nodes of one level share one trained model."""
        if table.maps is not None:
            raise UnsupportedError(f"solver {self.solver.name!r} is no coefficient table; a trained score needs one, e.g. heun")
        groups: dict[float, list[int]] = {}
        for node in table.called:
            alpha, level = float(table.alpha[node]), float(table.level[node])
            if alpha == 0 or level == 0:
                raise UnsupportedError("a score is not trained at pure noise or at noise 0; give finite --sigma-max, --sigma-min")
            sigma = level / alpha
            known = next((s for s in groups if abs(s - sigma) <= 1e-9 * sigma), sigma)
            groups.setdefault(known, []).append(node)
        return groups

    def sigmas(self) -> list[float]:
        """Levels of the calls."""
        return list(self._groups(self.table()))

    def levels(self, spectrum: Spectrum, training: ScoreTraining | None = None) -> list[Level]:
        """Sums over the calls of each level."""
        table = self.table(training)
        groups = self._groups(table)
        sides = self._sides(table, groups, spectrum.eig)
        levels, own = [], _Own(self.table(), spectrum, training, self.start)
        for sigma, nodes in groups.items():
            linear = sum(np.outer(sides.gain[m], sides.cross[m]) for m in nodes)
            energy = sum(
                np.outer(sides.gain[m] * sides.gain[n], sides.pair[min(m, n), max(m, n)]) for m in nodes for n in nodes
            )
            levels.append(Level(sigma, np.asarray(linear), np.asarray(energy), own.at(sigma)))
        return levels

    def _sides(self, table: Table, groups: dict[float, list[int]], eig: Array) -> _Sides:
        """Sensitivities and covariances of the calls, block by block over the eigenvalues."""
        nodes = table.steps * table.rows + 1
        size = max(1, BLOCK // (nodes * (1 + table.steps * table.sources)))
        parts = []
        for low in range(0, eig.size, size):
            paths = Paths(table, eig[low : low + size], self.start)
            gain = {m: paths.sensitivity[m] / table.alpha[m] for ns in groups.values() for m in ns}
            cross = {m: paths.covariance(m, -1) for m in gain}
            pair = {(m, n): paths.covariance(m, n) for ns in groups.values() for m in ns for n in ns if m <= n}
            parts.append(_Sides(gain, cross, pair))
        return _Sides.joined(parts)


@dataclass(frozen=True, eq=False)
class _Sides:
    """Per call: sensitivity of the output (row direction), covariances (column direction); noise-ratio picture."""

    gain: dict[int, Array]
    cross: dict[int, Array]
    pair: dict[tuple[int, int], Array]

    @classmethod
    def joined(cls, parts: list[_Sides]) -> _Sides:
        """Blocks side by side."""
        gain, cross = (
            {m: np.concatenate([getattr(p, name)[m] for p in parts]) for m in parts[0].gain} for name in ("gain", "cross")
        )
        return cls(gain, cross, {k: np.concatenate([p.pair[k] for p in parts]) for k in parts[0].pair})


class _Own:
    """Half the second derivative of the output's variance by the gain at one level, by differences of exact laws."""

    def __init__(self, table: Table, spectrum: Spectrum, training: ScoreTraining | None, start: Start) -> None:
        self.table, self.spectrum, self.start = table, spectrum, start
        self.bias = None if training is None else training.bias()
        self.middle = self._variance(0.0, 0.0)

    def at(self, sigma: float) -> Array:
        """At the level `sigma`, shape (d,)."""
        ends = self._variance(STEP, sigma) + self._variance(-STEP, sigma)
        return np.asarray((ends - 2 * self.middle) / (2 * STEP**2))

    def _variance(self, change: float, sigma: float) -> Array:
        def rule(eig: Numbers, where: Numbers) -> Numbers:
            moved = np.where(np.abs(where.real - sigma) <= 1e-9 * sigma, change, 0.0) * np.sqrt(eig + where**2)
            return moved if self.bias is None else moved + self.bias.rule(eig, where)

        return Law(perturbed(self.table, ModelError(rule, "absolute")), self.spectrum, self.start).variance
