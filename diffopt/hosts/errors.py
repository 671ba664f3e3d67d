"""Exact errors of a run on a host."""

from __future__ import annotations

from dataclasses import replace

from diffopt.data.spectrum import Spectrum
from diffopt.hosts.run import Run
from diffopt.objectives.evaluation import evaluate
from diffopt.objectives.problem import Problem
from diffopt.processes.grid import range_bottom
from diffopt.processes.span import End
from diffopt.solvers.model_error import ModelError

#: Errors that are stated.
STATED = ("frechet", "kl", "robust")


def run_errors(run: Run, spectrum: Spectrum, told: ModelError | None = None) -> dict[str, float | None]:
    """`frechet`, `kl` and `robust` of a run on a spectrum; None where one is not defined.

    `told` is what the network is off by where the host tells it another level than the state's.

    Raises
    ------
    UnsupportedError
        The scheme has no limit at an end of the grid.
    """
    sigmas = run.grid.sigmas
    end: End = "zero" if sigmas[-1] == 0 else "sigma_min"
    bottom = range_bottom(run.process, sigmas)
    solver = run.solver if told is None else replace(run.solver, error=told)
    problem = Problem.create(spectrum, run.process, solver, run.grid.steps, float(sigmas[0]), bottom, end, run.start)
    found = evaluate(problem, run.grid, run.eta, expand=False)
    return {name: getattr(found, name) for name in STATED}
