"""Exports for deepinv and physicsnemo, executed on the real packages, against our tables."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from host_driving import EIG, Noise, executed, imported, start_of, stub, worst
from problems import EXAMPLES

from diffopt.hosts.answer import export_run
from diffopt.hosts.libraries import PhysicsNeMo
from diffopt.hosts.run import Run
from diffopt.solvers import SOLVERS

pytestmark = [pytest.mark.hosts, pytest.mark.quiet_floats, pytest.mark.filterwarnings("ignore")]

GRID = [80.0, 31.0, 14.6, 6.4, 2.7, 1.4, 0.65, 0.2, 0.04]
BOUND = 5e-5
CHURN = {"s_churn": 3.0, "s_tmin": 0.1, "s_tmax": 50.0, "s_noise": 1.01}


@pytest.mark.parametrize("name", ["euler", "heun"])
def test_deepinv_runs_our_table(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its times, its steps in log sigma; the network is called in single precision there."""
    import torch

    monkeypatch.setitem(sys.modules, "natsort", stub("natsort", natsorted=None))
    imported("deepinv", "sampling", monkeypatch)
    run = Run.create(EXAMPLES["ve"], GRID, SOLVERS[name](clock="logsnr"))
    answer = export_run(run, "deepinv")
    hosted, names = answer.plan.run, executed(str(answer.text))
    assert hosted is not None
    eig = torch.from_numpy(EIG)

    class Network(torch.nn.Module):
        def forward(self, x: Any, sigma: Any, **_: Any) -> Any:
            return eig / (eig + sigma**2) * x

    sde, solver = names.make(Network(), images=False)
    out = solver.sample(sde, torch.from_numpy(start_of(hosted)), get_trajectory=True)
    assert worst(hosted, list(out.trajectory.numpy()), []) < BOUND


@pytest.fixture
def physicsnemo(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Its samplers and its EDM scheduler; the package's own __init__ and its annotations need a dozen others."""

    class Annotation:
        def __class_getitem__(cls, _: Any) -> type:
            return cls

    legacy = "physicsnemo.diffusion.samplers.legacy_{}_sampler"
    modules = (
        stub("tensordict", TensorDict=Annotation), stub("jaxtyping", Float=Annotation),
        stub("physicsnemo.domain_parallel"), stub("physicsnemo.domain_parallel.shard_tensor", scatter_tensor=None),
        stub(legacy.format("deterministic"), deterministic_sampler=None),
        stub(legacy.format("stochastic"), stochastic_sampler=None),
    )  # fmt: skip
    for module in modules:
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return imported("physicsnemo", "diffusion.noise_schedulers", monkeypatch, keep_init=False)


@pytest.mark.parametrize("end", ["zero", "sigma_min"])
@pytest.mark.parametrize("name", PhysicsNeMo.samplers)
def test_physicsnemo_runs_our_table(name: str, end: str, physicsnemo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    options = CHURN if name == "edm_stochastic" else {}
    run = Run.create(EXAMPLES["ve"], [*GRID, 0.0] if end == "zero" else GRID, SOLVERS[name](**options))
    answer = export_run(run, "physicsnemo")
    hosted, names, noise = answer.plan.run, executed(str(answer.text)), Noise()
    assert hosted is not None
    eig, scheduler, seen = torch.from_numpy(EIG), physicsnemo.EDMNoiseScheduler(), []

    def clean(x: Any, t: Any) -> Any:
        return eig / (eig + t.reshape(-1, 1, 1, 1) ** 2) * x

    monkeypatch.setattr(torch, "randn_like", lambda x: noise(x.shape))
    start = torch.from_numpy(start_of(hosted) / GRID[0])
    seen = names.run(scheduler.get_denoiser(x0_predictor=clean), start, scheduler, time_eval=list(range(hosted.grid.steps)))
    assert worst(hosted, [start_of(hosted), *(x.numpy() for x in seen)], noise.draws) < BOUND
    if name == "edm_stochastic":
        assert len(noise.draws) == hosted.grid.steps
