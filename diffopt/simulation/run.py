"""Many samples through many tables: start laws, blocks with seeds of their own, processes, paths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from diffopt.errors import InputError
from diffopt.foundation.arrays import Array
from diffopt.foundation.workers import results
from diffopt.law.start import Start
from diffopt.simulation.target import Target
from diffopt.simulation.wrong import Axes, Wrong
from diffopt.solvers.loop import LoopState, sample, states
from diffopt.solvers.model_error import ModelError
from diffopt.solvers.table import Table

#: Numbers in the state of one block, and the samples it has at most.
BLOCK, MOST = 1 << 20, 256

#: progress(done, total) in runs of one table over one block.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples in blocks whose random numbers depend on the seed and the block alone.

    Attributes
    ----------
    target : Target
        Law with its denoiser.
    count : int
        Samples.
    seed : int
        Of everything random.
    start : {"exact", "sigma", "unit"}
        Initial law: alpha x_0 + noise n with x_0 from the target, with 0, or with a standard normal (eq. 25).
    error : ModelError or None
        What the denoiser of the runs is off by; the start is that of the target.
    """

    target: Target
    count: int
    seed: int = 0
    start: Start = "exact"
    error: ModelError | None = None

    @property
    def rows(self) -> int:
        """Samples per block: a function of the dimension, so that results do not depend on memory or processes."""
        return max(1, min(MOST, BLOCK // self.target.dim))

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-self.count // self.rows)

    def noise(self, block: int) -> tuple[Array | float, Array]:
        """Signal x_0 (0 where there is none) and noise n of the start of a block, shapes (rows, d)."""
        rng = np.random.default_rng([self.seed, block, 0])
        shape = (min(self.rows, self.count - block * self.rows), self.target.dim)
        normal = rng.standard_normal(shape)
        if self.start == "sigma":
            return 0.0, normal
        return self.target.draw(shape[0], rng) if self.start == "exact" else rng.standard_normal(shape), normal

    def first(self, table: Table, block: int) -> Array:
        """Initial states z_0 of a block, shape (rows, d)."""
        signal, normal = self.noise(block)
        return np.asarray(float(table.alpha[0]) * signal + float(table.level[0]) * normal)

    @cached_property
    def _axes(self) -> Axes:
        return Axes.of(self.target)

    def model(self, block: int) -> Target:
        """What a block calls: the target, or the target with the error."""
        if self.error is None:
            return self.target
        return Wrong(self.target, self.error, self._axes, np.random.default_rng([self.seed, block, 2]))

    def paths(self, table: Table, block: int = 0) -> Iterator[LoopState]:
        """The states of a block, one grid point after another (`diffopt.solvers.loop.states`)."""
        target, rng = self.model(block), np.random.default_rng([self.seed, block, 1])
        return states(table, target.denoise, self.first(table, block), rng, target.score, target.jacobian)

    def last(self, table: Table, block: int) -> Array:
        """Final states of a block, shape (rows, d)."""
        target, rng = self.model(block), np.random.default_rng([self.seed, block, 1])
        return sample(table, target.denoise, self.first(table, block), rng, target.score, target.jacobian)


def run(
    batch: Batch, tables: Sequence[Table], workers: int = 1, progress: Progress | None = None, right: int = 0
) -> list[Array]:
    """Final states of every table from the same start, one array of shape (count, d) each (not finite on overflow).

    Parameters
    ----------
    batch : Batch
        Target, number of samples, seed and initial law.
    tables : sequence of Table
        Samplers.
    workers : int
        Processes; the result is the same for any number of them.
    progress : callable, optional
        Called as progress(done, total).
    right : int
        So many of the first tables call the target itself, without the batch's error.

    Raises
    ------
    InputError
        Fewer than two samples, or no worker.
    """
    if batch.count < 2 or workers < 1:
        raise InputError(f"a simulation needs at least 2 samples and 1 worker, got {batch.count} and {workers}")
    batches = [replace(batch, error=None) if i < right else batch for i in range(len(tables))]
    jobs = [(i, block) for i in range(len(tables)) for block in range(batch.blocks)]
    out: list[list[Array]] = [[] for _ in tables]
    for done, ((i, _), last) in enumerate(zip(jobs, results(_last, (batches, tables), jobs, workers), strict=True), 1):
        out[i].append(last)
        if progress is not None:
            progress(done, len(jobs))
    return [np.concatenate(parts) for parts in out]


def _last(shared: tuple[Sequence[Batch], Sequence[Table]], job: tuple[int, int]) -> Array:
    """Last states of one block through one table."""
    (batches, tables), (i, block) = shared, job
    return batches[i].last(tables[i], block)
