"""What a grid has to fill: process, range, number of steps and how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.processes.base import Process

End = Literal["zero", "sigma_min"]
ENDS: tuple[End, ...] = ("zero", "sigma_min")


@dataclass(frozen=True, eq=False)
class Span:
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
    """

    process: Process
    steps: int
    sigma_max: float
    sigma_min: float
    end: End = "zero"
    spectrum: Spectrum | None = None

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
