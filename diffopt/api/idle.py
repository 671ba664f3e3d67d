"""Steps that hardly move the noise level: which, what they cost, and what the grid has without them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from diffopt.errors import DiffoptError
from diffopt.foundation.arrays import Array
from diffopt.objectives.evaluation import evaluate
from diffopt.objectives.problem import Problem
from diffopt.processes.grid import Grid

#: A step is idle below this ratio of its levels, what one or two of the thousand levels of a trained model are apart (0.3 % and
#: more with the betas of Stable Diffusion), and below this part of an even share of the log range: of many steps all are short.
RATIO, SHARE = 1.01, 1 / 20
#: Idle steps are worth a word from this part of all on; one in a long published table is not.
WORTH = 1 / 20
#: Errors within this share are as good as equal.
NEAR = 0.02
ROBUST = "--objective robust, in which errors of steps cannot cancel"


def idle_steps(problem: Problem, sigmas: Array) -> list[int]:
    """Indices of steps whose levels are nearly equal; those that a sampler first raises by churn are none of them."""
    levels = sigmas[np.isfinite(sigmas) & (sigmas > 0)]
    if levels.size < 3:
        return []
    even = (np.log(levels[0]) - np.log(levels[-1])) / (levels.size - 1)
    with np.errstate(all="ignore"):
        length = np.log(sigmas[:-1] / sigmas[1:])
    short = np.flatnonzero(length < min(np.log(RATIO), SHARE * even))
    found = [int(k) for k in short if not problem.solver.raises(float(sigmas[k]))]
    return found if len(found) >= WORTH * (sigmas.size - 1) else []


def idle_notes(problem: Problem, grid: Grid, eta: Array, name: str, value: float | None) -> list[str]:
    """One line where calls are spent on levels that are nearly equal; `name` and `value` are the error that is spoken of."""
    steps = idle_steps(problem, grid.sigmas)
    if not steps:
        return []
    kept = _kept(grid.steps, steps)
    without = _without(problem, grid.sigmas[kept], np.delete(eta, steps), name)
    calls = problem.solver.calls
    to_data = bool(grid.sigmas[-1] == 0)
    spent = calls(grid.steps, to_data) - calls(len(kept) - 1, to_data)
    fewer = f"-n {len(kept) - 1}"
    told = f"note: {len(steps)} of {grid.steps} steps hardly move sigma ({_levels(grid.sigmas, steps)}) and spend {spent} calls"
    if without is None or value is None:
        return [f"{told}: fewer steps ({fewer}) may be as good"]
    told += f": without them {name} is {without:.4g} instead of {value:.4g}"
    if without <= value * (1 + NEAR):
        return [f"{told}, so {fewer} is as good"]
    told += ", a gain from nearly equal outputs, whose differences multiply the errors of a network"
    return [f"{told}: {fewer}" + (f", or {ROBUST}" if name != "robust" else "")]


def _kept(count: int, steps: list[int]) -> list[int]:
    """Points without the second one of every idle step; the last point stays, and the one before its run goes."""
    gone = {k + 1 for k in steps}
    if count in gone:
        first = count
        while first in gone:
            first -= 1
        gone = gone - {count} | {first}
    return [k for k in range(count + 1) if k not in gone]


def _levels(sigmas: Array, steps: list[int]) -> str:
    """Runs of nearly equal levels, at most three."""
    runs = [[k] for k in steps if k - 1 not in steps]
    for run in runs:
        while run[-1] + 1 in steps:
            run.append(run[-1] + 1)
    told = [f"{len(run) + 1} levels near {sigmas[run[0]]:.4g}" for run in runs]
    return ", ".join(told[:3] + ["..."] * (len(told) > 3))


def _without(problem: Problem, sigmas: Array, eta: Array, name: str) -> float | None:
    """The error of the levels that are left; None where the scheme has none there."""
    try:
        fewer = replace(problem.compressed(), steps=sigmas.size - 1)
        found = evaluate(fewer, Grid.create(problem.process, sigmas), eta, expand=False).values.get(name)
    except DiffoptError:
        return None
    return found
