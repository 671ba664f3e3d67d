"""The multistep and two-stage schedulers of diffusers, driven with a linear model, against our tables (`pytest -m hosts`)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from problems import EXAMPLES, make

from diffopt.processes.grid import Grid
from diffopt.solvers import run_table
from diffopt.solvers.loop import sample

pytestmark = [pytest.mark.hosts, pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")]

EIG = np.geomspace(1e-3, 1e2, 6).reshape(1, 6, 1, 1)
START = np.array([1.0, -1.0, 0.5, 1.5, -0.7, 1.0]).reshape(1, 6, 1, 1)
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
LEVELS = [14.6, 6.5, 3.9, 2.1, 1.4, 0.9, 0.4, 0.15, 0.05]
#: Agreement asked for, relative to the spread of the data in a direction.
ACCURACY = 5e-5


def eps(x: np.ndarray, sigma: float) -> np.ndarray:
    """(x - D)/sigma for Gaussian data."""
    return x * sigma / (EIG + sigma**2)


def compare(wish: np.ndarray, sigmas: Any, solver: Any, draws: list[np.ndarray] | None = None) -> None:
    """Our table from the same start with the same noise."""

    class Noise:
        def standard_normal(self, shape: Any) -> np.ndarray:
            del shape
            return draws.pop(0) if draws else np.zeros_like(START)

    grid = Grid.create(EXAMPLES["ve"], np.asarray(sigmas, float))
    start = np.sqrt(EIG + grid.sigmas[0] ** 2) * START
    got = sample(run_table(solver, grid), lambda z, a, n: EIG / (EIG + n**2) * z, start, Noise())
    np.testing.assert_allclose(got / np.sqrt(EIG), wish / np.sqrt(EIG), rtol=ACCURACY, atol=ACCURACY)


def in_sigma(scheduler: Any) -> np.ndarray:
    """Schedulers that keep x = x_0 + sigma n; the level of a stage is read off the scaling of the model's input."""
    import torch

    sigma = float(scheduler.sigmas[0])
    x = torch.from_numpy(np.sqrt(EIG + sigma**2) * START)
    for t in scheduler.timesteps:
        scale = float(scheduler.scale_model_input(torch.ones(1, dtype=torch.float64), t)[0])
        out = eps(x.double().numpy(), float(np.sqrt(scale**-2 - 1)))
        x = scheduler.step(torch.from_numpy(out), t, x).prev_sample.double()
    return x.numpy()


def in_vp(scheduler: Any, sigmas: list[float]) -> np.ndarray:
    """Schedulers that keep z = x/sqrt(1 + sigma^2), on levels that are put into them."""
    import torch

    scheduler.set_timesteps(len(sigmas) - 1)
    scheduler.sigmas = torch.tensor(sigmas, dtype=torch.float64)
    scheduler.set_begin_index(0)
    z = torch.from_numpy(np.sqrt(EIG + sigmas[0] ** 2) * START / np.sqrt(1 + sigmas[0] ** 2))
    for k, t in enumerate(scheduler.timesteps):
        x = z.double().numpy() * np.sqrt(1 + sigmas[k] ** 2)
        z = scheduler.step(torch.from_numpy(eps(x, sigmas[k])), t, z).prev_sample.double()
    return z.numpy() * np.sqrt(1 + sigmas[-1] ** 2)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("variant", ["bh1", "bh2"])
@pytest.mark.parametrize("count", [3, 5, 9])
def test_unipc(order, variant, count):
    """Orders 1 to 3; with bh1 the host divides by infinity on a step to 0, so that grid ends above it."""
    import diffusers

    sigmas = LEVELS[-count:] + ([0.0] if variant == "bh2" else [])
    scheduler = diffusers.UniPCMultistepScheduler(**BETAS, solver_order=order, solver_type=variant)
    compare(in_vp(scheduler, sigmas), sigmas, make("unipc", order=order, variant=variant))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_deis(order):
    """The host's polynomials are in log sigma, and its order falls at the end of short runs."""
    import diffusers

    scheduler = diffusers.DEISMultistepScheduler(**BETAS, solver_order=order)
    compare(in_vp(scheduler, LEVELS), LEVELS, make("deis", order=order, variant="logrho", lower_order_final=True))


@pytest.mark.parametrize("order", [2, 3])
def test_dpm_solver_that_ends_above_zero(order):
    import diffusers

    scheduler = diffusers.DPMSolverMultistepScheduler(**BETAS, solver_order=order)
    name = "dpmpp_2m" if order == 2 else "dpmpp_3m"
    compare(in_vp(scheduler, LEVELS), LEVELS, make(name, lower_order_final=True))


