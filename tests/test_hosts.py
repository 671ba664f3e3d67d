"""The real scheduler objects of diffusers, driven with a linear model, against our tables.

Selected by `pytest -m hosts` (needs the extra `hosts`); the default run leaves them out. No model weights are
needed: on Gaussian data the network is (z - alpha D)/noise with D linear, one eigenvalue per element of the state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from oracles import Replay
from problems import EXAMPLES

from diffopt.hosts.diffusers.host import FLOW, RATIO
from diffopt.processes.grid import Grid
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.loop import sample

pytestmark = [pytest.mark.hosts, pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")]

#: One eigenvalue per channel of a picture of one pixel, the shape schedulers expect.
EIG = np.geomspace(1e-3, 1e2, 6).reshape(1, 6, 1, 1)
START = np.array([1.0, -1.0, 0.5, 1.5, -0.7, 1.0]).reshape(1, 6, 1, 1)
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
#: Timesteps for schedulers that take a list: no regular spacing.
TIMESTEPS = [999, 850, 736, 645, 545, 455, 343, 233, 124, 24]


@dataclass(frozen=True)
class Case:
    """A scheduler, how its grid is set, and the solver that it should be."""

    solver: str
    scheduler: str
    options: dict[str, Any] = field(default_factory=dict)
    grid: dict[str, Any] = field(default_factory=lambda: {"num_inference_steps": 10})
    #: "vp": state z = x/sqrt(1 + sigma^2); "ve": state x; "alphas": vp with the grid read from alphas_cumprod.
    coordinates: str = "vp"
    step: dict[str, Any] = field(default_factory=dict)
    eta: float | None = None

    @property
    def label(self) -> str:
        extra = [f"{k}={v}" for k, v in {**self.options, **self.step, **self.grid}.items() if k != "timesteps" and k != "sigmas"]
        return f"{self.solver}-{self.scheduler}-{','.join(extra)}"


LIST = {"timesteps": TIMESTEPS}
SIGMAS = [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.0]
SDE = {"algorithm_type": "sde-dpmsolver++"}
CASES = [
    Case("euler", "EulerDiscreteScheduler", grid={"sigmas": SIGMAS}, coordinates="ve"),
    Case("euler", "DPMSolverMultistepScheduler", {"solver_order": 1}, LIST),
    Case("euler", "DDIMScheduler", {"clip_sample": False}, coordinates="alphas"),
    Case("ddim", "DDIMScheduler", {"clip_sample": False}, coordinates="alphas", step={"eta": 0.5}, eta=0.5),
    Case("ddim", "DDIMScheduler", {"clip_sample": False}, coordinates="alphas", step={"eta": 1.0}, eta=1.0),
    Case("ddpm", "DDPMScheduler", {"clip_sample": False}, coordinates="alphas"),
    Case("heun", "HeunDiscreteScheduler", {}, LIST, coordinates="ve"),
    Case("dpmpp_2m", "DPMSolverMultistepScheduler", {"solver_order": 2}, LIST),
    Case("dpmpp_2m", "DPMSolverMultistepScheduler", {"solver_order": 2}, {"num_inference_steps": 20}),
    Case("dpmpp_3m", "DPMSolverMultistepScheduler", {"solver_order": 3}, LIST),
    Case("dpmpp_3m", "DPMSolverMultistepScheduler", {"solver_order": 3}, {"num_inference_steps": 20}),
    Case("unipc", "UniPCMultistepScheduler", {"solver_order": 2, "solver_type": "bh2"}),
    Case("unipc", "UniPCMultistepScheduler", {"solver_order": 2, "solver_type": "bh2"}, {"num_inference_steps": 4}),
    Case("euler_ancestral", "EulerAncestralDiscreteScheduler", coordinates="ve"),
    Case("euler_ancestral", "DPMSolverMultistepScheduler", {"solver_order": 1, **SDE}, LIST),
    Case("dpmpp_2m_sde", "DPMSolverMultistepScheduler", {"solver_order": 2, **SDE}, LIST),
]

#: Solvers of the host `diffusers` that are driven in test_hosts_diffusers.py or test_hosts_solvers.py, and the one whose
#: churn its plan refuses (test_hosts_check.py): the scheduler reuses the output from before the noise. That all are driven is
#: tested in test_extending.py, where diffusers is not needed.
DRIVEN_ELSEWHERE = {*RATIO, *FLOW, "deis", "lms", "flow_ancestral", "edm_stochastic"}


class HostRun:
    """Drives a scheduler; the noise it draws comes from our list."""

    def __init__(self, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
        import diffusers
        import torch

        self.torch, self.case = torch, case
        cls = getattr(diffusers, case.scheduler)
        options = case.options if "Flow" in case.scheduler else {**BETAS, **case.options}
        self.scheduler = cls(**options)
        self.scheduler.set_timesteps(**case.grid)
        self.draws: list[np.ndarray] = []
        rng = np.random.default_rng(0)

        def noise(shape: Any, **_: Any) -> Any:
            self.draws.append(rng.standard_normal(tuple(shape)))
            return torch.from_numpy(self.draws[-1])

        module = __import__(cls.__module__, fromlist=["x"])
        if hasattr(module, "randn_tensor"):
            monkeypatch.setattr(module, "randn_tensor", noise)

    def sigmas(self) -> np.ndarray:
        """Distinct noise ratios that the scheduler visits."""
        if self.case.coordinates == "alphas":
            abar = self.scheduler.alphas_cumprod[self.scheduler.timesteps].double().numpy()
            return np.append(np.sqrt(1 / abar - 1), 0.0)
        values = self.scheduler.sigmas.double().numpy()
        return values[np.append(True, np.diff(values) != 0)]

    def final(self, start: np.ndarray) -> np.ndarray:
        """Run from x = start to sigma = 0."""
        sigma = float(self.sigmas()[0])
        ve = self.case.coordinates == "ve"
        state = self.torch.from_numpy(start if ve else start / np.sqrt(1 + sigma**2))
        for i, t in enumerate(self.scheduler.timesteps):
            self.scheduler.scale_model_input(state, t)
            level = self._level(i, ve)
            x = state.double().numpy() * (1 if ve else np.sqrt(1 + level**2))
            eps = (x - EIG / (EIG + level**2) * x) / level
            state = self.scheduler.step(self.torch.from_numpy(eps), t, state, **self.case.step).prev_sample.double()
        return state.numpy()

    def _level(self, i: int, ve: bool) -> float:
        if self.case.coordinates == "alphas":
            return float(self.sigmas()[i])
        return float(self.scheduler.sigmas[self.scheduler.step_index if ve else i])


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.label)
def test_scheduler_equals_our_table(case, monkeypatch):
    """Same grid, same start, same noise: equal to the float32 arithmetic inside the schedulers."""
    host = HostRun(case, monkeypatch)
    sigmas = host.sigmas()
    start = np.sqrt(EIG + sigmas[0] ** 2) * START
    wish = host.final(start)
    cls: Callable[..., Any] = SOLVERS[case.solver]
    solver = cls(clock="sigma") if SOLVERS[case.solver].uses_clock else cls()
    table = run_table(solver, Grid.create(EXAMPLES["ve"], sigmas), case.eta)
    steps = len(sigmas) - 1
    draws = [*host.draws, *[np.zeros_like(start)] * (steps - len(host.draws))]
    if table.stochastic:
        assert len(host.draws) >= steps - 1, "the scheduler drew no noise of ours"
    got = sample(table, lambda z, a, n: EIG / (EIG + n**2) * z, start, Replay([[d] for d in draws], table.sources))
    np.testing.assert_allclose(got / np.sqrt(EIG), wish / np.sqrt(EIG), rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("first", [1.0, 0.95])
def test_flow_match_euler_equals_euler_on_flow(first, monkeypatch):
    """Shift 1, from pure noise and from below; y' = y + (s' - s) v."""
    s = [first, 0.8, 0.62, 0.4, 0.2, 0.07]
    case = Case("euler", "FlowMatchEulerDiscreteScheduler", {"shift": 1.0}, {"sigmas": s})
    host = HostRun(case, monkeypatch)
    start = START.copy()
    levels = host.scheduler.sigmas.double().numpy()

    def denoise(z: np.ndarray, alpha: float, noise: float) -> np.ndarray:
        return alpha * EIG / (alpha**2 * EIG + noise**2) * z

    state = host.torch.from_numpy(start)
    for t, level in zip(host.scheduler.timesteps, levels, strict=False):
        y = state.double().numpy()
        velocity = (y - denoise(y, 1 - level, level)) / level
        state = host.scheduler.step(host.torch.from_numpy(velocity), t, state).prev_sample.double()
    with np.errstate(divide="ignore"):
        grid = Grid.create(EXAMPLES["flow"], levels / (1 - levels))
    for solver in (SOLVERS["euler"](), SOLVERS["euler"](clock="sigma")):
        got = sample(run_table(solver, grid), denoise, start)
        np.testing.assert_allclose(got, state.numpy(), rtol=2e-5, atol=1e-6)


def test_timesteps_of_the_table_process_are_the_hosts():
    """The index diffusers conditions on for given sigmas (float32, log-linear between levels)."""
    import diffusers

    scheduler = diffusers.EulerDiscreteScheduler(**BETAS)
    scheduler.set_timesteps(sigmas=SIGMAS)
    table = EXAMPLES["table"]
    ours = table.timesteps(np.array(SIGMAS[:-1]) * (1 - 1e-9))
    np.testing.assert_allclose(ours, np.minimum(scheduler.timesteps.numpy(), 999), atol=0.02)
    np.testing.assert_allclose(table.alphas_cumprod, scheduler.alphas_cumprod.double().numpy(), rtol=2e-5)
