"""Free variables of an optimization: unconstrained numbers on one side, a design on the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import numpy as np

from diffopt.errors import InputError
from diffopt.foundation.arrays import Array
from diffopt.law.gradient import Design, Direction
from diffopt.objectives.problem import Problem
from diffopt.processes import Process
from diffopt.solvers import Solver

FREE = ("grid", "shared", "coefficients", "eta", "eta_per_step", "family")

#: Softmax logits: no further.
LOGIT = 12.0

#: Least share of the log range between two points, as a part of an equal share: points never merge.
GAP = 1e-4

#: Largest eta that is tried.
ETA_MAX = 4.0

#: Share of what is searched within which of an end a variable has met it: a search stops short of a bound by its tolerance.
TOUCH = 1e-6

#: Least share of a start, as a part of an equal share: the softmax of a share near 0 has no slope, so a search
#: that starts with a point at sigma_min (as most named schedules do) would leave it there and call it converged.
SHARE = 0.3


@dataclass(frozen=True, eq=False)
class State:
    """A design with the process and the solver it is for (their parameters may be free)."""

    sigma: Array
    eta: Array
    process: Process
    solver: Solver
    directions: tuple[Direction, ...] = ()


class Block(ABC):
    """A group of free variables."""

    #: Bounds of the variables.
    bounds: list[tuple[float, float]]

    @abstractmethod
    def start(self, state: State) -> Array:
        """Variables that reproduce `state` as well as they can."""

    @abstractmethod
    def apply(self, x: Array, state: State) -> State:
        """State with this group's variables put in."""

    def place(self, x: Array, state: State) -> State:
        """As :meth:`apply`, without derivatives."""
        return self.apply(x, state)

    def at_bound(self, x: Array) -> list[str]:
        """Names of bounds that an optimum touches, for people."""
        del x
        return []

    @abstractmethod
    def pull_back(self, x: Array, by_grid: Array, by_eta: Array, along: Array) -> Array:
        """Derivative by the variables."""


def touches(value: float, low: float, high: float) -> bool:
    """Whether a variable ends at one of its bounds, to the share `TOUCH` of what lies between them."""
    return not low + TOUCH * (high - low) < value < high - TOUCH * (high - low)


