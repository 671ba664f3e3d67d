"""What a schedule is: a rule that places the noise ratios of a grid."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from diffopt.errors import InputError, UnsupportedError
from diffopt.grid import Grid
from diffopt.processes import Process
from diffopt.solvers import Solver
from diffopt.spectrum import Spectrum

Array = NDArray[np.float64]
End = Literal["zero", "sigma_min"]
ENDS: tuple[End, ...] = ("zero", "sigma_min")


@dataclass(frozen=True, eq=False)
class Request:
    """What a schedule is asked for.

    Attributes
    ----------
    process : Process
        Forward process.
    steps : int
        Number of steps N.
    sigma_max, sigma_min : float
        Range of noise ratios; sigma_max may be infinite (pure noise).
    end : {"zero", "sigma_min"}
        `zero`: N levels from sigma_max to sigma_min, then 0. `sigma_min`: N + 1 levels.
    spectrum : Spectrum or None
        For designs made for the data (already compressed where large).
    solver : Solver or None
        For designs made for a solver.
    """

    process: Process
    steps: int
    sigma_max: float
    sigma_min: float
    end: End = "zero"
    spectrum: Spectrum | None = None
    solver: Solver | None = None

    @property
    def levels(self) -> int:
        """Number of positive noise ratios: N when a 0 follows, else N + 1."""
        return self.steps if self.end == "zero" and np.real(self.sigma_min) > 0 else self.steps + 1

    def ramp(self) -> Array:
        """`levels` equally spaced numbers from 0 (sigma_max) to 1 (sigma_min)."""
        return np.linspace(0.0, 1.0, self.levels)

    def finite(self, name: str) -> tuple[float, float]:
        """(sigma_max, sigma_min) for rules that need both finite and positive.

        Raises
        ------
        UnsupportedError
            Otherwise.
        """
        if not (np.isfinite(self.sigma_max) and np.real(self.sigma_min) > 0):
            raise UnsupportedError(
                f"schedule {name!r} needs a finite sigma-max and a positive sigma-min, "
                f"got {self.sigma_max:g} and {self.sigma_min:g}; try uniform_t"
            )
        return self.sigma_max, self.sigma_min


class _Key:
    """A schedule and what it may look at, compared by content: equal questions are answered once."""

    def __init__(self, schedule: Schedule, request: Request) -> None:
        self.schedule, self.request = schedule, request
        by_data = schedule.kind == "spectrum"
        spectrum = request.spectrum.sha256 if by_data and request.spectrum is not None else None
        solver = request.solver if by_data and schedule.uses_solver else None
        ends = (request.steps, request.sigma_max, request.sigma_min, request.end)
        self.content = (type(schedule), repr(vars(schedule)), request.process, *ends, spectrum, solver)

    def __hash__(self) -> int:
        return hash(self.content)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.content == other.content


@lru_cache(maxsize=4096)
def _kept(key: _Key) -> Array:
    """Levels of a schedule; dynamic programs are worth keeping while solvers are compared."""
    return key.schedule.levels(key.request)


class Schedule(ABC):
    """A named rule; the author writes the positive levels, the ends are taken care of here."""

    name: ClassVar[str]
    #: fixed: needs the range only; table: published numbers; spectrum: computed from the data.
    kind: ClassVar[Literal["fixed", "table", "spectrum"]] = "fixed"
    #: "read" in the source named by `reference`, or "derived" here.
    status: ClassVar[Literal["read", "derived"]] = "read"
    reference: ClassVar[str]
    formula: ClassVar[str]
    #: Whether the rule may look at the request's solver (rules of the range alone never do).
    uses_solver: ClassVar[bool] = True
    #: Whether the levels take an optimization of their own, too long for a start of the optimizer.
    slow: ClassVar[bool] = False
    #: Most steps for which the rule is computed: searches and dynamic programs take too long above.
    most: ClassVar[int | None] = None
    #: Parameters of the family that `--free family` may vary.
    family: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def suits(cls, solver: Solver) -> bool:
        """Whether the rule is worth a start for `solver`; designs made for one kind of solver say so."""
        del solver
        return not cls.slow

    @abstractmethod
    def levels(self, request: Request) -> Array:
        """Positive noise ratios, shape (request.levels,), from sigma_max down to sigma_min."""

    def grid(self, request: Request) -> Grid:
        """Grid of N steps.

        Raises
        ------
        UnsupportedError
            The rule has no meaning for this range, process, number of steps or missing spectrum.
        """
        if self.most is not None and request.steps > self.most:
            raise UnsupportedError(
                f"schedule {self.name!r} is computed for at most {self.most} steps, got {request.steps}; "
                "use a closed rule such as karras or fisher_rao"
            )
        if request.steps == 1 and request.end == "zero":
            return Grid.create(request.process, [request.sigma_max, 0.0])
        levels = _kept(_Key(self, request))
        if request.end == "zero" and levels[-1] > 0:
            levels = np.append(levels, 0.0)
        try:
            return Grid.create(request.process, levels)
        except InputError as error:
            raise UnsupportedError(f"schedule {self.name!r} gives no valid grid here: {error}") from None
