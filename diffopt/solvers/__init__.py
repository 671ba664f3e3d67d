"""Solvers; SOLVERS is the table of names."""

from __future__ import annotations

from diffopt.solvers.analytic_dpm import AnalyticDPM
from diffopt.solvers.ancestral import DDIM, DDPM, EulerAncestral
from diffopt.solvers.base import Solver, build_table, run_table
from diffopt.solvers.dpmpp_2m import DPMPP2M
from diffopt.solvers.dpmpp_2m_sde import DPMPP2MSDE
from diffopt.solvers.dpmpp_3m import DPMPP3M
from diffopt.solvers.dpmpp_sde import DPMPPSDE
from diffopt.solvers.edm_stochastic import EDMStochastic
from diffopt.solvers.er_sde import ERSDE
from diffopt.solvers.euler import Euler
from diffopt.solvers.euler_maruyama import EulerMaruyama
from diffopt.solvers.exponential_integrator import ExponentialIntegrator
from diffopt.solvers.heun import Heun
from diffopt.solvers.heun_sde import HeunSDE
from diffopt.solvers.local_linearization import LocalLinearization, LocalLinearizationTime
from diffopt.solvers.randomized_exponential_midpoint import RandomizedExponentialMidpoint
from diffopt.solvers.randomized_midpoint import RandomizedMidpoint
from diffopt.solvers.rk4 import RK4
from diffopt.solvers.sa_solver import SASolver
from diffopt.solvers.sra1 import SRA1
from diffopt.solvers.unipc import UniPC

SOLVERS: dict[str, type[Solver]] = {
    cls.name: cls
    for cls in (
        Euler,
        Heun,
        DPMPP2M,
        DPMPP3M,
        UniPC,
        DDIM,
        EulerAncestral,
        DDPM,
        DPMPPSDE,
        DPMPP2MSDE,
        EDMStochastic,
        EulerMaruyama,
        ExponentialIntegrator,
        RK4,
        SASolver,
        ERSDE,
        AnalyticDPM,
        HeunSDE,
        SRA1,
        RandomizedMidpoint,
        RandomizedExponentialMidpoint,
        LocalLinearization,
        LocalLinearizationTime,
    )
}

__all__ = ["SOLVERS", "Solver", "build_table", "run_table"]
