"""Places between and beyond the named schedules: a deterministic search for other optima."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.search.lbfgs import Descent
from diffopt.search.search import Search
from diffopt.search.variables import EtaBlock, GridBlock, State

#: Etas that every start is scored at; 0 is a stationary point of every smooth objective and no place to start.
ETAS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0)
#: Random designs at first and by round, local searches of each, evaluations of a probe.
FIRST, MORE, CHOSEN, PROBE = 192, 96, 3, 24
#: Rounds without a gain of this much after which the search ends, and rounds and gradients at most.
GAIN, PATIENCE, ROUNDS, BUDGET = 1e-4, 2, 24, 3000
#: Gradients at most where every grid is an optimization of its own.
TIGHT = 24
#: Relative gain below which local searches stop before the last one, gradients of each, and how far above the best,
#: in log objective, a probe may still be.
LOOSE, LENGTH, SLACK = 1e-5, 150, 0.4
#: Differential evolution for solvers with memory: designs, generations, local searches, and steps at most.
POPULATION, GENERATIONS, ENDS, LONGEST = 48, 100, 5, 20
#: Random starts of local searches for such solvers.
SCATTER = 14


class Places:
    """Random designs scored in batches, local searches from the best of them, perturbations of the best design."""

    def __init__(self, search: Search, ranked: Sequence[State]) -> None:
        self.search, self.ranked = search, ranked
        self.rng = np.random.default_rng(0)
        self.low, self.high = np.array(search.bounds).T
        self.last: Descent | None = None
        # A line or a plane is filled by fewer.
        self.share = 4 if search.family and self.low.size < 3 else 1
        self.budget = BUDGET
        if search.family and search.schedule.slow:
            self.budget = search.gradients + TIGHT

    def explore(self) -> Descent | None:
        """The last local search that overtook what was known; None if none did."""
        self._climb(self._first(), CHOSEN)
        problem = self.search.problem
        if self.search.grid_free and problem.solver.memory and problem.steps <= LONGEST and self.search.objective.cancels:
            self._climb(self._evolved(), ENDS, probe=0)
            self._scatter(SCATTER)
        stale = 0
        for _ in range(ROUNDS):
            before = self._value()
            self._climb(self._near(), CHOSEN)
            stale = 0 if self._value() < before * (1 - GAIN) else stale + 1
            if stale >= PATIENCE or self.search.gradients > self.budget:
                break
        if self.last is not None and self.search.best is not None:
            # Local searches so far were loose: the best is followed to the end.
            _, state, x = self.search.best
            self.last = self.search.improve(state, x) or self.last
        return self.last

    def _value(self) -> float:
        assert self.search.best is not None
        return self.search.best[0]

    def _scores(self, xs: Sequence[Array]) -> Array:
        """Values at the variables, infinite where there is no design."""
        states = self._placed(xs)
        values = np.full(len(xs), np.inf)
        there = [i for i, state in enumerate(states) if state is not None]
        values[there] = self.search.scorer.scores([state for state in states if state is not None])
        return values

    def _placed(self, xs: Sequence[Array]) -> Sequence[State | None]:
        """Designs at the variables; where nothing but the points moves, all at once."""
        if len(self.search.blocks) == 1 and isinstance(block := self.search.blocks[0], GridBlock):
            return block.place_all(np.array(xs), self.ranked[0])
        return [self.search.place(x, self.ranked[0]) for x in xs]

    def _climb(self, xs: Sequence[Array], count: int, probe: int = PROBE) -> None:
        """Local searches from the best designs that lie apart from each other."""
        values = self._scores(xs)
        self._keep(xs, values)
        chosen: list[Array] = []
        for i in np.argsort(values, kind="stable"):
            if len(chosen) == count or not np.isfinite(values[i]):
                break
            if all(np.max(np.abs(xs[i] - other)) > 0.1 for other in chosen):
                chosen.append(xs[i])
        for x in chosen:
            self._follow(x, probe)

    def _keep(self, xs: Sequence[Array], values: Array) -> None:
        """The best of those that were scored, where a local search may end elsewhere: in a family whose levels jump."""
        best = int(np.argmin(values))
        state = self.search.place(xs[best], self.ranked[0]) if self.search.family and self.search.schedule.slow else None
        if state is not None and np.isfinite(values[best]):
            self.search.remember(float(values[best]), state, xs[best])

    def _first(self) -> list[Array]:
        """Starts at several etas, and random designs around the best starts and anywhere."""
        base = [self.search.variables(state) for state in self.ranked[:12]]
        xs = list(base)
        if self.search.eta_free:
            xs += [
                self.search.variables(replace(state, eta=np.full_like(state.eta, eta)))
                for state in self.ranked
                for eta in ETAS
            ]
        if self.low.size == 1 and self.search.family:
            return xs + [np.array([x]) for x in np.linspace(self.low[0], self.high[0], FIRST // self.share)]
        for i in range(FIRST // self.share):
            x = base[i % len(base)] if i % 3 else np.zeros_like(base[0])
            xs.append(self._moved(x, (0.5, 1.0, 2.0, 4.0)[i // 3 % 4], everywhere=True))
        return xs

    def _near(self) -> list[Array]:
        """Perturbations of the best design: all variables, or a few."""
        assert self.search.best is not None
        _, state, x = self.search.best
        x = x if x.size else self.search.variables(state)
        scales = (0.1, 0.3, 1.0, 2.0)
        return [self._moved(x, scales[i % 4], everywhere=i % 8 < 4) for i in range(MORE // self.share)]

    def _scatter(self, count: int) -> None:
        """Local searches from random designs, whatever their values: deep basins are narrow, and start high."""
        middle = np.zeros(self.low.size)
        for _ in range(count):
            self._follow(self._moved(middle, 0.8, everywhere=True), probe=0)

    def _follow(self, x: Array, probe: int, slack: float = SLACK) -> None:
        """A loose local search, while gradients are left."""
        if self.search.gradients < self.budget:
            before = self._value()
            length = LENGTH if self.budget == BUDGET else min(LENGTH, self.budget - self.search.gradients)
            found = self.search.improve(self.ranked[0], x, probe, LOOSE, length, slack)
            if found is not None and self._value() < before:
                self.last = found

    def _moved(self, x: Array, scale: float, everywhere: bool) -> Array:
        """Variables moved at random; eta by a factor or anew."""
        shift = scale * self.rng.standard_normal(x.size)
        if not everywhere:
            kept = self.rng.uniform(size=x.size) > 0.3
            kept[self.rng.integers(x.size)] = False
            shift[kept] = 0.0
        parts = []
        for block, old, add in zip(self.search.blocks, self.search.parts(x), self.search.parts(shift), strict=True):
            if isinstance(block, EtaBlock):
                anew = self.rng.uniform(0, 1.5, old.size)
                parts.append(anew if self.rng.uniform() < 0.3 else np.maximum(old, 0.02) * np.exp(0.5 * add))
            else:
                parts.append(old + add)
        return np.asarray(np.clip(np.concatenate(parts), self.low, self.high))

    def _evolved(self) -> list[Array]:
        """A population after differential evolution of the points' places in the log range (and of what else moves).

        Reference: Storn and Price (1997), J. Global Optim. 11, rand/1/bin with a random factor.
        """
        grid = next(b for b in self.search.blocks if isinstance(b, GridBlock))
        inner = grid.count - 1
        others = self.search.variables(self.ranked[0])[grid.count :]
        low = np.concatenate([np.full(inner, 1e-4), self.low[grid.count :]])
        high = np.concatenate([np.full(inner, 1 - 1e-4), np.minimum(self.high[grid.count :], 2.0)])
        population = self.rng.uniform(low, high, (POPULATION, inner + others.size))

        def designs(places: Array) -> list[Array]:
            places[:, :inner] = np.sort(places[:, :inner], axis=1)
            edges = np.pad(places[:, :inner], ((0, 0), (1, 1)), constant_values=(0.0, 1.0))
            logits = np.log(np.maximum(np.diff(edges, axis=1), 1e-5))
            logits -= logits.mean(axis=1, keepdims=True)
            return list(np.clip(np.concatenate([logits, places[:, inner:]], axis=1), self.low, self.high))

        values = self._scores(designs(population))
        for _ in range(GENERATIONS):
            picks = self.rng.permuted(np.tile(np.arange(POPULATION), (POPULATION, 1)), axis=1)[:, :3].T
            factor = self.rng.uniform(0.4, 1.0, (POPULATION, 1))
            trial = population[picks[0]] + factor * (population[picks[1]] - population[picks[2]])
            anew = self.rng.uniform(low, high, trial.shape)
            trial = np.where((trial < low) | (trial > high), anew, trial)
            trial = np.where(self.rng.uniform(size=trial.shape) < 0.9, trial, population)
            found = self._scores(designs(trial))
            better = found < values
            population[better], values[better] = trial[better], found[better]
        return designs(population)
