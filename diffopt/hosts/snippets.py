"""Parts of Python snippets that several hosts write."""

from __future__ import annotations

import math

import numpy as np

from diffopt import __version__
from diffopt.hosts.base import described
from diffopt.hosts.findings import HostPlan


def header(title: str, plan: HostPlan) -> str:
    """Comment lines: what made the file and what it is for."""
    steps = "" if plan.run is None else f", {plan.run.grid.steps} steps"
    scheme = "" if plan.run is None else f" ({described(plan.run)})"
    return f"# diffopt {__version__}: {title}, {plan.sampler}{scheme}{steps}.\n"


def options(plan: HostPlan) -> dict[str, float | str]:
    """Keyword arguments of k-diffusion's function: eta, churn, solver type."""
    run = plan.run
    found: dict[str, float | str] = {}
    if run is None:
        return found
    if run.solver.eta_meaning is not None:
        found["eta"] = float(run.eta[0])
    if run.solver.name == "lms" and run.option("order", 4) != 4:
        found["order"] = int(run.option("order", 4))
    if run.solver.name == "dpmpp_2m_sde":
        found["solver_type"] = "midpoint"
    for key, default in (("s_churn", 0.0), ("s_tmin", 0.0), ("s_tmax", math.inf), ("s_noise", 1.0)):
        value = run.option(key, default)
        if not np.isclose(float(np.real(value)), default):
            found[key] = float(np.real(value))
    return found


def call_options(plan: HostPlan) -> str:
    """`, eta=1.0` and so on."""
    return "".join(f", {key}={value!r}" for key, value in options(plan).items())