class GridBlock(Block):
    """Interior noise ratios through shares of the log range (theory.md, eq. 41).

    N shares, softmax of N logits, divide [log sigma_min, log sigma_max]; point i stands after i
    shares, so the grid is strictly decreasing and never below sigma_min whatever the logits. With `free_top` the first
    level is one variable more, its logarithm.
    """

    def __init__(self, problem: Problem, free_top: bool = False) -> None:
        self.problem, self.free_top = problem, free_top
        self.count = problem.steps
        root = float(np.sqrt(problem.spectrum.max))
        # From pure noise the first free ratio has no upper neighbour; none above this is useful.
        self.top = np.log(problem.sigma_max if np.isfinite(problem.sigma_max) else 1e4 * max(1.0, root))
        self.bottom = np.log(problem.sigma_min if problem.sigma_min > 0 else _floor(problem))
        self.bounds = [(-LOGIT, LOGIT)] * self.count
        if free_top:
            self.bounds.append((min(self.bottom + np.log(2), self.top), self.top))

    def _top(self, x: Array) -> float:
        return float(x[-1]) if self.free_top else float(self.top)

    def start(self, state: State) -> Array:
        """Logs of the shares of the state's grid, pushed well inside the range."""
        with np.errstate(divide="ignore"):
            top = min(float(np.log(state.sigma[0])), self.top) if self.free_top else self.top
            inner = np.clip(np.log(state.sigma[1:-1]), self.bottom, top)
        edges = np.concatenate([[top], inner, [self.bottom]])
        shares = np.maximum(-np.diff(edges) / (top - self.bottom), SHARE / self.count)
        shares = (shares / shares.sum() - GAP / self.count) / (1 - GAP)
        logits: Array = np.log(shares)
        return np.append(logits - logits.mean(), [top] if self.free_top else [])

    def _shares(self, x: Array) -> Array:
        """Softmax, moved by GAP towards equal shares."""
        x = x[..., : self.count]
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        return np.asarray((1 - GAP) * e / e.sum(axis=-1, keepdims=True) + GAP / self.count)

    def _inner(self, x: Array) -> Array:
        """Levels between the ends at variables, shape (..., size)."""
        top = x[..., -1:] if self.free_top else self.top
        return np.asarray(np.exp(top - (top - self.bottom) * np.cumsum(self._shares(x), axis=-1)[..., :-1]))

    def apply(self, x: Array, state: State) -> State:
        """Grid with the interior moved; the ends never pass through a logarithm."""
        sigma = state.sigma.copy()
        sigma[1:-1] = self._inner(x)
        if self.free_top:
            sigma[0] = np.exp(x[-1])
        return State(sigma, state.eta, state.process, state.solver, state.directions)

    def place_all(self, xs: Array, state: State) -> list[State]:
        """As :meth:`place` at many variables, shape (B, size)."""
        sigma = np.tile(state.sigma, (len(xs), 1))
        sigma[:, 1:-1] = self._inner(xs)
        if self.free_top:
            sigma[:, 0] = np.exp(xs[:, -1])
        return [State(levels, state.eta, state.process, state.solver, state.directions) for levels in sigma]

    def pull_back(self, x: Array, by_grid: Array, by_eta: Array, along: Array) -> Array:
        """Softmax Jacobian on the sums over all points behind each share."""
        shares = self._shares(x)
        soft = (shares - GAP / self.count) / (1 - GAP)
        behind = np.zeros(self.count)
        behind[:-1] = -(1 - GAP) * (self._top(x) - self.bottom) * np.cumsum(by_grid[1:-1][::-1])[::-1]
        by_logits = soft * (behind - soft @ behind)
        if not self.free_top:
            return by_logits
        return np.append(by_logits, by_grid[0] + by_grid[1:-1] @ (1 - np.cumsum(shares)[:-1]))

    def at_bound(self, x: Array) -> list[str]:
        """Ends of the range that the first and the last level above 0 want to pass, and points that want to merge."""
        tight = np.flatnonzero(self._shares(x) < 2 * GAP / self.count)
        # Behind the last share stands sigma_min itself, or with the end at 0 nothing but the range's end.
        low = self.problem.end == "zero" and self.count - 1 in tight
        found = [f"the least distance of points {k} and {k + 1}" for k in tight if not (low and k == self.count - 1)]
        found += [f"sigma_min {np.exp(self.bottom):g}"] * low
        return found + [f"sigma_max {np.exp(self._top(x)):g}"] * (self.free_top and touches(x[-1], *self.bounds[-1]))


def _floor(problem: Problem) -> float:
    """Smallest level worth a point where sigma_min is 0: far below the smallest direction of the data."""
    positive = problem.spectrum.eig[problem.spectrum.eig > 0]
    return float(1e-6 * min(1.0, np.sqrt(positive.max()), 1e3 * np.sqrt(positive.min())))


class EtaBlock(Block):
    """One eta for all steps, or one per step."""

    def __init__(self, problem: Problem, per_step: bool) -> None:
        if problem.solver.eta_meaning is None and problem.solver.churns:
            raise InputError(f"solver {problem.solver.name!r} has no eta, its noise is the churn; use --free family")
        if problem.solver.eta_meaning is None:
            raise InputError(
                f"solver {problem.solver.name!r} injects no noise, so eta cannot be free; "
                "use ddim, euler_ancestral, dpmpp_2m_sde or euler_maruyama"
            )
        self.per_step, self.steps = per_step, problem.steps
        self.bounds = [(0.0, ETA_MAX)] * (problem.steps if per_step else 1)

    def start(self, state: State) -> Array:
        """The state's eta, or its mean."""
        return state.eta.copy() if self.per_step else np.array([state.eta.mean()])

    def apply(self, x: Array, state: State) -> State:
        """Put eta in."""
        return replace(state, eta=x.copy() if self.per_step else np.full(self.steps, x[0]))

    def at_bound(self, x: Array) -> list[str]:
        """The largest eta."""
        return [f"eta {ETA_MAX:g}"] if any(v > ETA_MAX / 2 and touches(v, 0.0, ETA_MAX) for v in x) else []

    def pull_back(self, x: Array, by_grid: Array, by_eta: Array, along: Array) -> Array:
        """Per step, or the sum."""
        return by_eta if self.per_step else np.array([by_eta.sum()])


def design_of(state: State, grid_free: bool, eta_free: bool) -> Design:
    """Design whose derivatives the blocks need."""
    return Design(state.sigma, state.eta, grid_free, eta_free, state.directions)
