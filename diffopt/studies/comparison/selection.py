"""Which rows of a comparison are shown, and in which order."""

from __future__ import annotations

import fnmatch
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

import numpy as np

from diffopt.errors import InputError
from diffopt.foundation.names import close
from diffopt.objectives.metrics import COMPARED
from diffopt.schedules import HABIT, SCHEDULES
from diffopt.solvers.designs import DESIGNS
from diffopt.studies.comparison.comparison import Comparison, row_error
from diffopt.studies.comparison.row import KINDS, OWN, Row, shown_name

#: Columns that rows can be sorted by.
SORTABLE = ("schedule", "kind", "solver", "budget", "steps", "denoiser_calls", *COMPARED, "ratio", "held_out_worst")


@dataclass(frozen=True)
class Selection:
    """Filters by name (with wildcards) and kind, an order, a length.

    Attributes
    ----------
    only, skip : sequence of str
        Names or patterns such as `ays_*`.
    kinds : sequence of str
        Of :data:`diffopt.studies.comparison.row.KINDS`; empty is all. Optimized rows stay unless skipped by name.
    sort : str or None
        Column over all rows, "-" in front for descending; None: by group, optimized rows last.
    top : int or None
        Rows kept per group beside karras, the model's own, the optimum and the row to take.
    """

    only: Sequence[str] = ()
    skip: Sequence[str] = ()
    kinds: Sequence[str] = ()
    sort: str | None = None
    top: int | None = None

    def check(self) -> None:
        """Refuse names, kinds and columns that do not exist.

        Raises
        ------
        InputError
            Naming the value and what is allowed.
        """
        known = [*SCHEDULES, *DESIGNS, OWN, "optimized"]
        if unknown := [pattern for pattern in (*self.only, *self.skip) if not fnmatch.filter(known, pattern)]:
            raise InputError(_no_schedule(unknown, known))
        for kind in self.kinds:
            if kind not in KINDS:
                raise InputError(f"kind {kind!r} is unknown; use a comma list of {', '.join(KINDS)}")
        if self.sort is not None and self.sort.removeprefix("-") not in SORTABLE:
            raise InputError(f"cannot sort by {self.sort!r}; use one of {', '.join(SORTABLE)}, with - for descending")
        if self.top is not None and self.top < 1:
            raise InputError(f"top must be at least 1, got {self.top}")

    def wanted(self, name: str, kind: str) -> bool:
        """Whether a row of this name and kind passes."""
        if self.kinds and kind not in self.kinds:
            return False
        if self.only and not any(fnmatch.fnmatchcase(name, p) for p in self.only):
            return False
        return not any(fnmatch.fnmatchcase(name, p) for p in self.skip)

    def schedules(self) -> list[str]:
        """Named schedules that pass."""
        return [n for n, c in SCHEDULES.items() if self.wanted(n, c.kind)]

    def designs(self) -> list[str]:
        """Designs of the noise that pass."""
        return [n for n in DESIGNS if self.wanted(n, "stochasticity")]

    @property
    def optimized(self) -> bool:
        """Whether optimized rows are wanted: filters of published rows keep what ratios refer to."""
        return "optimized" not in self.skip

    def apply(self, comparison: Comparison, take: Container[tuple[str, str, int]] = ()) -> Comparison:
        """Rows in the order asked for, shortened to `top` and those to `take` (name, solver, budget)."""
        groups: dict[tuple[object, ...], list[Row]] = {}
        for row in comparison.rows:
            groups.setdefault(group_key(row), []).append(row)
        rows: list[Row] = []
        hidden: list[Row] = []
        for group in groups.values():
            for i, row in enumerate(_ranked(group, row_error(group, comparison.setting.objective))):
                keep = self.top is None or i < self.top or _reference(row) or (shown_name(row), row.solver, row.budget) in take
                (rows if keep else hidden).append(row)
        if self.sort is not None:
            rows = _ordered(rows, self.sort)
        return replace(comparison, rows=rows, hidden=hidden)


def group_key(row: Row) -> tuple[object, ...]:
    """Rows with the same key are compared with each other."""
    return ("stochasticity" if row.design else row.solver, row.budget)


def _ranked(rows: Sequence[Row], error: str) -> list[Row]:
    return sorted(rows, key=lambda row: (row.kind == "optimized", _number(row.errors[error])))


def _ordered(rows: list[Row], sort: str) -> list[Row]:
    name = sort.removeprefix("-")

    def key(row: Row) -> tuple[bool, float | str]:
        value = row.errors[name] if name in COMPARED else getattr(row, name)
        return (True, 0.0) if value is None else (False, value)

    # Missing values stay last in both directions.
    known = [r for r in rows if not key(r)[0]]
    return sorted(known, key=key, reverse=sort.startswith("-")) + [r for r in rows if key(r)[0]]


def _number(value: float | None) -> float:
    return np.inf if value is None else value


def _reference(row: Row) -> bool:
    """Rows that the answer speaks of, however many better ones there are: the optimum, the habit and the model's own."""
    return row.kind == "optimized" or (row.schedule in (HABIT, OWN) and row.design is None)


def _no_schedule(unknown: Sequence[str], known: Sequence[str]) -> str:
    """Which names are none, and those that are near; a common beginning as the pattern that takes all."""
    near: dict[str, None] = {}
    for pattern in unknown:
        found = close(pattern.strip("*"), known, len(known))
        begin = found[0].partition("_")[0] if found else ""
        family = len(found) > 1 and all(name.startswith(f"{begin}_") for name in found)
        near |= dict.fromkeys([f"{begin}_*", *found[:3]] if family else found[:3])
    hint = f"did you mean {', '.join(near)}?" if near else "use names or patterns such as karras, ays_*"
    return f"no schedule is named {', '.join(map(repr, unknown))}; {hint} (diffopt list schedules)"
