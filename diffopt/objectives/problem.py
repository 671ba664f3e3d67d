"""The question asked: which data, process, solver, budget and range."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from diffopt.data.compression import Accuracy
from diffopt.data.dataset import Dataset
from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError
from diffopt.law.start import STARTS, Start
from diffopt.processes import Process
from diffopt.processes.span import ENDS, End, Span
from diffopt.solvers import Solver


@dataclass(frozen=True, eq=False)
class Problem:
    """Everything but the grid.

    Attributes
    ----------
    data, process, solver : Dataset, Process, Solver
        Data, forward process and sampler.
    steps : int
        Number of solver steps N.
    sigma_max, sigma_min : float
        Range of noise ratios; sigma_max may be infinite where the process reaches pure noise.
    end : {"zero", "sigma_min"}
        Where the grid stops.
    start : {"exact", "sigma", "unit"}
        Initial law.

    Raises
    ------
    InputError
        From :meth:`create`, naming the value.
    """

    data: Dataset
    process: Process
    solver: Solver
    steps: int
    sigma_max: float
    sigma_min: float
    end: End = "zero"
    start: Start = "exact"

    @classmethod
    def create(
        cls,
        data: Dataset | Spectrum,
        process: Process,
        solver: Solver,
        steps: int,
        sigma_max: float | None = None,
        sigma_min: float | None = None,
        end: End = "zero",
        start: Start = "exact",
    ) -> Problem:
        """Fill in the process's defaults and check everything."""
        if steps < 1:
            raise InputError(f"steps must be at least 1, got {steps}")
        if end not in ENDS or start not in STARTS:
            raise InputError(f"end must be one of {', '.join(ENDS)} and start one of {', '.join(STARTS)}")
        high, low = process.sigma_limits
        top = min(process.default_sigma_max, high) if sigma_max is None else float(sigma_max)
        bottom = max(process.default_sigma_min, low) if sigma_min is None else float(sigma_min)
        if not (top > bottom >= 0):
            raise InputError(f"need sigma-max > sigma-min >= 0, got {top:g} and {bottom:g}")
        if 1e100 < top < np.inf:
            raise InputError(f"sigma-max must be below 1e100, got {top:g}; use inf where the process reaches pure noise")
        if top > high * (1 + 1e-9) and np.isfinite(top):
            raise InputError(f"sigma-max {top:g} is above {high:.6g}, the largest that {process.name!r} reaches")
        if bottom < low * (1 - 1e-9):
            raise InputError(f"sigma-min {bottom:g} is below {low:.6g}, the smallest that {process.name!r} knows")
        if np.isinf(top) and np.isinf(process.start_time()):
            raise InputError(f"process {process.name!r} never reaches pure noise; give a finite sigma-max")
        solver.clock_name(process)
        data = Dataset.of(data)
        return cls(data, process, solver.for_data(data), steps, top, bottom, end, start)

    @property
    def spectrum(self) -> Spectrum:
        """Spectrum of all data."""
        return self.data.spectrum

    @property
    def span(self) -> Span:
        """What schedules are asked for."""
        return Span(
            self.process, self.steps, self.sigma_max, self.sigma_min, self.end, self.spectrum
        )

    def compressed(self, accuracy: Accuracy = "design") -> Problem:
        """Same problem on a short spectrum."""
        return replace(self, data=self.data.shortened(accuracy))