def test_ipndm():
    """Levels through `trained_betas`; the model's output is the velocity alpha eps - beta D; the last step keeps order 4."""
    import diffusers
    import torch

    sigmas = [*LEVELS, 0.0]
    beta = np.array(sigmas) / np.sqrt(1 + np.array(sigmas) ** 2)
    scheduler = diffusers.IPNDMScheduler(trained_betas=beta.tolist())
    scheduler.set_timesteps(len(sigmas) - 1)
    scheduler.set_begin_index(0)
    z = torch.from_numpy(np.sqrt(EIG + sigmas[0] ** 2) * START / np.sqrt(1 + sigmas[0] ** 2))
    for k, t in enumerate(scheduler.timesteps):
        alpha = 1 / np.sqrt(1 + sigmas[k] ** 2)
        noise = eps(z.double().numpy() / alpha, sigmas[k])
        clean = z.double().numpy() / alpha - sigmas[k] * noise
        z = scheduler.step(torch.from_numpy(alpha * noise - alpha * sigmas[k] * clean), t, z).prev_sample.double()
    compare(z.numpy(), sigmas, make("ipndm", "sigma", euler_at_final=False))


def test_lms():
    """The host integrates numerically to 1e-4 of a coefficient; measured, the end agrees to the accuracy asked for here."""
    import diffusers

    scheduler = diffusers.LMSDiscreteScheduler(**BETAS)
    scheduler.set_timesteps(10)
    compare(in_sigma(scheduler), scheduler.sigmas.double().numpy(), make("lms", "sigma"))


def test_dpm_2():
    import diffusers

    scheduler = diffusers.KDPM2DiscreteScheduler(**BETAS)
    scheduler.set_timesteps(10)
    sigmas = np.unique(scheduler.sigmas.double().numpy())[::-1]
    compare(in_sigma(scheduler), sigmas, make("dpm_2", "sigma"))


def test_dpm_2_ancestral(monkeypatch):
    import diffusers
    import torch
    from diffusers.schedulers import scheduling_k_dpm_2_ancestral_discrete as module

    rng, draws = np.random.default_rng(0), []

    def noise(shape: Any, **_: Any) -> Any:
        draws.append(rng.standard_normal(tuple(shape)))
        return torch.from_numpy(draws[-1])

    monkeypatch.setattr(module, "randn_tensor", noise)
    scheduler = diffusers.KDPM2AncestralDiscreteScheduler(**BETAS)
    scheduler.set_timesteps(10)
    sigmas = np.unique(scheduler.sigmas.double().numpy())[::-1]
    wish = in_sigma(scheduler)
    assert len(draws) >= 9
    compare(wish, sigmas, make("dpm_2_ancestral"), draws)


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_flow_ancestral(eta, monkeypatch):
    """LTXEulerAncestralRFScheduler: s in [0, 1], velocity in."""
    import diffusers
    import torch
    from diffusers.schedulers import scheduling_ltx_euler_ancestral_rf as module

    rng, draws = np.random.default_rng(0), []

    def noise(shape: Any, **_: Any) -> Any:
        draws.append(rng.standard_normal(tuple(shape)))
        return torch.from_numpy(draws[-1])

    monkeypatch.setattr(module, "randn_tensor", noise)
    s = [0.95, 0.8, 0.6, 0.35, 0.1, 0.0]
    scheduler = diffusers.LTXEulerAncestralRFScheduler(eta=eta)
    scheduler.set_timesteps(sigmas=s)
    ratio = np.array(s) / (1 - np.array(s))
    z = torch.from_numpy(np.sqrt(EIG + ratio[0] ** 2) * START * (1 - s[0]))
    for k, t in enumerate(scheduler.timesteps[: len(s) - 1]):
        x = z.double().numpy() / (1 - s[k])
        n = eps(x, float(ratio[k]))
        z = scheduler.step(torch.from_numpy(n - (x - ratio[k] * n)), t, z).prev_sample.double()
    table = run_table(make("flow_ancestral"), Grid.create(EXAMPLES["ve"], ratio), eta)

    class Noise:
        def standard_normal(self, shape: Any) -> np.ndarray:
            del shape
            return draws.pop(0) if draws else np.zeros_like(START)

    start = np.sqrt(EIG + ratio[0] ** 2) * START
    got = sample(table, lambda y, a, b: EIG / (EIG + b**2) * y, start, Noise())
    np.testing.assert_allclose(got / np.sqrt(EIG), z.numpy() / np.sqrt(EIG), rtol=ACCURACY, atol=ACCURACY)
