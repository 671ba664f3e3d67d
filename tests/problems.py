"""Small inputs the tests share: one object of every process, irregular grids, spectra."""

from __future__ import annotations

import numpy as np
from named import Named

from diffopt.data.spectrum import Spectrum
from diffopt.processes import PROCESSES, VE, Flow, Process, TrainedLevels, VPCosine, VPLinear
from diffopt.processes.beta_rules import alphas_from_betas
from diffopt.processes.grid import Grid
from diffopt.solvers import SOLVERS, Solver, run_table

#: One object of every process, by name.
EXAMPLES: dict[str, Process] = Named(
    "tests/problems.py: add an example of the process to EXAMPLES",
    {
        "ve": VE(),
        "vp_linear": VPLinear(),
        "vp_cosine": VPCosine(),
        "flow": Flow(),
        "table": TrainedLevels(alphas_from_betas("scaled_linear:0.00085,0.012,1000")),
    },
)


def _is_table(cls: type[Solver]) -> bool:
    """Whether a solver's run is one of coefficients; one that fails here is tested, so that its own tests say what fails."""
    try:
        return not cls.needs_data and run_table(cls(), Grid.create(VE(), [3.0, 1.0, 0.3])).maps is None
    except Exception:
        return True


#: Solvers that are tables of coefficients, eq. (10); the others (random or Jacobian steps) have test_maps.py,
#: those that are fitted to a spectrum test_fitted.py.
TABLED: dict[str, type[Solver]] = {name: cls for name, cls in SOLVERS.items() if _is_table(cls)}

CLOCK_NAMES = ("sigma", "variance", "logsnr", "time")

#: Clocks whose rates blow up at sigma = 0 so that no last step to it exists.
NO_STEP_TO_ZERO = ("logsnr",)


def has_step_to_zero(clock: str | None) -> bool:
    """Whether runs in a clock can end at sigma = 0."""
    return clock not in NO_STEP_TO_ZERO


def irregular(steps: int, end: str = "zero", high: float = 9.0, low: float = 0.08, seed: int = 0) -> np.ndarray:
    """Strictly decreasing noise ratios without any pattern, `steps` + 1 of them."""
    count = steps if end == "zero" else steps + 1
    logs = np.linspace(np.log(high), np.log(low), max(count, 2))[:count]
    if count > 2:
        gap = logs[0] - logs[1]
        logs[1:-1] += np.random.default_rng(seed).uniform(-0.3, 0.3, count - 2) * gap
    return np.append(np.exp(logs), 0.0) if end == "zero" else np.exp(logs)


def grid_for(process: Process, steps: int, end: str = "zero", seed: int = 0) -> Grid:
    """Irregular grid of a process."""
    return Grid.create(process, irregular(steps, end, seed=seed))


def solver_cases() -> list[tuple[str, str, str | None]]:
    """Every (tabled solver, process, clock) that has a meaning; clock None where the solver has none."""
    cases: list[tuple[str, str, str | None]] = []
    for name, cls in TABLED.items():
        for process in (p for p in PROCESSES if p in EXAMPLES):
            for clock in CLOCK_NAMES if cls.uses_clock else (None,):
                if clock == "time" and not EXAMPLES[process].continuous:
                    continue
                cases.append((name, process, clock))
    return cases


def where(name: str, process: str, clock: str | None) -> str:
    return f"{name} on {process}" + (f" in clock {clock}" if clock else "")


def make(name: str, clock: str | None = None, **options: float) -> Solver:
    """Solver by name, with a clock where it has one."""
    extra = {"clock": clock} if clock is not None else {}
    return SOLVERS[name](**extra, **options)  # type: ignore[arg-type]


def spectrum(mean: bool = False) -> Spectrum:
    """Five eigenvalues over three decades with uneven weights."""
    mu = [1.0, -0.5, 0.2, 0.1, 0.3] if mean else None
    return Spectrum.create([30.0, 3.0, 0.5, 0.1, 0.02], [1.0, 2.0, 3.0, 0.5, 4.0], mu)


def injects_noise(name: str) -> bool:
    """Whether the solver's default run draws noise: asked of its table, not of a list."""
    solver = make(name)
    return run_table(solver, grid_for(EXAMPLES["ve"], 3, "sigma_min"), 1.0 if solver.eta_meaning else None).stochastic
