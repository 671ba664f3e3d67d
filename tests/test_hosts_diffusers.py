"""Exports for diffusers, executed and driven step by step through the real schedulers, against our tables.

Every step of every scheduler agrees with the table of the run that the export announces, to the single precision inside
the schedulers; stochastic ones path by path, with the noise that they drew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from host_driving import BETAS, drive_scheduler, executed, worst
from problems import EXAMPLES

from diffopt.hosts.answer import export_run
from diffopt.hosts.diffusers.host import FLOW, RATIO, SCHEDULERS
from diffopt.hosts.diffusers.others import REFUSED
from diffopt.hosts.run import Run
from diffopt.solvers import SOLVERS

pytestmark = [pytest.mark.hosts, pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")]

SIGMAS = [14.6, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.0]
LONG = [*np.geomspace(14.6, 0.05, 18), 0.0]
S = np.array([1.0, 0.93, 0.8, 0.62, 0.43, 0.25, 0.09, 0.0])
#: Deviation allowed at every step, in standard deviations of the marginal.
BOUND = 5e-5


@dataclass(frozen=True)
class Case:
    """A solver, how it is exported, the model's configuration."""

    solver: str
    to: str = "diffusers"
    flow: bool = False
    config: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    sigmas: Any = None
    process: str = "table"
    eta: float | None = None

    @property
    def label(self) -> str:
        kind = "flow" if self.flow else self.process
        extra = ",".join(f"{k}={v}" for k, v in self.config.items() if k != "_class_name")
        extra = ",".join(filter(None, [extra, *(f"{k}={v}" for k, v in self.options.items())]))
        return f"{self.solver}-{self.to.partition(':')[2] or 'call'}-{kind}-{extra}-{len(self.sigmas or SIGMAS)}"

    def run(self) -> Run:
        process = EXAMPLES["flow" if self.flow else self.process]
        with np.errstate(divide="ignore"):
            sigmas = S / (1 - S) if self.flow else self.sigmas or SIGMAS
        return Run.create(process, sigmas, SOLVERS[self.solver](**self.options), self.eta)


SNIPPET, EDM, KARRAS = "diffusers:snippet", "diffusers:EDMEulerScheduler", {"use_karras_sigmas": True}
SIGMA = {"clock": "sigma"}
CASES = [
    Case("euler"),
    Case("euler", config={"timestep_spacing": "leading", **KARRAS}),
    Case("euler", "diffusers:DPMSolverMultistepScheduler"),
    Case("euler", "diffusers:DPMSolverSinglestepScheduler"),
    Case("euler", EDM, process="ve", sigmas=[80.0, 30.0, 9.0, 3.0, 0.8, 0.2, 0.05, 0.0]),
    Case("euler", EDM, config={"sigma_schedule": "exponential"}, process="ve", sigmas=[80.0, 9.0, 0.8, 0.05, 0.0]),
    Case("heun"),
    Case("heun", SNIPPET),
    *[
        Case(name, to, sigmas=grid)
        for name in ("dpmpp_2m", "dpmpp_3m", "dpmpp_2m_sde") for to in ("diffusers", SNIPPET) for grid in (None, LONG)
    ],
    Case("dpmpp_2m", SNIPPET, sigmas=SIGMAS[:-1]),
    Case("unipc"),
    Case("unipc", sigmas=LONG),
    *[Case("unipc", options={"order": order}, sigmas=grid) for order in (1, 3) for grid in (None, LONG)],
    Case("dpmpp_2m", SNIPPET, options={"lower_order_final": True}, sigmas=SIGMAS[:-1]),
    Case("dpmpp_3m", SNIPPET, options={"lower_order_final": False}),
    Case("lms"),
    *[Case("deis", options={"order": order, "variant": "logrho"}, sigmas=SIGMAS[:-1]) for order in (1, 2, 3)],
    Case("dpm_2"),
    Case("dpm_2", sigmas=LONG),
    Case("dpm_2_ancestral"),
    Case("dpmpp_sde"),
    *[Case("dpmpp_2s_ancestral", eta=0.0, sigmas=grid) for grid in (None, LONG, SIGMAS[:-1])],
    *[Case(name, SNIPPET) for name in ("euler", "ddpm", "euler_ancestral", "unipc", "lms", "dpm_2")],
    *[Case(name, SNIPPET, flow=True) for name in ("euler", "flow_ancestral")],
    Case("deis", SNIPPET, options={"variant": "logrho"}, sigmas=SIGMAS[:-1]),
    Case("euler_ancestral"),
    Case("euler_ancestral", "diffusers:DPMSolverMultistepScheduler"),
    Case("ddpm"),
    Case("ddim", eta=1.0),
    Case("euler", flow=True),
    Case("euler", flow=True, options=SIGMA, config={"shift": 3.0}),
    Case("euler", flow=True, config={"use_dynamic_shifting": True, "mu": 0.9}),
    Case("euler", flow=True, config={"use_dynamic_shifting": True, "mu": 2.5, "time_shift_type": "linear"}),
    Case("euler", flow=True, config={"shift": 3.0, "shift_terminal": 0.1, **KARRAS}),
    Case("unipc", "diffusers:UniPCMultistepScheduler", flow=True, config={"flow_shift": 5.0}),
    Case("unipc", "diffusers:UniPCMultistepScheduler", flow=True),
    *[Case("unipc", flow=True, options={"order": order}) for order in (1, 2)],
    Case("flow_ancestral", flow=True),
    Case("flow_ancestral", flow=True, eta=0.5),
    *[Case(name, flow=True) for name in ("dpmpp_2m", "dpmpp_3m", "dpmpp_2m_sde", "euler_ancestral", "ddpm")],
]


