"""Solvers; SOLVERS is the table of names."""

from __future__ import annotations

from diffopt.lazy import LazyTable
from diffopt.solvers.base import Solver, build_table, run_table

SOLVERS: LazyTable[type[Solver]] = LazyTable(
    "diffopt.solvers",
    {
        "euler": "euler:Euler",
        "heun": "heun:Heun",
        "dpmpp_2m": "dpmpp_2m:DPMPP2M",
        "dpmpp_3m": "dpmpp_3m:DPMPP3M",
        "unipc": "unipc:UniPC",
        "ddim": "ancestral:DDIM",
        "euler_ancestral": "ancestral:EulerAncestral",
        "ddpm": "ancestral:DDPM",
        "dpmpp_sde": "dpmpp_sde:DPMPPSDE",
        "dpmpp_2m_sde": "dpmpp_2m_sde:DPMPP2MSDE",
        "edm_stochastic": "edm_stochastic:EDMStochastic",
        "euler_maruyama": "euler_maruyama:EulerMaruyama",
        "exponential_integrator": "exponential_integrator:ExponentialIntegrator",
        "rk4": "rk4:RK4",
        "sa_solver": "sa_solver:SASolver",
        "er_sde": "er_sde:ERSDE",
        "analytic_dpm": "analytic_dpm:AnalyticDPM",
        "heun_sde": "heun_sde:HeunSDE",
        "sra1": "sra1:SRA1",
        "randomized_midpoint": "randomized_midpoint:RandomizedMidpoint",
        "randomized_exponential_midpoint": "randomized_exponential_midpoint:RandomizedExponentialMidpoint",
        "local_linearization": "local_linearization:LocalLinearization",
        "local_linearization_time": "local_linearization:LocalLinearizationTime",
    },
)

__all__ = ["SOLVERS", "Solver", "build_table", "run_table"]
