"""Local searches that several searches ask for, made side by side."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from diffopt.foundation.arrays import Array
from diffopt.foundation.least_squares import Quadratic, Starts, fit_all, products, squares
from diffopt.studies.eta_chain import ChainsBeside, EtaChain
from diffopt.studies.eta_squares import EtaSquares

T = TypeVar("T")


class Variables(Protocol):
    """What squared etas are functions of."""

    @property
    def key(self) -> bytes:
        """Equal where the functions are."""

    def squared(self, x: Array) -> Array:
        """Squared etas, shape (B, N)."""

    def pulled(self, x: Array, gradient: Array, normal: Array, bend: Array | None) -> tuple[Array, Array, Array | None]:
        """J^T r, J^T J and the sum of r times its second derivatives by the variables, from those by squared etas."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A local search that is asked for: of an error, in its squared etas or in other variables."""

    goal: EtaSquares
    search: Starts
    bent: bool
    variables: Variables | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal where arrays have the same shape and derivatives are of one kind."""
        own = None if self.variables is None else self.variables.key
        return self.search.low.size, self.goal.size, self.goal.derivatives is None, self.bent, own


#: A search that asks for local ones, is sent their ends and sums of squares, and returns what it finds.
Asking = Generator[Fit, tuple[Array, Array], T]


def in_step(searches: Sequence[Asking[T]], told: Callable[[int], None] | None = None) -> list[T]:
    """What searches find, the local ones that they ask for at the same time made side by side where they fit together.

    `told` is called with the place of each that has ended.
    """
    found: dict[int, T] = {}
    asked: dict[int, Fit] = {}

    def go_on(i: int, answer: tuple[Array, Array] | None) -> None:
        try:
            asked[i] = next(searches[i]) if answer is None else searches[i].send(answer)
        except StopIteration as end:
            found[i] = end.value
            if told is not None:
                told(i)

    for i in range(len(searches)):
        go_on(i, None)
    while asked:
        first = next(iter(asked.values())).key
        together = [i for i, fit in asked.items() if fit.key == first]
        for i, answer in zip(together, _made([asked.pop(i) for i in together]), strict=True):
            go_on(i, answer)
    return [found[i] for i in range(len(searches))]


def _made(fits: Sequence[Fit]) -> list[tuple[Array, Array]]:
    """Ends and sums of squares of local searches of one kind."""
    beside, variables, bent = _Beside([fit.goal for fit in fits]), fits[0].variables, fits[0].bent

    def residuals(x: Array, of: NDArray[np.int_]) -> Array:
        return beside.residuals(x if variables is None else variables.squared(x), of)

    def model(x: Array, of: NDArray[np.int_], bent: bool) -> Quadratic:
        if variables is None:
            return beside.model(x, of, bent)
        total, gradient, normal, bend = beside.model(variables.squared(x), of, bent)
        return total, *variables.pulled(x, gradient, normal, bend)

    return fit_all([fit.search for fit in fits], residuals, bent, None if fits[0].goal.derivatives is None else model)


class _Beside:
    """Errors of runs, each of its own goal; those of chains of one kind at once."""

    def __init__(self, goals: Sequence[EtaSquares]) -> None:
        self.goals, self.few = goals, goals[0].few
        kinds: dict[Any, list[int]] = {}
        for i, goal in enumerate(goals):
            kinds.setdefault(goal.kind, []).append(i)
        self.parts = list(kinds.values())
        # Of each goal its part and its place there.
        self.part, self.place = np.zeros(len(goals), int), np.zeros(len(goals), int)
        self.chains: list[ChainsBeside | None] = []
        for number, part in enumerate(self.parts):
            self.part[part], self.place[part] = number, range(len(part))
            chains = [goal for goal in (goals[i] for i in part) if isinstance(goal, EtaChain)]
            self.chains.append(ChainsBeside(chains) if len(chains) > 1 else None)

    def residuals(self, x: Array, of: NDArray[np.int_]) -> Array:
        """r of the runs, shape (B, m)."""
        return self._each(of, lambda goal, at: (goal.residuals(x[at]),))[0]

    def model(self, x: Array, of: NDArray[np.int_], bent: bool) -> Quadratic:
        """Sums of squares, J^T r, J^T J and the sum of r times its second derivatives."""

        def part(goal: Any, at: Any) -> Quadratic:
            rest, slopes, bend = goal.derivatives(x[at], bent)
            return squares(rest), *products(slopes, rest), bend

        total, gradient, normal, bend = self._each(of, part)
        return total, gradient, normal, bend

    def _each(self, of: NDArray[np.int_], part: Callable[[Any, Any], tuple[Any, ...]]) -> tuple[Any, ...]:
        """What a function gives for a goal and the runs of it, in the order of the runs."""
        places, found, parts = [], [], self.part[of]
        for number, (members, chains) in enumerate(zip(self.parts, self.chains, strict=True)):
            own = np.flatnonzero(parts == number)
            # Few at once: their arrays stay in caches.
            for at in (own[i : i + self.few] for i in range(0, own.size, self.few)):
                places.append(at)
                found.append(part(self.goals[members[0]] if chains is None else chains.of(self.place[of[at]]), at))
        if len(found) == 1:
            return found[0]
        order = np.argsort(np.concatenate(places), kind="stable")
        return tuple(None if values[0] is None else np.concatenate(values)[order] for values in zip(*found, strict=True))
