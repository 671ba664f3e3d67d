"""The ancestral family: a DDIM step down, then fresh noise up."""

from __future__ import annotations

from diffopt.foundation.arrays import Numbers
from diffopt.processes.points import Points
from diffopt.solvers.base import Solver
from diffopt.solvers.rules.exponential import ancestral_split
from diffopt.solvers.table import Table


def ancestral_table(points: Points, eta: Numbers) -> Table:
    """x' = D + (down/sigma)(x - D) + up xi with up = eta sigma' sqrt(1 - r^2) (theory.md, eq. 15)."""
    table = Table.zeros(points, sources=1)
    down, up = ancestral_split(points.ratio, eta)
    table.state[..., 0, 0] = down * points.decay
    table.denoised[..., 0, 0] = points.alpha_1 - points.alpha_0 * down * points.decay
    table.noise[..., 0, 0] = points.noise_1 * up
    return table


class DDIM(Solver):
    """DDIM with the noise coefficient eta of its paper; eta = 0 is Euler in the sigma clock.

    x' = D + (down/sigma)(x - D) + up xi, up^2 = eta^2 sigma'^2 (1 - r^2), down^2 = sigma'^2 - up^2.
    Reference: Song, Meng, Ermon (2021), arXiv:2010.02502, eqs. 12 and 16.
    """

    name = "ddim"
    law_order = 1
    reference = "Song, Meng, Ermon 2021, arXiv:2010.02502, eqs. 12, 16"
    eta_meaning = "DDIM/ancestral"
    kernels = ("variance",)

    def table(self, points: Points, eta: Numbers) -> Table:
        """One row per step, eq. (15)."""
        return ancestral_table(points, eta)


class EulerAncestral(Solver):
    """k-diffusion's Euler ancestral: the recurrence of DDIM(eta) with eta = 1 by default.

    Reference: k-diffusion, sample_euler_ancestral.
    """

    name = "euler_ancestral"
    law_order = 1
    reference = "k-diffusion, sample_euler_ancestral"
    default_eta = 1.0
    eta_meaning = "DDIM/ancestral"
    kernels = ("variance",)

    def table(self, points: Points, eta: Numbers) -> Table:
        """One row per step, eq. (15)."""
        return ancestral_table(points, eta)


class DDPM(Solver):
    """DDPM with the small (posterior) variance on any sub-grid; eta = 1 is Ho et al.'s sampler.

    Mean of q(z' | z, x_0 = D), variance sigma'^2 (1 - r^2) in the noise-ratio picture.
    Reference: Ho et al. (2020), arXiv:2006.11239, eqs. 6-7; Nichol and Dhariwal (2021), sec. 4.
    """

    name = "ddpm"
    law_order = 1
    reference = "Ho et al. 2020, arXiv:2006.11239, eqs. 6-7"
    default_eta = 1.0
    eta_meaning = "DDIM/ancestral"
    kernels = ("variance",)

    def table(self, points: Points, eta: Numbers) -> Table:
        """One row per step, eq. (15)."""
        return ancestral_table(points, eta)
