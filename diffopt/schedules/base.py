"""What a schedule is: a rule that places the noise ratios of a grid."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, ClassVar, Literal

import numpy as np

from diffopt.errors import InputError, UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.processes.grid import Grid
from diffopt.processes.span import Span
from diffopt.solvers import Solver


class _Key:
    """A schedule and what it may look at, compared by content: equal questions are answered once.

    A rule that is not made for the data sees no spectrum, so that none hides in an answer that is kept for all.
    """

    def __init__(self, schedule: Schedule, span: Span) -> None:
        self.schedule, self._span = schedule, [span]
        spectrum = None if schedule.kind != "spectrum" or span.spectrum is None else span.spectrum.sha256
        ends = (span.steps, span.sigma_max, span.sigma_min, span.end)
        self.content = (type(schedule), _content(vars(schedule)), span.process, *ends, spectrum)

    def levels(self) -> Array:
        """The answer; the span is let go with it, as the key stays."""
        span = self._span.pop()
        return self.schedule.levels(span if self.schedule.kind == "spectrum" else replace(span, spectrum=None))

    def __hash__(self) -> int:
        return hash(self.content)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.content == other.content


def _content(value: Any) -> object:
    """What two equal parameters have in common: every digit of arrays, whose text leaves some out, and the kind of number."""
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, Mapping):
        return tuple((key, _content(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(_content(item) for item in value)
    return repr(value)


@lru_cache(maxsize=4096)
def _kept(key: _Key) -> Array:
    """Levels of a schedule; dynamic programs are worth keeping while solvers are compared."""
    return key.levels()


class Schedule(ABC):
    """A named rule; the author writes the positive levels, the ends are taken care of here."""

    name: ClassVar[str]
    #: fixed: needs the range only; table: published numbers; spectrum: computed from the data.
    kind: ClassVar[Literal["fixed", "table", "spectrum"]] = "fixed"
    #: "read" in the source named by `reference`, or "derived" here.
    status: ClassVar[Literal["read", "derived"]] = "read"
    reference: ClassVar[str]
    formula: ClassVar[str]
    #: Whether the levels take an optimization of their own, too long for a start of the optimizer.
    slow: ClassVar[bool] = False
    #: Most steps for which the rule is computed: searches and dynamic programs take too long above.
    most: ClassVar[int | None] = None
    #: Parameters of the family that `--free` may vary, and those whose range is not 0.01 to 1000 or that may be 0 or negative:
    #: (least, largest, whether the number itself is varied and not its logarithm).
    family: ClassVar[tuple[str, ...]] = ()
    ranges: ClassVar[dict[str, tuple[float, float, bool]]] = {}
    #: Whether `levels` takes complex parameters, ends and processes; derivatives of other rules are taken by differences.
    analytic: ClassVar[bool] = False

    @classmethod
    def suits(cls, solver: Solver) -> bool:
        """Whether the rule is worth a start for `solver`; designs made for one kind of solver say so."""
        del solver
        return not cls.slow

    @abstractmethod
    def levels(self, span: Span) -> Array:
        """Positive noise ratios, shape (span.levels,), from sigma_max down to sigma_min."""

    def grid(self, span: Span) -> Grid:
        """Grid of N steps.

        Raises
        ------
        UnsupportedError
            The rule has no meaning for this range, process, number of steps or missing spectrum.
        """
        if self.most is not None and span.steps > self.most:
            raise UnsupportedError(
                f"schedule {self.name!r} is computed for at most {self.most} steps, got {span.steps}; "
                "use a closed rule such as karras or fisher_rao"
            )
        if span.steps == 1 and span.end == "zero":
            return Grid.create(span.process, [span.sigma_max, 0.0])
        # What overflows is no level, and is refused below.
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                levels = _kept(_Key(self, span))
        except OverflowError:  # of Python's own numbers
            ends = f"from {span.sigma_max:g} to {span.sigma_min:g}"
            raise UnsupportedError(f"schedule {self.name!r} leaves the range of doubles {ends}; raise --sigma-min") from None
        if span.end == "zero" and levels[-1] > 0:
            levels = np.concatenate([levels, [0.0]])
        if levels.size != span.steps + 1:
            ends = f"from {span.sigma_max:g} to {span.sigma_min:g}"
            raise UnsupportedError(f"schedule {self.name!r} has no grid of {span.steps} steps {ends}")
        try:
            return Grid.create(span.process, levels)
        except InputError as error:
            raise UnsupportedError(f"schedule {self.name!r} gives no valid grid here: {error}") from None
