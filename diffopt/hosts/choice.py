"""A question put the way a host will run it: its scheme, start law, end and rounding."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from diffopt.errors import InputError, UnsupportedError
from diffopt.hosts.answer import find_host
from diffopt.hosts.base import Host, HostQuery, described
from diffopt.hosts.findings import HostPlan
from diffopt.hosts.run import Run
from diffopt.objectives.problem import Problem
from diffopt.solvers import Solver

#: An eta that no host fixes.
ODD = 0.37


@dataclass(frozen=True, eq=False)
class Choice:
    """The question as the host runs it.

    Attributes
    ----------
    problem : Problem
        With the host's solver, start law and end.
    eta : float, ndarray or None
        As asked, or the number that the host fixes.
    whole : bool
        Whether the host takes whole timesteps only.
    note : str
        A sentence about it.
    """

    problem: Problem
    eta: Any
    whole: bool
    note: str


def choose(
    problem: Problem, eta: Any, free: Collection[str], to: str, config: Mapping[str, Any], given: Collection[str]
) -> Choice:
    """Scheme, start, end and rounding of a host; what is in `given` was said by the user and stays.

    Raises
    ------
    InputError, UnsupportedError
        An unknown host, one that cannot run the process or the solver, or a free eta that the host fixes.
    """
    host, variant = find_host(to)
    target = HostQuery(variant, config, exported=True)
    end = problem.end if "end" in given else host.end
    asked = replace(problem, end=end)  # type: ignore[arg-type]
    plan = _plan(host, asked, eta, target)
    assert plan.run is not None
    run = plan.run
    if run.solver.eta_meaning is not None:
        if {"eta", "eta_per_step"} & set(free):
            _free_eta(host, asked, target)
        elif eta is None or not np.allclose(eta, run.eta):
            eta = float(run.eta[0])
    else:
        eta = None
    solver: Solver = replace(run.solver, error=problem.solver.error)
    start = problem.start if "start" in given else run.start
    # A host may start just below pure noise (ComfyUI's SDE samplers on flow models).
    top = problem.sigma_max if {"sigma_max", "t_max"} & set(given) else float(run.grid.sigmas[0])
    top = problem.sigma_max if np.isclose(top, problem.sigma_max, rtol=1e-6) else top
    hosted = Problem.create(problem.data, problem.process, solver, problem.steps, top, problem.sigma_min, asked.end, start)
    whole = host.whole(_probe(asked, eta), target)
    says = f"note: {host.name} runs {plan.sampler}: {described(run)}, start {start}, end {asked.end}"
    return Choice(hosted, eta, whole, says + (", whole timesteps" if whole else ""))


def _probe(problem: Problem, eta: Any) -> Run:
    """A run of as many steps over the range of the question."""
    top, low = problem.sigma_max, max(problem.sigma_min, 1e-6)
    count = problem.steps + (problem.end == "sigma_min")
    sigmas = np.geomspace(min(top, 1e4), low, count) if count > 1 else np.array([top])
    sigmas[0] = top
    sigmas = sigmas if problem.end == "sigma_min" else np.append(sigmas, 0.0)
    value = None if eta is None or problem.solver.eta_meaning is None else float(np.mean(eta))
    return Run.create(problem.process, sigmas, problem.solver, value, problem.start)


def _plan(host: Host, problem: Problem, eta: Any, target: HostQuery) -> HostPlan:
    plan = host.plan(_probe(problem, eta), target)
    if plan.run is None:
        reasons = [f.message + (f"; {f.repair}" if f.repair else "") for f in plan.findings if f.kind in ("refused", "start")]
        raise UnsupportedError(reasons[0] if reasons else f"host {host.name!r} has no closed form for {plan.sampler}")
    return plan


def _free_eta(host: Host, problem: Problem, target: HostQuery) -> None:
    found = _plan(host, problem, ODD, target)
    if found.run is None or not np.allclose(found.run.eta, ODD):
        what = f"{found.sampler} of {host.title} has no eta to set"
        raise InputError(f"{what}, so a free eta has no meaning there; leave eta, or the host, out")
