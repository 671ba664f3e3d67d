"""Exports for k-diffusion, smalldiffusion and azula, executed on the real packages, against our tables."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from host_driving import (
    EIG,
    Noise,
    executed,
    imported,
    model_for_k_diffusion,
    our_nodes,
    our_states,
    start_of,
    worst,
)
from problems import EXAMPLES

from diffopt.hosts.answer import export_run
from diffopt.hosts.azula import Azula
from diffopt.hosts.libraries import SmallDiffusion
from diffopt.hosts.loops import K_DIFFUSION
from diffopt.hosts.run import Run
from diffopt.solvers import SOLVERS

pytestmark = [pytest.mark.hosts, pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")]

GRIDS = {
    "zero": [80.0, 31.0, 14.6, 6.4, 2.7, 1.4, 0.65, 0.2, 0.04, 0.0],
    "sigma_min": [80.0, 31.0, 14.6, 6.4, 2.7, 1.4, 0.65, 0.2, 0.04],
}
BOUND = 5e-5
CHURN = {"s_churn": 3.0, "s_tmin": 0.1, "s_tmax": 50.0, "s_noise": 1.01}


@pytest.fixture
def k_sampling(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The published loops; the package's own __init__ needs a dozen others."""
    return imported("k_diffusion", "sampling", monkeypatch, keep_init=False)


def k_states(
    module: Any, name: str, extra: dict[str, Any], run: Run, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[Any], list[Any]]:
    """States at every grid point, from the callback, and the noise drawn."""
    import torch

    noise, shape = Noise(), EIG.shape
    monkeypatch.setattr(torch, "randn_like", lambda x: noise(x.shape))
    sampler = {"noise_sampler": lambda *_: noise(shape)} if "eta" in extra else {}
    x, seen = torch.from_numpy(start_of(run)), []
    sigmas = torch.tensor(run.levels, dtype=torch.float32).double()
    last = getattr(module, f"sample_{name}")(
        model_for_k_diffusion(run), x, sigmas, disable=True, callback=lambda d: seen.append(d["x"].clone().numpy()),
        **extra, **sampler,
    )  # fmt: skip
    return [*seen, last.numpy()], noise.draws


