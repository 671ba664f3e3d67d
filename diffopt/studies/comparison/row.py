"""A row of a comparison."""

from __future__ import annotations

from dataclasses import dataclass

from diffopt.foundation.arrays import Array

#: Kinds of rows in the order in which a group shows them.
KINDS = ("fixed", "table", "spectrum", "stochasticity", "added", "optimized")
#: Name of the row of the grid that a model runs by itself.
OWN = "own"


@dataclass(frozen=True, eq=False)
class Row:
    """One grid with one solver.

    Attributes
    ----------
    schedule, kind, solver, clock : str
        `kind` is one of KINDS; `design` names the noise of a stochasticity row.
    budget, steps, denoiser_calls : int
        The budget asked for, and what the run really takes.
    sigmas, eta : ndarray
        Grid and noise coefficients.
    errors, held_out : dict
        Exact errors; Frechet distance of the same grid on perturbed spectra. None where infinite.
    ratio : float or None
        Value of the objective over that of the group's optimized row.
    best : bool
        Smallest objective among the rows of its group that are not optimized.
    other_range : str or None
        Where the row does not fill the range of the group; then it has no ratio and is never the optimum.
    """

    schedule: str
    kind: str
    solver: str
    clock: str | None
    budget: int
    steps: int
    denoiser_calls: int
    sigmas: Array
    eta: Array
    errors: dict[str, float | None]
    held_out: dict[str, float | None]
    reasons: dict[str, str]
    design: str | None = None
    ratio: float | None = None
    best: bool = False
    other_range: str | None = None

    @property
    def held_out_worst(self) -> float | None:
        """Largest held-out Frechet distance."""
        values = [v for v in self.held_out.values() if v is not None]
        return max(values) if len(values) == len(self.held_out) else None


def shown_name(row: Row) -> str:
    """Schedule, or the noise design on its schedule."""
    return row.schedule if row.design is None else row.design
