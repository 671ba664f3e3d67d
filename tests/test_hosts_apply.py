"""`schedule.apply(scheduler)` on every scheduler of diffusers that takes a grid: each step is our table's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from host_driving import BETAS, drive_scheduler, worst
from problems import EXAMPLES
from test_hosts_diffusers import BOUND, SIGMAS, S

from diffopt.errors import UnsupportedError
from diffopt.hosts.diffusers.apply import apply_run
from diffopt.hosts.diffusers.host import SCHEDULERS
from diffopt.hosts.run import Run
from diffopt.solvers import SOLVERS

pytestmark = [pytest.mark.hosts, pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")]

DPM = {"algorithm_type": "dpmsolver++", "lower_order_final": False}
SDE = {"algorithm_type": "sde-dpmsolver++"}
FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
WHOLE = [*np.exp(EXAMPLES["table"].log_sigma[[990, 800, 560, 300, 90, 11]]), 0.0]
#: Scheduler, its configuration, solver, options, process and grid.
CASES: list[tuple[str, dict[str, Any], str, dict[str, Any], str, Any]] = [
    ("EulerDiscrete", {"use_karras_sigmas": True}, "euler", {}, "table", SIGMAS),
    ("EulerDiscrete", {"timestep_spacing": "trailing"}, "euler", {}, "table", SIGMAS[:-1]),
    ("HeunDiscrete", {}, "heun", {}, "table", SIGMAS),
    ("DPMSolverMultistep", {**DPM, "solver_order": 1}, "euler", {}, "table", SIGMAS),
    ("DPMSolverMultistep", {**DPM, "solver_order": 2, "use_karras_sigmas": True}, "dpmpp_2m", {}, "table", SIGMAS),
    ("DPMSolverMultistep", {**DPM, "solver_order": 2}, "dpmpp_2m", {}, "table", SIGMAS[:-1]),
    ("DPMSolverMultistep", {"solver_order": 3}, "dpmpp_3m", {}, "table", SIGMAS),
    ("DPMSolverMultistep", {**SDE, "solver_order": 2}, "dpmpp_2m_sde", {}, "table", SIGMAS),
    ("DPMSolverMultistep", {**DPM, **FLOW, "solver_order": 2, "flow_shift": 3.0}, "dpmpp_2m", {}, "flow", S),
    ("DPMSolverSinglestep", {"solver_order": 1}, "euler", {}, "table", SIGMAS),
    ("DPMSolverSinglestep", {"solver_order": 2}, "dpmpp_2s_ancestral", {}, "table", SIGMAS),
    ("UniPCMultistep", {"solver_order": 3}, "unipc", {"order": 3}, "table", SIGMAS),
    ("UniPCMultistep", {**FLOW, "flow_shift": 5.0}, "unipc", {}, "flow", S),
    ("FlowMatchEulerDiscrete", {"shift": 3.0, "shift_terminal": 0.1, "use_karras_sigmas": True}, "euler", {}, "flow", S),
    ("LTXEulerAncestralRF", {"eta": 0.5}, "flow_ancestral", {}, "flow", S),
    ("EDMEuler", {}, "euler", {}, "ve", [80.0, 9.0, 0.8, 0.05, 0.0]),
    ("DDPM", {"clip_sample": False}, "ddpm", {}, "table", WHOLE),
    ("EulerAncestralDiscrete", {}, "euler_ancestral", {}, "table", SIGMAS),
    ("LMSDiscrete", {"use_karras_sigmas": True}, "lms", {}, "table", SIGMAS),
    ("DEISMultistep", {"lower_order_final": False}, "deis", {"variant": "logrho", "order": 2}, "table", SIGMAS[:-1]),
    ("KDPM2Discrete", {}, "dpm_2", {}, "table", SIGMAS),
    ("KDPM2AncestralDiscrete", {"use_karras_sigmas": True}, "dpm_2_ancestral", {}, "table", SIGMAS),
    ("DPMSolverSDE", {}, "dpmpp_sde", {}, "table", SIGMAS),
]


def made(name: str, config: dict[str, Any], process: str) -> Any:
    import diffusers

    base = {} if process != "table" or "Flow" in name else BETAS
    return getattr(diffusers, f"{name}Scheduler")(**base, **config)


def run_of(solver: str, options: dict[str, Any], process: str, grid: Any, eta: float | None = None) -> Run:
    with np.errstate(divide="ignore"):
        sigmas = np.array(grid) / (1 - np.array(grid)) if process == "flow" else grid
    return Run.create(EXAMPLES[process], sigmas, SOLVERS[solver](**options), eta)


def named(value: Any) -> str:
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize(("name", "config", "solver", "options", "process", "grid"), CASES, ids=named)
def test_an_applied_grid_is_run_as_it_is(
    name: str, config: dict[str, Any], solver: str, options: dict[str, Any], process: str, grid: Any, monkeypatch: Any
) -> None:
    """Whatever the scheduler's own grid would be and however many steps a pipeline asks for."""
    eta = {"dpmpp_2s_ancestral": 0.0, "flow_ancestral": 0.5}.get(solver)
    run = run_of(solver, options, process, grid, eta)
    scheduler = made(name, config, process)
    assert apply_run(run, scheduler) is scheduler
    scheduler.set_timesteps(17)
    levels = run.levels.astype(np.float32).astype(np.float64)
    if solver == "unipc" and process == "flow":
        levels[0] = np.float32(1 - 1e-6)
    hosted = run.with_levels(levels)
    got, draws = drive_scheduler(scheduler, hosted, monkeypatch)
    assert len(got) == run.grid.steps + 1
    assert worst(hosted, got, draws, 0 if solver == "unipc" else -1) < BOUND


