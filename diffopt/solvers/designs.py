"""Published designs of the noise a sampler injects; DESIGNS is the table of names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.foundation.arrays import Array
from diffopt.processes.grid import Grid
from diffopt.processes.span import Span
from diffopt.processes.training import Training
from diffopt.solvers import SOLVERS, Solver
from diffopt.solvers.methods.edm_stochastic import EDMStochastic
from diffopt.solvers.methods.er_sde import ERSDE

#: Coefficient of every step from the data and the grid, shape (N,).
NoiseRule = Callable[[Spectrum, Grid], Array]


@dataclass(frozen=True)
class PublishedDesign:
    """A sampler with its noise fixed: what a user sets, not what is optimized.

    Attributes
    ----------
    name, reference, formula : str
        As for a schedule.
    solver : Solver
        Sampler.
    eta : float, Rule or None
        Its coefficient; None is the solver's own.
    status : {"read", "derived"}
    """

    name: str
    solver: Solver
    reference: str
    formula: str
    eta: float | NoiseRule | None = None
    status: str = "read"

    def etas(self, spectrum: Spectrum, grid: Grid) -> Array:
        """Coefficient of every step."""
        value = self.eta(spectrum, grid) if callable(self.eta) else self.eta
        return self.solver.etas(value, grid.steps)


def middle_band(spectrum: Spectrum, grid: Grid) -> Array:
    """Noise (tau = 1) at timesteps from 200 to 800 of 1000, none elsewhere."""
    del spectrum
    inside = grid.sigmas[np.isfinite(grid.sigmas) & (grid.sigmas > 0)]
    training = Training.of(Span(grid.process, grid.steps, float(inside[0]), float(inside[-1])))
    low, high = training.sigma(np.array([200, 800]) / 1000 * (training.size - 1))
    start = grid.sigmas[:-1]
    return np.where((start >= low) & (start <= high), 1.0, 0.0)


def analytic_variance(spectrum: Spectrum, grid: Grid) -> Array:
    """Optimal isotropic noise sqrt(mean v)/(sigma' sqrt(1 - r^2)), v = V' (sigma^2 - sigma'^2)/V; none to 0."""
    start, end = grid.sigmas[:-1, None], grid.sigmas[1:, None]
    v = (spectrum.eig + end**2) / (spectrum.eig + start**2)
    # sigma^2 - sigma'^2 over sigma'^2 (1 - r^2) is r^-2.
    scale = np.divide(start, end, out=np.zeros_like(start), where=end > 0)[:, 0]
    return np.asarray(scale * np.sqrt(v @ spectrum.weight / spectrum.dim))


_SONG = "Song, Meng, Ermon 2021, arXiv:2010.02502, eq. 16"
_SA = "Xue et al. 2023, arXiv:2309.05019"
_ER = "Cui et al. 2023, arXiv:2309.06169"
_EDM = "Karras et al. 2022, arXiv:2206.00364, alg. 2; EDM, ImageNet-64 settings"

_ALL = (
    *(PublishedDesign(f"ddim_eta_{e:g}", SOLVERS["ddim"](), _SONG, f"eta = {e:g}", e) for e in (0.0, 0.2, 0.5, 1.0)),
    *(PublishedDesign(f"sa_tau_{t:g}", SOLVERS["sa_solver"](), _SA, f"tau = {t:g}", t) for t in (0.2, 0.5, 1.0)),
    PublishedDesign("sa_tau_band", SOLVERS["sa_solver"](),
           f"{_SA}; diffusers, SASolverScheduler (default tau_func)",
           "tau = 1 at timesteps 200 to 800 of 1000, else 0", middle_band),
    PublishedDesign("er_sde_default", ERSDE(), _ER, "phi(x) = x (exp(x^0.3) + 10)"),
    PublishedDesign("er_sde_sde", ERSDE(phi="sde"), _ER, "phi(x) = x^2"),
    PublishedDesign("er_sde_1.5", ERSDE(phi="power_1.5"), _ER, "phi(x) = x^1.5"),
    PublishedDesign("er_sde_2.5", ERSDE(phi="power_2.5"), _ER, "phi(x) = x^2.5"),
    PublishedDesign("er_sde_log", ERSDE(phi="log"), _ER, "phi(x) = x^0.9 log10(1 + 100 x^1.5)"),
    PublishedDesign("edm_churn", EDMStochastic(s_churn=40.0, s_tmin=0.05, s_tmax=50.0, s_noise=1.003), _EDM,
           "S_churn = 40 in [0.05, 50], S_noise = 1.003"),
    PublishedDesign("ddpm_small", SOLVERS["ddpm"](), "Ho et al. 2020, arXiv:2006.11239 (small variance)",
           "variance sigma'^2 (1 - r^2)"),
    PublishedDesign("analytic_variance", SOLVERS["analytic_dpm"](), "Bao et al. 2022, arXiv:2201.06503, thm. 1; "
           "Gaussian form derived here", "variance mean of V' (sigma^2 - sigma'^2)/V over directions",
           analytic_variance, "derived"),
)  # fmt: skip

DESIGNS: dict[str, PublishedDesign] = {design.name: design for design in _ALL}
