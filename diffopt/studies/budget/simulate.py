"""The same quantities by simulation: samples, descent, and the sampler as products of matrices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from diffopt.errors import InputError, UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.processes.grid import Grid
from diffopt.solvers import run_table
from diffopt.solvers.table import Table
from diffopt.studies.budget.budget import BudgetSetting
from diffopt.studies.budget.diffusion import Diffusion
from diffopt.studies.budget.flow import ExactFlow
from diffopt.studies.budget.langevin import Langevin
from diffopt.studies.budget.training import ScoreTraining

#: Directions and descent steps up to which a simulation is tried, and repetitions at once.
DIRECTIONS, DESCENT, CHUNK = 32, 100_000, 100
#: Numbers of all samples at once.
NUMBERS = 20_000_000


@dataclass(frozen=True)
class SimulatedMean:
    """Mean over repetitions with its 95 % interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Array) -> SimulatedMean:
        """Normal interval of the mean."""
        mean = float(np.mean(values))
        half = 1.96 * float(np.std(values, ddof=1) / np.sqrt(values.size))
        return cls(mean, mean - half, mean + half)


def verify(
    setting: BudgetSetting, repetitions: int, seed: int = 0, progress: Callable[[int, int], None] | None = None
) -> dict[str, SimulatedMean]:
    """Simulated value of every term that is random or computed, and of the total (theory.md, eq. 191).

    Directions are simulated one by one with their multiplicities, so the spectrum must be short; its mean is left out.

    Raises
    ------
    InputError
        Fewer than 2 repetitions, too many directions, or a stationary state that takes too long to reach.
    """
    if repetitions < 2:
        raise InputError(f"--verify needs at least 2 repetitions, got {repetitions}")
    eig = _directions(setting)
    rng = np.random.default_rng(seed)
    rows: dict[str, list[Array]] = {}
    chunk = _chunk(setting, eig.size)
    for low in range(0, repetitions, chunk):
        for name, values in _Chunk(setting, eig, min(chunk, repetitions - low), rng).values().items():
            rows.setdefault(name, []).append(values)
        if progress is not None:
            progress(min(low + CHUNK, repetitions), repetitions)
    return {name: SimulatedMean.of(np.concatenate(parts)) for name, parts in rows.items()}


