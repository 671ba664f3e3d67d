"""An optimum and how it was found."""

from __future__ import annotations

from dataclasses import dataclass, field

from diffopt.foundation.arrays import Array
from diffopt.processes import Process
from diffopt.processes.grid import Grid
from diffopt.solvers import Solver


@dataclass(frozen=True, eq=False)
class OptimizeResult:
    """An optimum and how it was found.

    Attributes
    ----------
    grid : Grid
        Best grid.
    eta : ndarray, shape (N,)
        Diffusion-term coefficients.
    solver, process : Solver, Process
        With their free parameters, if any, at the optimum.
    value : float
        Objective on the compressed spectrum.
    converged : bool
        Whether the last search met its tolerance.
    message : str
        A sentence.
    evaluations, starts : int
        Objective evaluations, and named schedules that were scored as starts.
    family : dict
        Parameters of the family by name, where they were free.
    scores : dict
        Objective of each named schedule on the compressed spectrum; where averages over random fractions are rough along a
        search, schedules more than 5 % above the optimum are as rough.
    started : dict
        Where the search for the parameters of the family began.
    at_bound : tuple of str
        What ended at the end of the range that was searched, with its value.
    """

    grid: Grid
    eta: Array
    solver: Solver
    process: Process
    value: float
    converged: bool
    message: str
    evaluations: int
    starts: int
    family: dict[str, float] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    started: dict[str, float] = field(default_factory=dict)
    at_bound: tuple[str, ...] = ()
