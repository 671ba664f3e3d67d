"""The best numbers of a budget within linear limits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from diffopt.errors import DiffoptError, InputError
from diffopt.foundation.arrays import Array
from diffopt.studies.budget.budget import Budget
from diffopt.studies.budget.knobs import FREE, Knobs

#: Names a limit may use, and the most steps that are tried.
LIMITED, MOST_STEPS = ("calls", "steps", "samples", "iterations"), 200
#: Step counts that are looked at finely.
FINE = 3
#: Points of the first scan of one number, and evaluations of a search of several.
SCAN, EVALUATIONS = 11, 80
#: Fewest samples that a budget is defined for.
LEAST = 2
#: Flags of a number that is free and has no value; eta starts without one.
FIRST = {
    "sigma_min": "--sigma-min, or --steps of a sampler,", "steps": "--steps", "samples": "--samples", "tau": "--tau",
    "iterations": "--tau and --iterations", "langevin": "--langevin and --sigma-min",
}  # fmt: skip
_PART = re.compile(r"\s*(?:([0-9.eE+-]+)\s*\*\s*)?([a-z]+)\s*\Z")


@dataclass(frozen=True)
class Limit:
    """sum of coefficient * name <= bound."""

    parts: tuple[tuple[float, str], ...]
    bound: float

    def used(self, values: dict[str, float]) -> float:
        """Left side, or the share of it that some numbers have."""
        return sum(a * values.get(name, 0.0) for a, name in self.parts)


@dataclass(frozen=True, eq=False)
class BudgetPlan:
    """Best numbers found.

    Attributes
    ----------
    values : dict
        Free numbers.
    knobs, budget : Knobs, Budget
        With them.
    evaluations : int
        Budgets computed.
    """

    values: dict[str, float]
    knobs: Knobs
    budget: Budget
    evaluations: int


def parse_limits(text: str) -> list[Limit]:
    """Limits such as `calls<=20` or `samples + 2*iterations <= 1e5`, comma between them.

    Raises
    ------
    InputError
        Another form, an unknown name or a bound that is not positive.
    """
    limits = []
    for item in (part for part in text.split(",") if part.strip()):
        left, sign, right = item.partition("<=")
        parts = [_PART.match(term) for term in left.split("+")]
        try:
            if not sign or not all(parts):
                raise ValueError
            found = tuple((float(m.group(1) or 1), m.group(2)) for m in parts if m is not None)
            bound = float(right)
        except ValueError:
            raise InputError(f"limit {item.strip()!r}: write calls<=20 or samples+2*iterations<=1e5") from None
        unknown = [name for _, name in found if name not in LIMITED]
        if unknown or not np.isfinite(bound) or bound <= 0 or any(a <= 0 for a, _ in found):
            raise InputError(f"limit {item.strip()!r}: positive numbers and the names {', '.join(LIMITED)} are allowed")
        limits.append(Limit(found, bound))
    return limits


def minimize(knobs: Knobs, free: Sequence[str], limits: Sequence[Limit] = ()) -> BudgetPlan:
    """Smallest total over the free numbers within the limits.

    Steps are tried one by one (thinned where there are many); the other numbers move on a log scale, one by scan and
    golden section, several by a simplex whose points are pulled back inside the limits.

    Raises
    ------
    InputError
        A name that is not free here, a number nothing bounds, or limits that leave nothing.
    """
    return _Search(knobs, list(free), list(limits)).run()


def _give(name: str) -> str:
    """What makes a number of a budget finite."""
    flags = {"calls": "--steps", "steps": "--steps", "samples": "--samples", "iterations": "--tau and --iterations"}
    return f"give {flags[name]}, or leave the limit out"


class _Search:
    """One search; the best point so far."""

    def __init__(self, knobs: Knobs, free: list[str], limits: list[Limit]) -> None:
        self.knobs, self.limits, self.evaluations = knobs, limits, 0
        self.best: tuple[float, dict[str, float], Knobs, Budget] | None = None
        if not free:
            raise InputError(f"--minimize names nothing; use {', '.join(FREE)}")
        for name in free:
            if name not in FREE:
                raise InputError(f"--minimize {name}: unknown; use {', '.join(FREE)}")
            if knobs.value(name) is None and name != "eta":
                raise InputError(f"--minimize {name}: give {FIRST[name]} to start from")
            if knobs.fixed(name):
                raise InputError(f"--minimize {name}: it belongs to the grid that was given; give --steps and --schedule instead")
        if "eta" in free and (knobs.problem is None or knobs.problem.solver.eta_meaning is None):
            raise InputError("--minimize eta: the solver injects no noise; use ddim or euler_maruyama")
        self.smooth = [name for name in free if name != "steps"]
        self.steps_free = "steps" in free
        for name in ("samples", "iterations", "steps"):
            bounded = any(name in (n for _, n in limit.parts) for limit in limits)
            by_calls = name == "steps" and any("calls" in (n for _, n in limit.parts) for limit in limits)
            if name in free and not (bounded or by_calls):
                raise InputError(f"--minimize {name}: more is always better; bound it, e.g. --subject-to '{name}<=1000'")
        there = self._spent(knobs, {})
        for name in dict.fromkeys(name for limit in limits for _, name in limit.parts):
            if name not in there:
                raise InputError(f"--subject-to names {name}, and here they are infinitely many; {_give(name)}")
        self.ranges = {name: self._range(name) for name in self.smooth}

    def _range(self, name: str) -> tuple[float, float]:
        top = float(np.sqrt(self.knobs.spectrum.max))
        if name == "sigma_min":
            problem = self.knobs.problem
            low = 1e-4 * top if problem is None else max(1e-4 * top, problem.process.sigma_limits[1])
            high = top if problem is None else min(top, problem.sigma_max / 2)
            return low, max(high, 2 * low)
        value = self.knobs.value(name) or 1.0
        wide = {"eta": (1e-3, 2.0), "samples": (2.0, 1e12), "iterations": (1.0, 1e12)}
        return wide.get(name, (value * 1e-4, value * 1e4))

    def run(self) -> BudgetPlan:
        """Over the steps coarsely, then finely at the best few."""
        scored = []
        for steps in self._steps():
            knobs = self.knobs if steps is None else self.knobs.with_value("steps", steps)
            place = {} if steps is None else {"steps": float(steps)}
            scored.append((*self._coarse(knobs, place), knobs, place))
        for _, x, knobs, place in sorted(scored, key=lambda item: item[0])[:FINE]:
            self._fine(knobs, place, x)
        if self.best is None:
            raise InputError("nothing within the limits has a finite error; loosen --subject-to, or take a smaller --tau")
        _, values, best, found = self.best
        return BudgetPlan(values, best, found, self.evaluations)

    def _steps(self) -> list[int | None]:
        if not self.steps_free:
            return [None]
        allowed = [n for n in range(1, MOST_STEPS + 1) if self._inside(self.knobs.with_value("steps", n), {"steps": float(n)})]
        if len(allowed) > 24:
            picks = np.unique(np.round(np.geomspace(1, len(allowed), 24)).astype(int)) - 1
            allowed = [allowed[i] for i in picks]
        return list(allowed)

    def _inside(self, knobs: Knobs, values: dict[str, float]) -> bool:
        return all(limit.used(self._spent(knobs, values)) <= limit.bound * (1 + 1e-9) for limit in self.limits)

    def _spent(self, knobs: Knobs, values: dict[str, float]) -> dict[str, float]:
        spent = {name: float(v) for name in ("steps", "samples", "iterations") if (v := knobs.value(name)) is not None}
        if any("calls" in (n for _, n in limit.parts) for limit in self.limits):
            calls = knobs.sampler().calls
            spent |= {} if calls is None else {"calls": float(calls)}
        return {**spent, **values}

    def _box(self) -> tuple[Array, Array]:
        lows, highs = (np.log([self.ranges[name][k] for name in self.smooth]) for k in (0, 1))
        return lows, highs

    def _coarse(self, knobs: Knobs, values: dict[str, float]) -> tuple[float, Array]:
        """Best of a scan of one number, or the value where the search of several starts."""
        if not self.smooth:
            return self._total(knobs, values, np.zeros(0)), np.zeros(0)
        lows, highs = self._box()
        if len(self.smooth) == 1:
            points = np.linspace(lows, highs, SCAN)
        else:
            here = np.log([np.clip(knobs.value(name) or 0.1, *self.ranges[name]) for name in self.smooth])
            points = np.clip(here + np.vstack([0 * here, 1.5 * np.eye(here.size), -1.5 * np.eye(here.size)]), lows, highs)
        scores = [self._total(knobs, values, x) for x in points]
        k = int(np.argmin(scores))
        return scores[k], points[k]

    def _fine(self, knobs: Knobs, values: dict[str, float], x: Array) -> None:
        if not self.smooth:
            return
        lows, highs = self._box()
        if len(self.smooth) == 1:
            width = (highs[0] - lows[0]) / (SCAN - 1)
            scipy.optimize.minimize_scalar(
                lambda t: self._total(knobs, values, np.array([t])),
                bounds=(max(x[0] - width, lows[0]), min(x[0] + width, highs[0])), method="bounded", options={"maxiter": 20},
            )  # fmt: skip
            return
        simplex = np.clip(x + np.vstack([0 * x, 0.8 * np.eye(x.size)]), lows, highs)
        scipy.optimize.minimize(
            lambda y: self._total(knobs, values, np.clip(y, lows, highs)), x, method="Nelder-Mead",
            options={"maxfev": EVALUATIONS, "initial_simplex": simplex},
        )  # fmt: skip

    def _total(self, knobs: Knobs, values: dict[str, float], x: Array) -> float:
        """Log total at the point, pulled inside the limits; large where nothing is finite."""
        chosen = dict(zip(self.smooth, np.exp(x).tolist(), strict=True))
        chosen = self._pulled(knobs, values, chosen)
        try:
            for name, value in chosen.items():
                knobs = knobs.with_value(name, value)
            if not self._inside(knobs, {}) or (knobs.samples or LEAST) < LEAST:
                return 1e3
            found = knobs.evaluate()
        except DiffoptError:
            return 1e3
        self.evaluations += 1
        if found.total is None:
            return 1e3
        score = float(np.log(max(found.total, 1e-300)))
        if self.best is None or score < self.best[0]:
            self.best = (score, {**values, **{name: knobs.value(name) or 0.0 for name in chosen}}, knobs, found)
        return score

    def _pulled(self, knobs: Knobs, values: dict[str, float], chosen: dict[str, float]) -> dict[str, float]:
        """Free numbers scaled together to what every limit leaves; whole numbers rounded down."""
        for limit in self.limits:
            mine = [n for _, n in limit.parts if n in chosen]
            fixed = limit.used({k: v for k, v in self._spent(knobs, values).items() if k not in mine})
            own = limit.used({n: chosen[n] for n in mine})
            # More samples and iterations are never worse: what is left of a limit is spent on them.
            spend = all(n in ("samples", "iterations") for n in mine)
            if mine and limit.bound > fixed and (spend or own > limit.bound - fixed):
                chosen |= {n: chosen[n] * (limit.bound - fixed) / own for n in mine}
        return {n: float(max(1, np.floor(v + 1e-9))) if n in ("iterations", "samples") else v for n, v in chosen.items()}