def _chunk(setting: BudgetSetting, size: int) -> int:
    """Repetitions at once, by the memory their samples take."""
    sampler = setting.sampler
    if isinstance(sampler, Diffusion) and sampler.table().maps is not None:
        raise UnsupportedError(f"--verify simulates coefficient tables, and solver {sampler.solver.name!r} is none")
    each = (setting.samples or 0) * size
    if each > NUMBERS:
        raise InputError(f"--verify draws the samples, at most {NUMBERS // size} of {size} directions; give fewer --samples")
    return int(min(CHUNK, max(1, NUMBERS // max(each, 1))))


def _directions(setting: BudgetSetting) -> Array:
    spectrum = setting.spectrum
    if spectrum.dim > DIRECTIONS or np.any(spectrum.weight != np.round(spectrum.weight)):
        raise InputError(f"--verify simulates at most {DIRECTIONS} directions, got {spectrum.dim:g}; give a shorter spectrum")
    return np.repeat(spectrum.eig, spectrum.weight.astype(int))


class _Chunk:
    """Some repetitions side by side; matrices have the shape (repetitions, d, d)."""

    def __init__(self, setting: BudgetSetting, eig: Array, count: int, rng: np.random.Generator) -> None:
        self.setting, self.eig, self.count, self.rng = setting, eig, count, rng
        self.truth = np.broadcast_to(np.diag(eig), (count, eig.size, eig.size))
        self.rows: Array | None = None
        if setting.samples is not None:
            self.rows = rng.standard_normal((count, int(setting.samples), eig.size)) * np.sqrt(eig)

    def values(self) -> dict[str, Array]:
        """Squared distances per repetition."""
        right = self._exact_gains(self.truth)
        ideal = self._run(right, self.truth, exact_start=True)
        started = self._run(right, self.truth)
        limit = self._limit(right)
        out = {
            "initialization": _distance(started, ideal), "discretization": _distance(ideal, limit),
            "noise_floor": _distance(limit, self.truth),
        }  # fmt: skip
        covariance = self.truth
        if self.rows is not None:
            covariance = np.einsum("rni,rnj->rij", self.rows, self.rows) / self.rows.shape[1]
            out["generalization"] = _distance(covariance, self.truth)
        if self.setting.training is not None:
            out["optimization"] = _distance(self._run(self._descend(None), self.truth), started)
            gains = self._descend(self.rows)
        else:
            gains = self._exact_gains(covariance)
        out["total"] = _distance(self._run(gains, covariance), self.truth)
        return out

    def _limit(self, gains: dict[float, Array]) -> Array:
        """Covariance at the last level, or after the last step alone where the grid ends at 0."""
        sampler, identity = self.setting.sampler, np.eye(self.eig.size)
        if not isinstance(sampler, Diffusion):
            sigma = sampler.sigma if isinstance(sampler, Langevin) else sampler.sigma_min  # type: ignore[attr-defined]
            return self.truth + sigma**2 * identity
        if sampler.grid.sigmas[-1] > 0:
            table = sampler.table()
            return table.alpha[-1] ** 2 * self.truth + table.level[-1] ** 2 * identity
        ends = Grid.create(sampler.grid.process, sampler.grid.sigmas[-2:])
        last = run_table(sampler.last_solver, ends, sampler.last_eta)
        return _diffusion(last, gains, self.truth, "exact")

    def _sigmas(self) -> list[float]:
        return self.setting.sampler.sigmas()

    def _exact_gains(self, covariance: Array) -> dict[float, Array]:
        identity = np.eye(self.eig.size)
        return {s: np.asarray(np.linalg.solve(covariance + s**2 * identity, covariance)) for s in self._sigmas()}

    def _descend(self, rows: Array | None) -> dict[float, Array]:
        """Stochastic gradient descent, literally, from W = 0."""
        training, sigmas = self.setting.training, np.array(self._sigmas())
        assert training is not None
        size, steps = self.eig.size, self._steps(training, sigmas)
        weights = np.zeros((self.count, sigmas.size, size, size))
        tau = np.array([float(training.step(np.asarray(s))) for s in sigmas])[:, None, None]
        each = np.arange(self.count)[:, None]
        for _ in range(steps):
            if rows is None:
                x = self.rng.standard_normal((self.count, sigmas.size, size)) * np.sqrt(self.eig)
            else:
                x = rows[each, self.rng.integers(rows.shape[1], size=(self.count, sigmas.size))]
            y = x + sigmas[:, None] * self.rng.standard_normal(x.shape)
            residual = np.einsum("rgij,rgj->rgi", weights, y) - x
            weights -= tau * residual[..., :, None] * y[..., None, :]
        return {float(s): weights[:, g] for g, s in enumerate(sigmas)}

    def _steps(self, training: ScoreTraining, sigmas: Array) -> int:
        if training.iterations is not None:
            steps = training.iterations
        else:
            rate = min(float(training.step(np.asarray(s))) * (self.eig.min() + s**2) for s in sigmas)
            steps = int(np.ceil(8 / rate))
        if steps > DESCENT:
            raise InputError(f"--verify would take {steps} descent steps, at most {DESCENT} are allowed; give fewer --iterations")
        return steps

    def _run(self, gains: dict[float, Array], covariance: Array, exact_start: bool = False) -> Array:
        """Output covariance of the sampler with the given linear denoisers."""
        sampler = self.setting.sampler
        if isinstance(sampler, Diffusion):
            start = "exact" if exact_start else sampler.start
            return _diffusion(sampler.table(), gains, covariance, start)
        if isinstance(sampler, Langevin):
            return _langevin(sampler, gains[sampler.sigma], covariance, exact_start)
        if isinstance(sampler, ExactFlow):
            return _flow(sampler, covariance, exact_start)
        raise UnsupportedError(f"no simulation of {sampler.name!r}")


def _diffusion(table: Table, gains: dict[float, Array], covariance: Array, start: str) -> Array:
    """Every node as a matrix acting on independent standard inputs: the start, then each step's noise."""
    count, size, _ = covariance.shape
    width = size * (1 + table.steps * table.sources)
    identity = np.eye(size)
    signal = {"exact": covariance, "sigma": 0 * covariance, "unit": np.broadcast_to(identity, covariance.shape)}[start]
    nodes = [np.zeros((count, size, width))]
    nodes[0][:, :, :size] = np.linalg.cholesky(table.alpha[0] ** 2 * signal + table.level[0] ** 2 * identity)
    for k in range(table.steps):
        for row in range(table.rows):
            z = np.zeros((count, size, width))
            for lag in range(min(table.lags, k * table.rows + row + 1)):
                node = k * table.rows + row - lag
                z += table.state[k, row, lag] * nodes[node]
                b, c = table.denoised[k, row, lag], table.score[k, row, lag]
                if b or c:
                    alpha, level = float(table.alpha[node]), float(table.level[node])
                    gain = gains[min(gains, key=lambda s: abs(s - level / alpha))]
                    denoised = gain @ nodes[node] / alpha
                    z += b * denoised + (c * (alpha * denoised - nodes[node]) / level**2 if c else 0.0)
            for s in range(table.sources):
                at = size * (1 + k * table.sources + s)
                z[:, :, at : at + size] += table.noise[k, row, s] * identity
            nodes.append(z)
    return nodes[-1] @ nodes[-1].transpose(0, 2, 1)


def _langevin(sampler: Langevin, gain: Array, covariance: Array, exact_start: bool) -> Array:
    """The chain's covariance: doubling to the stationary one, or step by step."""
    identity = np.eye(covariance.shape[-1])
    move = identity - sampler.gamma * (identity - gain) / sampler.sigma**2
    noise = np.broadcast_to(2 * sampler.gamma * identity, covariance.shape)
    if sampler.steps is None:
        largest = np.abs(np.linalg.eigvals(move)).max(axis=1)
        if np.any(largest >= 1):
            share = f"{np.count_nonzero(largest >= 1)} of {largest.size}"
            raise UnsupportedError(f"--verify: {share} trained scores have no stationary law; take a smaller --tau")
        for _ in range(60):
            noise, move = noise + move @ noise @ move.transpose(0, 2, 1), move @ move
        return noise
    own = sampler.first is None or exact_start
    state = covariance + sampler.sigma**2 * identity if own else np.broadcast_to(sampler.first * identity, covariance.shape)  # type: ignore[operator]
    for _ in range(sampler.steps):
        state = move @ state @ move.transpose(0, 2, 1) + noise
    return state


def _flow(sampler: ExactFlow, covariance: Array, exact_start: bool) -> Array:
    """The exact flow as a function of the covariance."""
    eig, basis = np.linalg.eigh(covariance)
    end, top = eig + sampler.sigma_min**2, eig + sampler.sigma_max**2
    if sampler.start != "exact" and not exact_start:
        first = sampler.sigma_max**2 + (1.0 if sampler.start == "unit" else 0.0)
        end = end + (end / top) ** (1 + sampler.eta**2) * (first - top)
    return np.einsum("rij,rj,rkj->rik", basis, end, basis)


def _distance(first: Array, second: Array) -> Array:
    """Squared 2-Wasserstein distance of centred Gaussians, by eigenvalues."""
    eig, basis = np.linalg.eigh(second)
    root = np.einsum("rij,rj,rkj->rik", basis, np.sqrt(np.maximum(eig, 0)), basis)
    inner = np.linalg.eigvalsh(root @ first @ root)
    traces = np.trace(first, axis1=1, axis2=2) + np.trace(second, axis1=1, axis2=2)
    return np.maximum(traces - 2 * np.sqrt(np.maximum(inner, 0)).sum(axis=1), 0.0)