def test_every_scheduler_is_applied_to() -> None:
    assert {f"{name}Scheduler" for name, *_ in CASES} == set(SCHEDULERS)


REFUSALS: list[tuple[str, dict[str, Any], str, str, Any, str]] = [
    ("HeunDiscrete", {}, "euler", "table", SIGMAS, "HeunDiscreteScheduler"),
    ("DPMSolverMultistep", {"solver_order": 3}, "dpmpp_2m", "table", SIGMAS, "dpmpp_3m"),
    ("DPMSolverMultistep", {"euler_at_final": True}, "dpmpp_2m", "table", SIGMAS[:-1], "euler_at_final"),
    ("DPMSolverSinglestep", {}, "euler", "table", SIGMAS, "order 2"),
    ("LTXEulerAncestralRF", {"eta": 1.0}, "flow_ancestral", "flow", S, "eta"),
    ("LCM", {}, "euler", "table", SIGMAS, "re-noises"),
    ("TCD", {}, "euler", "table", SIGMAS, "smallest level"),
    ("DDIM", {}, "euler", "table", SIGMAS, "t - T//N"),
    ("DDPM", {}, "ddpm", "table", WHOLE, "clip_sample"),
    ("DDPM", {"clip_sample": False}, "ddpm", "table", SIGMAS, "whole timesteps"),
    ("FlowMatchEulerDiscrete", {"stochastic_sampling": True}, "euler", "flow", S, "stochastic_sampling"),
    ("KDPM2Discrete", {}, "dpm_2", "table", SIGMAS[:-1], "always ends at 0"),
    ("EulerDiscrete", {}, "euler", "flow", S, "flow"),
    ("DPMSolverMultistep", {}, "dpmpp_2m", "flow", S, "use_flow_sigmas"),
    ("UniPCMultistep", FLOW, "unipc", "table", SIGMAS, "use_flow_sigmas"),
    ("UniPCMultistep", {"predict_x0": False}, "unipc", "table", SIGMAS, "predict_x0"),
    ("UniPCMultistep", {"disable_corrector": [0]}, "unipc", "table", SIGMAS, "disable_corrector"),
    ("UniPCMultistep", {"solver_order": 3}, "unipc", "table", SIGMAS, "order=3"),
    ("DEISMultistep", {}, "deis", "table", SIGMAS, "NaN"),
    ("DPMSolverMultistep", {"thresholding": True}, "dpmpp_2m", "table", SIGMAS, "thresholding"),
]


@pytest.mark.parametrize(("name", "config", "solver", "process", "grid", "words"), REFUSALS, ids=named)
def test_another_recurrence_is_refused(
    name: str, config: dict[str, Any], solver: str, process: str, grid: Any, words: str
) -> None:
    run = run_of(solver, {}, process, grid, 0.5 if solver == "flow_ancestral" else None)
    with pytest.raises(UnsupportedError, match=words) as caught:
        apply_run(run, made(name, config, process))
    assert "\n" not in str(caught.value)