@pytest.mark.parametrize("end", GRIDS)
@pytest.mark.parametrize("name", [n for n in K_DIFFUSION if n != "dpmpp_sde"])
def test_k_diffusion_runs_our_table(name: str, end: str, k_sampling: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    options = CHURN if name == "edm_stochastic" else {}
    eta = 0.7 if SOLVERS[name].eta_meaning and name != "ddpm" else None
    answer = export_run(Run.create(EXAMPLES["ve"], GRIDS[end], SOLVERS[name](**options), eta), "k-diffusion")
    assert answer.plan.run is not None
    from diffopt.hosts.snippets import options as keywords

    got, draws = k_states(k_sampling, answer.sampler, keywords(answer.plan), answer.plan.run, monkeypatch)
    hosted = answer.plan.run
    if name == "edm_stochastic":  # the callback sees the state after the noise, our first row of a step
        assert len(draws) == hosted.grid.steps
        nodes, level = our_nodes(hosted, draws), hosted.table.level
        places = [*range(1, len(nodes), 3), len(nodes) - 1]
        gaps = [np.abs(a - nodes[i]) / np.sqrt(EIG + level[i] ** 2) for a, i in zip(got, places, strict=True)]
        deviation = max(float(np.max(gap)) for gap in gaps)
    else:
        deviation = worst(hosted, got, draws)

    assert deviation < BOUND


def test_k_diffusion_dpmpp_sde_runs_our_table(k_sampling: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both noises of a step come from one Brownian path; here it is replayed with the correlation of eq. (20)."""
    import torch

    run = Run.create(EXAMPLES["ve"], GRIDS["zero"], SOLVERS["dpmpp_sde"](), 0.7)
    answer = export_run(run, "k_diffusion")
    hosted = answer.plan.run
    assert hosted is not None
    rng = np.random.default_rng(1)
    first, second = ([rng.standard_normal(EIG.shape) for _ in range(hosted.grid.steps)] for _ in range(2))
    levels, calls = hosted.levels, iter(range(2 * hosted.grid.steps))

    def brownian(a: Any, b: Any) -> Any:
        k, stage = divmod(next(calls), 2)
        if stage == 0:
            return torch.from_numpy(first[k])
        middle = np.sqrt(levels[k] * levels[k + 1])
        c = np.sqrt((levels[k] - middle) / (levels[k] - levels[k + 1]))
        return torch.from_numpy(c * first[k] + np.sqrt(1 - c**2) * second[k])

    x, seen = torch.from_numpy(start_of(hosted)), []
    last = k_sampling.sample_dpmpp_sde(
        model_for_k_diffusion(hosted), x, torch.tensor(levels), disable=True, noise_sampler=brownian, eta=0.7,
        callback=lambda d: seen.append(d["x"].clone().numpy()),
    )  # fmt: skip
    draws = [d for pair in zip(first, second, strict=True) for d in pair]
    assert worst(hosted, [*seen, last.numpy()], draws) < BOUND


def test_the_k_diffusion_file_runs(k_sampling: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exported text itself: it scales the noise by the first sigma and calls the function."""
    import torch

    run = Run.create(EXAMPLES["ve"], GRIDS["zero"], SOLVERS["heun"](), start="sigma")
    answer = export_run(run, "k_diffusion")
    names = executed(str(answer.text))
    noise = torch.from_numpy(np.ones(EIG.shape))
    monkeypatch.setattr(torch, "randn", lambda *_, **__: noise)
    out = names.sample(model_for_k_diffusion(run), EIG.shape, disable=True)
    assert answer.plan.run is not None
    wish = our_states(answer.plan.run, [])
    scale = wish[0] / (noise.numpy() * run.levels[0])
    np.testing.assert_allclose(out.numpy() * scale, wish[-1], rtol=1e-5)


@pytest.mark.parametrize("end", GRIDS)
@pytest.mark.parametrize("name", SmallDiffusion.samplers)
def test_smalldiffusion_runs_our_table(name: str, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    package = imported("smalldiffusion", "", monkeypatch)
    run = Run.create(EXAMPLES["ve"], GRIDS[end], SOLVERS[name]())
    answer = export_run(run, "smalldiffusion")
    assert answer.plan.run is not None
    hosted, noise = answer.plan.run, Noise()
    eig = torch.from_numpy(EIG)
    model = SimpleNamespace(
        eval=lambda: None, rand_input=lambda n: noise(EIG.shape),
        predict_eps_cfg=lambda x, sigma, *_: sigma / (eig + sigma**2) * x,
    )  # fmt: skip
    state = torch.from_numpy(start_of(hosted))
    names = executed(str(answer.text).replace("*_, x = samples(", "return samples("))
    seen = [value.numpy() for value in names.sample(model, xt=state, accelerator=SimpleNamespace(device="cpu"))]
    assert package.samples is names.samples
    deviation = worst(hosted, [state.numpy(), *seen], noise.draws)

    assert deviation < BOUND


@pytest.mark.parametrize("process", ["ve", "flow"])
@pytest.mark.parametrize("name", Azula.samplers)
def test_azula_runs_our_table(name: str, process: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    imported("azula", "sample", monkeypatch)
    grid = np.array(GRIDS["sigma_min" if name == "heun" else "zero"])
    clock = {"clock": "sigma"} if SOLVERS[name].uses_clock else {}
    eta = 0.6 if name in ("ddim", "euler_ancestral") else None
    run = Run.create(EXAMPLES[process], grid, SOLVERS[name](**clock), eta)
    answer = export_run(run, "azula")
    assert answer.plan.run is not None
    hosted, noise, names = answer.plan.run, Noise(), executed(str(answer.text))
    schedule = names.GridTime()
    eig = torch.from_numpy(EIG)

    class Denoiser:
        def __init__(self) -> None:
            self.schedule = schedule

        def __call__(self, x: Any, t: Any, **_: Any) -> Any:
            alpha, sigma = schedule(t)
            return SimpleNamespace(mean=alpha * eig / (alpha**2 * eig + sigma**2) * x)

    monkeypatch.setattr(torch, "randn_like", lambda x: noise(x.shape))
    sampler = names.make(Denoiser(), silent=True, dtype=torch.float64)
    state = torch.from_numpy(start_of(hosted))
    seen = [state.numpy()]
    for t, s in sampler.timesteps.unfold(0, 2, 1):
        state = sampler.step(state, t, s)
        seen.append(state.numpy())
    deviation = worst(hosted, seen, noise.draws)

    assert deviation < BOUND
