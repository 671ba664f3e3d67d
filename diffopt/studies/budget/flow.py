"""The exact reverse flow: no steps, only a start and a noise floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError
from diffopt.law.start import Start
from diffopt.studies.budget.sampler import Level, LinearSampler, Output, mean_of
from diffopt.studies.budget.training import ScoreTraining


@dataclass(frozen=True)
class ExactFlow(LinearSampler):
    """Reverse dynamics (6) solved exactly from sigma_max to sigma_min (theory.md, eq. 54)."""

    sigma_max: float
    sigma_min: float
    start: Start = "exact"
    eta: float = 0.0
    name = "exact"

    def output(self, spectrum: Spectrum, training: ScoreTraining | None = None, exact_start: bool = False) -> Output:
        """A start error is damped by Phi^2 = (c_end/c)^(1 + eta^2)."""
        limit, top = self.limit(spectrum), spectrum.eig + self.sigma_max**2
        if self.start == "exact" or exact_start:
            return limit
        first = self.sigma_max**2 + (1.0 if self.start == "unit" else 0.0)
        kept = (limit.variance / top) ** (1 + self.eta**2)
        variance = limit.variance + kept * (first - top)
        return Output(np.maximum(variance, 0), -np.sqrt(kept) * mean_of(spectrum))

    def limit(self, spectrum: Spectrum) -> Output:
        """Data with noise sigma_min."""
        return Output(spectrum.eig + self.sigma_min**2, np.zeros_like(spectrum.eig))

    def sigmas(self) -> list[float]:
        """None: the levels are a continuum."""
        return []

    def levels(self, spectrum: Spectrum, training: ScoreTraining | None = None) -> list[Level]:
        """Independent errors of a continuum of levels would average out."""
        raise InputError("a trained score needs the levels it is called at: give --steps, a grid file or --langevin")