def prepared(case: Case, text: str) -> Any:
    """The scheduler after the exported file and the pipeline's call of set_timesteps."""
    import diffusers

    names = executed(text)
    config = {k: v for k, v in case.config.items() if k != "mu"}
    base = {} if case.flow or case.process == "ve" else BETAS
    if case.flow or "sigma_schedule" in config:
        first = SimpleNamespace(config={**({} if case.flow else {"sigma_data": 0.5}), **config})
    else:
        first = diffusers.EulerDiscreteScheduler(**base, **config)
    pipe = SimpleNamespace(scheduler=first)
    arguments = names.prepare(pipe)
    if "mu" in case.config:
        arguments = {**arguments, "mu": case.config["mu"]}
    pipe.scheduler.set_timesteps(**arguments)
    return pipe.scheduler


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.label)
def test_every_step_of_an_exported_grid_is_our_table(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Single-step order 2 by eq. (244)."""
    answer = export_run(case.run(), case.to, case.config)
    assert answer.plan.run is not None
    scheduler = prepared(case, str(answer.text))
    hosted = answer.plan.run
    got, draws = drive_scheduler(scheduler, hosted, monkeypatch)
    if hosted.table.stochastic:
        assert len(draws) >= hosted.grid.steps - 1, "the scheduler drew no noise of ours"
    # UniPC's states are predictions; the correction of a step comes with the next one.
    deviation = worst(hosted, got, draws, 0 if case.solver == "unipc" else -1)

    assert deviation < BOUND
    if not case.flow and hasattr(scheduler, "sigmas"):
        mine = hosted.levels
        visited = scheduler.sigmas.double().numpy()
        visited = visited[np.append(True, np.diff(visited) != 0)]
        if visited.size > mine.size:  # with the stages of single-step order 2 between
            visited = np.append(visited[:-1:2], visited[-1])
        np.testing.assert_allclose(visited, mine, rtol=5e-6)  # cumprod in single precision inside the schedulers


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.label)
def test_a_pipe_of_the_other_family_is_refused_by_the_exported_file(case: Case) -> None:
    import diffusers

    prepare = executed(str(export_run(case.run(), case.to, case.config).text)).prepare
    flows = [
        diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0), diffusers.FlowMatchHeunDiscreteScheduler(),
        diffusers.UniPCMultistepScheduler(use_flow_sigmas=True, prediction_type="flow_prediction"),
    ]  # fmt: skip
    betas = [diffusers.EulerDiscreteScheduler(**BETAS), diffusers.UniPCMultistepScheduler(**BETAS)]
    others = [*betas, diffusers.EDMEulerScheduler()]
    for scheduler in others if case.flow else flows:
        with pytest.raises(ValueError, match="this grid "):
            prepare(SimpleNamespace(scheduler=scheduler))


#: Schedulers that exports are promised for, with the orders that have a scheme here.
PROMISED = {
    "EulerDiscreteScheduler": [{}],
    "DPMSolverMultistepScheduler": [{"solver_order": k} for k in (1, 2, 3)],
    "DPMSolverSinglestepScheduler": [{"solver_order": k} for k in (1, 2)],
    "HeunDiscreteScheduler": [{}],
    "UniPCMultistepScheduler": [{"solver_order": k} for k in (1, 2, 3)],
    "FlowMatchEulerDiscreteScheduler": [{}],
    "EDMEulerScheduler": [{"sigma_schedule": "karras"}],
    "DDPMScheduler": [{"variance_type": "fixed_small"}],
    "DEISMultistepScheduler": [{"solver_order": k} for k in (1, 2, 3)],
}


@pytest.fixture(scope="module")
def exported() -> list[tuple[Case, Any, dict[str, Any]]]:
    """Every case with its export and the options that it writes."""
    answers = [(case, export_run(case.run(), case.to, case.config)) for case in CASES]
    return [(case, answer, executed(str(answer.text)).OPTIONS) for case, answer in answers]


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler_is_driven_in_every_order(name: str, exported: Any) -> None:
    mine = [options for _, answer, options in exported if answer.sampler == name]
    for wanted in PROMISED.get(name, [{}]):
        assert any(wanted.items() <= options.items() for options in mine), f"{name} with {wanted} is not driven"


@pytest.mark.parametrize(("flow", "table"), [(False, RATIO), (True, FLOW)])
def test_every_solver_is_driven_by_call_and_by_subclass(flow: bool, table: dict[str, str], exported: Any) -> None:
    """A scheduler without a grid input is driven by the subclass alone."""
    for name, scheduler in table.items():
        if name in ("edm_stochastic", "ddim") or (name, flow) == ("flow_ancestral", False):
            continue  # refused, or another name of a case
        mine = [answer for case, answer, _ in exported if (case.solver, case.flow) == (name, flow)]
        forms = {"class ExactGrid" in str(answer.text) for answer in mine}
        assert forms, f"{name} is not driven"
        if SCHEDULERS[scheduler].native and name not in ("unipc", "dpmpp_2s_ancestral") and (not flow or "DPM" not in scheduler):
            assert forms == {True, False}, f"{name} is driven in {forms}"


def test_every_scheduler_of_diffusers_is_known() -> None:
    import diffusers

    public = {name for name in dir(diffusers) if name.endswith("Scheduler") and not name.startswith("Flax")}
    assert public - set(SCHEDULERS) - set(REFUSED) == set()
    assert not set(SCHEDULERS) & set(REFUSED)
