"""Multistep coefficients fitted to the spectrum of the data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from diffopt.data.dataset import Dataset
from diffopt.data.scaled_copies import scaled_copies
from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError, UnsupportedError
from diffopt.foundation.arrays import Array, Numbers
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.rules.exponential import first_order
from diffopt.solvers.rules.fitted_weights import fitted_weights
from diffopt.solvers.table import Table

#: How far the sum of given coefficients may be from 1 - sigma'/sigma.
SLACK = 1e-6


@dataclass(frozen=True)
class Fitted(Solver):
    """Exponential multistep whose weights make the exact trajectory of the spectrum's ensemble hardest to leave.

    x' = (sigma'/sigma) x + sum_j c_kj D_{k-j} with sum_j c_kj = 1 - sigma'/sigma, c_k the least-squares fit of the
    step's defect over scaled copies of the spectrum, kept small by a ridge and, on even grids, near the weights of
    Adams-Bashforth by a prior. Reference: derived here, theory.md, sec. 41.

    Attributes
    ----------
    ridge : float
        Relative error of every output, uncorrelated between steps, that the weights are fitted for.
    prior : float
        Size, relative to the denoiser's output, of what the fit may gain at most by leaving the weights of
        Adams-Bashforth in the number of the step; in force where `even`.
    even : bool
        Whether outputs change evenly from step to step, as on the grids that a search gives this solver; grids that
        users keep need not be even.
    tilt : float
        Exponent of the shares c^tilt of the scaled copies.
    ensemble : Spectrum or None
        What is fitted to; set by the problem.
    coefficients : tuple of tuples or None
        c_kj of a document, newest first, used as they are on their own grid; other grids are fitted.
    """

    outputs: ClassVar[int]
    law_order: ClassVar[int] = 2
    needs_data: ClassVar[bool] = True
    grid_solvers: ClassVar[tuple[str, ...]] = ("euler", "heun")
    reference: ClassVar[str] = "derived here, theory.md, eqs. 130-133, 292"

    ridge: float = 0.01
    prior: float = 1.0
    even: bool = False
    tilt: float = -0.2
    ensemble: Spectrum | None = None
    coefficients: tuple[tuple[float, ...], ...] | None = None

    def __post_init__(self) -> None:
        for name in ("ridge", "prior"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise InputError(f"{name} must be a positive number, got {value}")

    @property
    def least_steps(self) -> int:
        """As many as it uses outputs."""
        return self.outputs

    @property
    def memory(self) -> int:  # type: ignore[override]
        """Steps that the oldest output lies behind."""
        return self.outputs - 1

    def for_data(self, data: Dataset) -> Solver:
        """The same solver fitted to `data`: scaled copies of its short spectrum, or its own members."""
        short = data.short("search")
        ensemble = scaled_copies(short, self.tilt) if data.members is None else data.members.union()
        return replace(self, ensemble=_merged(ensemble))

    def for_even_grid(self) -> Solver:
        """The same solver with its prior in force."""
        return replace(self, even=True)

    def table(self, points: Points, eta: Numbers) -> Table:
        """One row per step, eq. (130)."""
        if self.outputs > points.steps:
            raise UnsupportedError(
                f"solver {self.name!r} uses {self.outputs} outputs a step, more than the {points.steps} steps there are; "
                f"use fitted_{max(points.steps, 2)} or dpmpp_2m"
            )
        table = Table.zeros(points, lags=self.outputs)
        first_order(table, points)
        gain = table.denoised[..., 0, 0].copy()
        if self.coefficients is not None and not (gap := self.mismatch(points)):
            weights = points.alpha_1[..., None] * self._rows()
        elif self.ensemble is not None:
            weights = gain[..., None] * fitted_weights(points, self.ensemble, self.outputs, self.ridge, self.prior * self.even)
        elif self.coefficients is not None:
            raise InputError(gap)
        else:
            raise UnsupportedError(f"solver {self.name!r} is fitted to a spectrum; give one")
        table.denoised[..., 0, :] = weights
        return table

    def _rows(self) -> Array:
        """Given coefficients, padded, shape (N, outputs)."""
        given = self.coefficients or ()
        return np.array([(*row, *[0.0] * self.outputs)[: self.outputs] for row in given])

    def mismatch(self, points: Points) -> str:
        """Why the given coefficients are not for this grid, in a sentence; empty where they are."""
        if self.coefficients is None:
            return ""
        if len(self.coefficients) != points.steps:
            return f"the coefficients are for {len(self.coefficients)} steps, the grid has {points.steps}"
        wish = 1 - points.ratio.real.reshape(-1, points.steps)[0]
        total = self._rows().sum(axis=-1)
        k = int(np.argmax(np.abs(total - wish)))
        if abs(total[k] - wish[k]) <= SLACK:
            return ""
        return (
            f"the coefficients are for another grid: step {k} has the sum {total[k]:.6g}, "
            f"the grid asks for 1 - sigma'/sigma = {wish[k]:.6g}"
        )


def _merged(ensemble: Spectrum) -> Spectrum:
    """Few eigenvalues for the ensemble, without the directions that never move."""
    from diffopt.data.compression import short

    few = short(ensemble, "fit")
    keep = few.eig > 0
    return Spectrum(few.eig[keep], few.weight[keep], None, few.source)


@dataclass(frozen=True)
class Fitted2(Fitted):
    """Two outputs a step, fitted to the spectrum."""

    name: ClassVar[str] = "fitted_2"
    outputs: ClassVar[int] = 2


@dataclass(frozen=True)
class Fitted3(Fitted):
    """Three outputs a step, fitted to the spectrum."""

    name: ClassVar[str] = "fitted_3"
    outputs: ClassVar[int] = 3


@dataclass(frozen=True)
class Fitted4(Fitted):
    """Four outputs a step, fitted to the spectrum."""

    name: ClassVar[str] = "fitted_4"
    outputs: ClassVar[int] = 4
