"""DPM-Solver-2 as k-diffusion has it, and its ancestral form."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Numbers
from diffopt.processes.clocks import Clock
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.rules.exponential import ancestral_split
from diffopt.solvers.rules.runge_kutta import runge_kutta
from diffopt.solvers.rules.tableau import Tableau
from diffopt.solvers.table import Table


class DPM2(Solver):
    """Midpoint rule whose stage stands at the geometric mean of the levels, in a clock.

    y_m = y + (u_m - u) K(y), y' = y + h K(y_m), u_m the geometric mean of the readings (half way in `logsnr`);
    Euler on a last step to sigma = 0. On flow models ComfyUI steps in s, clock `time`.
    Reference: k-diffusion 4601bf0, sample_dpm_2 without churn (older versions take the middle of sigma^(1/3));
    diffusers, KDPM2DiscreteScheduler.
    """

    name = "dpm_2"
    law_order = 2
    stages = 2
    reference = "k-diffusion 4601bf0, sample_dpm_2; diffusers, KDPM2DiscreteScheduler"
    uses_clock = True

    def table(self, points: Points, eta: Numbers) -> Table:
        """Two rows per step, eqs. (14) and (123)."""
        clock = self.clock_of(points.process)
        share = self._middle(clock, clock.value(points.process, points.sigma, points.time))
        tableau = Tableau(a=((), (share,)), b=(0.0, 1.0), c=(0.0, share))
        return runge_kutta(points, clock, tableau, 0 * eta, euler_end=points.ends_at_zero)

    @staticmethod
    def _middle(clock: Clock, reading: Numbers) -> Numbers:
        """Where in the step the stage stands, 0 to 1: (sqrt(u u') - u)/(u' - u) = sqrt(u)/(sqrt(u) + sqrt(u'))."""
        if clock.name == "logsnr":
            return np.full_like(reading[..., 1:], 0.5)
        root = np.sqrt(-reading)
        return root[..., :-1] / (root[..., :-1] + root[..., 1:])


class DPM2Ancestral(Solver):
    """DPM-Solver-2 to the lower level of an ancestral step, then fresh noise.

    x_m = x + (sigma_m - sigma) d, sigma_m = sqrt(sigma down), x' = x + (down - sigma)(x_m - D_m)/sigma_m + up xi;
    where down is 0, x' = D without noise.
    Reference: k-diffusion 4601bf0, sample_dpm_2_ancestral; diffusers, KDPM2AncestralDiscreteScheduler.
    """

    name = "dpm_2_ancestral"
    law_order = 2
    stages = 2
    reference = "k-diffusion 4601bf0, sample_dpm_2_ancestral; diffusers, KDPM2AncestralDiscreteScheduler"
    default_eta = 1.0
    eta_meaning = "DDIM/ancestral"

    def table(self, points: Points, eta: Numbers) -> Table:
        """Two rows and one source per step, eq. (124)."""
        table, lower = two_stage_ancestral(points, eta)
        sigma = points.sigma[..., :-1]
        slope = (lower.down - sigma) / lower.middle
        ratio = points.alpha_1 / points.alpha_0
        table.state[..., 1, 1] = np.where(lower.none, 0, ratio)
        table.state[..., 1, 0] = np.where(lower.none, 1, points.alpha_1 / lower.alpha * slope)
        table.denoised[..., 1, 0] = np.where(lower.none, 0, -points.alpha_1 * slope)
        table.noise[..., 1, 0] = np.where(lower.none, 0, points.noise_1 * lower.up)
        return table


class Lower:
    """The lower level of an ancestral step and the level half way to it, in log sigma."""

    def __init__(self, points: Points, eta: Numbers) -> None:
        down, self.up = ancestral_split(points.ratio, eta)
        sigma = points.sigma[..., :-1]
        #: Steps that end without a second stage: the step down goes to the data.
        self.none = np.asarray((down * points.sigma[..., 1:]).real == 0)
        self.down = np.where(self.none, sigma, down * points.sigma[..., 1:])
        self.middle = np.sqrt(sigma * self.down)
        self.alpha, self.level = points.process.levels(self.middle, points.process.time(self.middle))


def two_stage_ancestral(points: Points, eta: Numbers) -> tuple[Table, Lower]:
    """Table with the first row filled: Euler to the middle level, or to the data where there is no second stage."""
    table = Table.zeros(points, rows=2, lags=2, sources=1)
    lower = Lower(points, eta)
    keep = np.where(lower.none, 0, lower.level / points.noise_0)
    end = np.where(lower.none, points.alpha_1, lower.alpha)
    table.put_node(0, end, np.where(lower.none, points.noise_1, lower.level))
    table.state[..., 0, 0] = keep
    table.denoised[..., 0, 0] = end - points.alpha_0 * keep
    return table, lower
