"""What the budget asks of a sampler: its law, its limit, and how errors of the model reach its output."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.foundation.arrays import Array
from diffopt.studies.budget.training import ScoreTraining


@dataclass(frozen=True, eq=False)
class Output:
    """Gaussian output: variance per eigenvalue, and mean minus the data's mean in data units, shape (d,)."""

    variance: Array
    mean_error: Array

    def distance(self, other: Output, weight: Array) -> float:
        """Squared 2-Wasserstein distance (theory.md, eq. 29)."""
        gap = np.sqrt(self.variance) - np.sqrt(other.variance)
        return float(weight @ (gap**2 + (self.mean_error - other.mean_error) ** 2))


@dataclass(frozen=True, eq=False)
class Level:
    """One noise ratio at which the model was trained, as the output sees its error (theory.md, eqs. 174, 175).

    Attributes
    ----------
    sigma : float
        Noise ratio.
    linear : ndarray, shape (d, d)
        M_ij: the output's covariance changes by delta_ij M_ij + delta_ji M_ji.
    energy : ndarray, shape (d, d)
        Q_ij: the output's variance of direction i grows by sum_j Var(delta_ij) Q_ij over the other directions.
    own : ndarray, shape (d,)
        The same for delta_ii, half the second derivative of the output's variance by a direction's own gain.
    """

    sigma: float
    linear: Array
    energy: Array
    own: Array


class LinearSampler(ABC):
    """A linear sampler; `training` is the biased mean denoiser, None the exact one."""

    name: str
    #: Whether the output exists only as long as the trained score confines the samples.
    confined: ClassVar[bool] = False

    @abstractmethod
    def output(self, spectrum: Spectrum, training: ScoreTraining | None = None, exact_start: bool = False) -> Output:
        """Law of the output, from the start in force or from the exact one."""

    @abstractmethod
    def limit(self, spectrum: Spectrum) -> Output:
        """Law that infinitely many (or infinitely small) steps down to the smallest noise would give."""

    @abstractmethod
    def sigmas(self) -> list[float]:
        """Noise ratios at which the model is called."""

    @abstractmethod
    def levels(self, spectrum: Spectrum, training: ScoreTraining | None = None) -> list[Level]:
        """How errors of the model reach the output."""

    @property
    def calls(self) -> int | None:
        """Denoiser calls, None where they are not finite."""
        return None


def mean_of(spectrum: Spectrum) -> Array:
    """Mean per direction, 0 where there is none."""
    return np.zeros_like(spectrum.eig) if spectrum.mean is None else spectrum.mean
