"""Refined exponential solvers: stiff-order conditions instead of polynomials' own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from diffopt.errors import InputError
from diffopt.foundation.arrays import Numbers
from diffopt.foundation.phi import phi2
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.rules.exponential import first_order, step_ratio
from diffopt.solvers.rules.tableau import Weight
from diffopt.solvers.table import Table

#: Places of the stages of the single steps, as shares of the step in half-log-SNR.
C2, C3 = 0.5, 1.0
#: Length of a step in half-log-SNR from which RES4LYF takes a single step instead of a multistep one.
LONG = 1.0
#: Noise ratio below which such a step is Euler's.
SMALL = 0.1


class RES2S(Solver):
    """Exponential Runge-Kutta of two stages, the second half way in log sigma.

    x_m = e^{-h/2} x + (1 - e^{-h/2}) D, x' = e^{-h} x + h (b_1 D + b_2 D_m), b_2 = 2 phi_2(-h), b_1 = phi_1(-h) - b_2;
    Euler on a last step to sigma = 0. This is RES4LYF's `res_2s_ode`; its `res_2s` adds noise of its own.
    Reference: Zhang et al. (2023), arXiv:2308.02157; RES4LYF 022c873, res_2s (c2 = 1/2).
    """

    name = "res_2s"
    law_order = 2
    stages = 2
    reference = "Zhang et al. 2023, arXiv:2308.02157; RES4LYF 022c873, res_2s"

    def table(self, points: Points, eta: Numbers) -> Table:
        """Two rows per step, eq. (127)."""
        table = Table.zeros(points, rows=2, lags=2)
        fill_single(table, points, 2, np.ones(points.steps, bool), points.unbounded)
        return table


@dataclass(frozen=True)
class _Multistep(Solver):
    """What the two multistep members share: single steps first, and where a step is long."""

    order: ClassVar[int]
    #: Steps at the start that are single ones.
    first: ClassVar[int]

    fallback: bool = False

    def singles(self, points: Points) -> tuple[np.ndarray, np.ndarray]:
        """Steps that are single ones, and those of them that are Euler's; a step from or to infinity is Euler's."""
        single, euler = np.arange(points.steps) < self.first, points.unbounded.copy()
        if self.fallback:
            long = (points.h.real.reshape(-1, points.steps)[0] >= LONG) & ~points.unbounded
            euler |= long & (points.sigma.real.reshape(-1, points.steps + 1)[0, :-1] < SMALL)
            single |= long
        return single, euler

    def calls(self, steps: int, to_data: bool = True) -> int:
        """N and the further stages of the single steps at the start; without `fallback`."""
        return steps + (self.order - 1) * min(self.first, steps - to_data)

    def table(self, points: Points, eta: Numbers) -> Table:
        """As many rows as the single steps have stages, eqs. (127) and (128)."""
        rows = self.order if self.first or self.fallback else 1
        table = Table.zeros(points, rows=rows, lags=rows * (self.order - 1) + 1)
        single, euler = self.singles(points)
        if rows > 1:
            fill_single(table, points, self.order, single, euler)
        self._fill(table, points, ~single)
        return table

    def _fill(self, table: Table, points: Points, where: np.ndarray) -> None:
        """Multistep rows: the first row takes the step, the others copy it."""
        there = np.repeat(where, table.rows)
        for nodes, ends in ((table.alpha, points.alpha_1), (table.level, points.noise_1)):
            nodes[..., 1:] = np.where(there, np.repeat(ends, table.rows, -1), nodes[..., 1:])
        scratch = Table.zeros(points)
        first_order(scratch, points)
        weights = self.weights(points)
        gain = scratch.denoised[..., 0, 0] - sum(weights)
        for lag, weight in enumerate((gain, *weights)):
            at = lag * table.rows
            table.denoised[..., 0, at] = np.where(where, weight, table.denoised[..., 0, at])
        table.state[..., 0, 0] = np.where(where, points.decay, table.state[..., 0, 0])
        for row in range(1, table.rows):
            for array in (table.state, table.denoised):
                array[..., row, :] = np.where(where[:, None], 0, array[..., row, :])
            table.state[..., row, 0] = np.where(where, 1, table.state[..., row, 0])

    def weights(self, points: Points) -> tuple[Numbers, ...]:
        """Weights of the earlier outputs."""
        raise NotImplementedError


VARIANTS = ("res4lyf", "comfyui")


@dataclass(frozen=True)
class RES2M(_Multistep):
    """Two-step exponential multistep: the denoiser linear in half-log-SNR, integrated exactly.

    x' = e^{-h} x + h (b_1 D + b_2 D_prev), b_2 = phi_2(-h)/c_2, c_2 = -h_prev/h, b_1 = phi_1(-h) - b_2; two single steps
    (`res_2s`) first; Euler on a last step to sigma = 0. Without its own noise (RES4LYF's `res_2m_ode`).
    Reference: Zhang et al. (2023), arXiv:2308.02157; RES4LYF 022c873, res_2m; ComfyUI 57b0f50, res_multistep.

    Attributes
    ----------
    fallback : bool
        Single steps where h >= 1 (Euler's below sigma = 0.1), as RES4LYF does: the number of calls then depends on
        the grid.
    variant : str
        `res4lyf`; `comfyui` is sample_res_multistep, whose first step is Euler's.
    """

    name: ClassVar[str] = "res_2m"
    law_order: ClassVar[int] = 2
    memory: ClassVar[int] = 1
    reference: ClassVar[str] = "Zhang et al. 2023, arXiv:2308.02157; RES4LYF 022c873, res_2m"
    order: ClassVar[int] = 2

    variant: str = "res4lyf"

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise InputError(f"solver 'res_2m' has the variants {', '.join(VARIANTS)}, got {self.variant!r}")

    @property
    def first(self) -> int:  # type: ignore[override]
        """Two single steps, or none."""
        return 2 if self.variant == "res4lyf" else 0

    def weights(self, points: Points) -> tuple[Numbers, ...]:
        """Weight of D_prev, 0 on the first step and where a step is unbounded."""
        return (-points.alpha_1 * points.h * phi2(-points.h) * step_ratio(points),)


@dataclass(frozen=True)
class RES3M(_Multistep):
    """Three-step exponential multistep with the weights of its three-stage single step.

    x' = e^{-h} x + h (b_1 D + b_2 D_1 + b_3 D_2), b_3 = phi_2(-h)/(g c_2 + c_3), b_2 = g b_3, b_1 = phi_1(-h) - b_2 - b_3,
    g = (3 c_3^3 - 2 c_3)/(c_2 (2 - 3 c_2)), c_2, c_3 the places of D_1, D_2 in units of h. Three single steps
    (res_3s, c_2 = 1/2, c_3 = 1) first; Euler on a last step to sigma = 0. Without its own noise.
    Reference: RES4LYF 022c873, res_3m, res_3s.

    Attributes
    ----------
    fallback : bool
        Single steps where h >= 1 (Euler's below sigma = 0.1), as RES4LYF does.
    """

    name: ClassVar[str] = "res_3m"
    law_order: ClassVar[int] = 2
    memory: ClassVar[int] = 2
    reference: ClassVar[str] = "RES4LYF 022c873, res_3m"
    order: ClassVar[int] = 3
    first: ClassVar[int] = 3

    def weights(self, points: Points) -> tuple[Numbers, ...]:
        """Weights of D_1 and D_2; res_2m's where there is no third output."""
        q0, q1 = step_ratio(points, 1), step_ratio(points, 2)
        whole = points.alpha_1 * points.h * phi2(-points.h)
        third = (q0 != 0) & (q1 != 0)
        c2, c3 = -1 / np.where(third, q0, 1), -1 / np.where(third, q0, 1) - 1 / np.where(third, q1, 1)
        g = gamma(c2, c3)
        last = np.where(third, whole / (g * c2 + c3), 0)
        return np.where(third, g * last, -whole * q0), last


def gamma(c2: Weight, c3: Weight) -> Numbers:
    """The free ratio b_2/b_3 fixed by the third order condition."""
    return np.asarray((3 * c3**3 - 2 * c3) / (c2 * (2 - 3 * c2)))


def fill_single(table: Table, points: Points, stages: int, where: np.ndarray, short: np.ndarray) -> None:
    """Exponential Runge-Kutta rows of two or three stages on the steps `where`, Euler's on those also `short` (eq. 127)."""
    h = np.where(points.unbounded, 1, points.h)
    start = np.where(points.unbounded, 1, points.sigma[..., :-1])
    weigh = _Single(table, where, short)
    for row, c in enumerate((C2, C3)[: stages - 1]):
        sigma = start * np.exp(-c * h)
        alpha, level = points.process.levels(sigma, points.process.time(sigma))
        alpha, level = np.where(short, points.alpha_1, alpha), np.where(short, points.noise_1, level)
        table.put_node(row, alpha, level)
        keep = level / points.noise_0
        bend = gamma(C2, C3) * C2 * phi2(-C2 * h) + C3**2 / C2 * phi2(-C3 * h)
        weigh.row(row, keep, alpha - points.alpha_0 * keep, [alpha * h * bend] if row == 1 else [])
    last, ratio = phi2(-h) * points.alpha_1 * h, gamma(C2, C3)
    own = [last / C2] if stages == 2 else [ratio * last / (ratio * C2 + C3), last / (ratio * C2 + C3)]
    gain = points.alpha_1 - points.alpha_0 * points.decay
    # Outputs are listed from the newest stage, which is the last.
    weigh.row(stages - 1, points.decay, gain, own[::-1])
    table.state[..., 0, 0] = np.where(where & short, points.decay, table.state[..., 0, 0])
    table.denoised[..., 0, 0] = np.where(where & short, gain, table.denoised[..., 0, 0])


@dataclass(frozen=True)
class _Single:
    """Writes rows of single steps where they are taken; short ones copy the first row."""

    table: Table
    where: np.ndarray
    short: np.ndarray

    def row(self, row: int, keep: Numbers, gain: Numbers, own: list[Numbers]) -> None:
        """State from the step's start (lag = row); the start's output gets what the others, newest first, leave."""
        real, table = self.where & ~self.short, self.table
        table.state[..., row, row] = np.where(real, keep, 0)
        for lag, weight in enumerate(own):
            table.denoised[..., row, lag] = np.where(real, weight, 0)
        table.denoised[..., row, row] = np.where(real, gain - sum(own), 0)
        if row:
            table.state[..., row, 0] += np.where(self.where & self.short, 1, 0)
