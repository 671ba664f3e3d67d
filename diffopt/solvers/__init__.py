"""Solvers; SOLVERS is the table of names."""

from __future__ import annotations

from diffopt.foundation.registry import LazyTable
from diffopt.solvers.base import Solver, build_table, run_table

SOLVERS: LazyTable[type[Solver]] = LazyTable(
    "diffopt.solvers",
    {
        "euler": "methods.euler:Euler",
        "heun": "methods.heun:Heun",
        "dpmpp_2m": "methods.dpmpp_2m:DPMPP2M",
        "dpmpp_3m": "methods.dpmpp_3m:DPMPP3M",
        "unipc": "methods.unipc:UniPC",
        "ipndm": "methods.ipndm:IPNDM",
        "ipndm_v": "methods.ipndm:IPNDMV",
        "deis": "methods.deis:DEIS",
        "lms": "methods.lms:LMS",
        "dpm_2": "methods.dpm_2:DPM2",
        "res_2s": "methods.res:RES2S",
        "res_2m": "methods.res:RES2M",
        "res_3m": "methods.res:RES3M",
        "fitted_2": "methods.fitted:Fitted2",
        "fitted_3": "methods.fitted:Fitted3",
        "fitted_4": "methods.fitted:Fitted4",
        "ddim": "methods.ancestral:DDIM",
        "euler_ancestral": "methods.ancestral:EulerAncestral",
        "ddpm": "methods.ancestral:DDPM",
        "flow_ancestral": "methods.flow_ancestral:FlowAncestral",
        "dpm_2_ancestral": "methods.dpm_2:DPM2Ancestral",
        "dpmpp_2s_ancestral": "methods.dpmpp_2s_ancestral:DPMPP2SAncestral",
        "dpmpp_sde": "methods.dpmpp_sde:DPMPPSDE",
        "dpmpp_2m_sde": "methods.dpmpp_2m_sde:DPMPP2MSDE",
        "dpmpp_3m_sde": "methods.dpmpp_3m_sde:DPMPP3MSDE",
        "edm_stochastic": "methods.edm_stochastic:EDMStochastic",
        "euler_maruyama": "methods.euler_maruyama:EulerMaruyama",
        "exponential_integrator": "methods.exponential_integrator:ExponentialIntegrator",
        "rk4": "methods.rk4:RK4",
        "sa_solver": "methods.sa_solver:SASolver",
        "er_sde": "methods.er_sde:ERSDE",
        "analytic_dpm": "methods.analytic_dpm:AnalyticDPM",
        "heun_sde": "methods.heun_sde:HeunSDE",
        "sra1": "methods.sra1:SRA1",
        "randomized_midpoint": "methods.randomized_midpoint:RandomizedMidpoint",
        "randomized_exponential_midpoint": "methods.randomized_exponential_midpoint:RandomizedExponentialMidpoint",
        "comfy_dpmpp_2m": "methods.comfy_flow:ComfyDPMPP2M",
        "local_linearization": "methods.local_linearization:LocalLinearization",
        "local_linearization_time": "methods.local_linearization:LocalLinearizationTime",
    },
)

__all__ = ["SOLVERS", "Solver", "build_table", "run_table"]
