"""Programs that run fitted coefficients, against our table with a non-linear denoiser; and how they are exported."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from oracles import Mixture

import diffopt
from diffopt.errors import InputError, UnsupportedError
from diffopt.hosts.coefficients import DIFFUSERS, K_DIFFUSION, NUMPY
from diffopt.processes import VE, Flow
from diffopt.processes.grid import Grid
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.loop import sample

EIG = [9.0, 1.0, 0.2, 0.02]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A schedule file and the final states of our own table."""
    path = tmp_path_factory.mktemp("fitted") / "grid.json"
    result = diffopt.optimize(EIG, solver="fitted_3", steps=6, sigma_max=14.0, sigma_min=0.02)
    result.save(str(path))
    start = 14.0 * np.random.default_rng(0).normal(size=(20, 2))
    return str(path), start, ours(VE(), result.document, start)


def ours(process, document, start):
    rows = tuple(tuple(row) for row in document["coefficients"])
    sigmas = [np.inf if s is None else s for s in document["sigmas"]]
    table = run_table(SOLVERS[document["solver"]](coefficients=rows), Grid.create(process, sigmas))
    return sample(table, Mixture().denoise, start)


def program(text):
    names: dict = {}
    exec(text, names)
    return names


def test_numpy_loop(made):
    path, start, wish = made
    got = program(NUMPY)["sample"](lambda x, s: Mixture().denoise(x, 1.0, s), start, path)
    np.testing.assert_allclose(got, wish, rtol=1e-12, atol=1e-13)


def test_k_diffusion_function(made):
    torch = pytest.importorskip("torch")
    path, start, wish = made
    assert len(K_DIFFUSION.split("@torch")[1].strip().splitlines()) <= 20

    def model(x, sigma):
        return torch.from_numpy(Mixture().denoise(x.numpy(), 1.0, float(sigma[0])))

    with open(path) as file:
        sigmas = torch.tensor(json.load(file)["sigmas"], dtype=torch.float64)
    sampler = program(K_DIFFUSION)["sample_fitted"]
    got = sampler(model, torch.from_numpy(start), sigmas, path=path)
    np.testing.assert_allclose(got.numpy(), wish, rtol=1e-10, atol=1e-12)
    with pytest.raises(ValueError, match="is for the sigmas"):
        sampler(model, torch.from_numpy(start), sigmas * 1.1, path=path)


def test_k_diffusion_function_on_a_flow_model(tmp_path):
    """State z, levels s: what ComfyUI hands to a sampler of a flow model; from pure noise."""
    torch = pytest.importorskip("torch")
    path = tmp_path / "flow.json"
    result = diffopt.optimize(EIG, solver="fitted_2", steps=5, process="flow")
    result.save(str(path))
    start = np.random.default_rng(1).normal(size=(20, 2))

    def model(z, s):
        return torch.from_numpy(Mixture().denoise(z.numpy(), 1 - float(s[0]), float(s[0])))

    levels = torch.tensor(result.document["times"], dtype=torch.float64)
    got = program(K_DIFFUSION)["sample_fitted"](model, torch.from_numpy(start), levels, path=str(path))
    np.testing.assert_allclose(got.numpy(), ours(Flow(), result.document, start), rtol=1e-9, atol=1e-11)


@pytest.mark.hosts
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_diffusers_scheduler(made):
    torch = pytest.importorskip("torch")
    pytest.importorskip("diffusers")
    path, start, wish = made
    made_of = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
    scheduler = program(DIFFUSERS)["FittedScheduler"](**made_of).load(path)
    scheduler.set_timesteps(6)
    x = torch.from_numpy(start)
    for k, t in enumerate(scheduler.timesteps):
        scheduler.scale_model_input(x, t)
        sigma = float(scheduler.sigmas[k])
        eps = (x.numpy() - Mixture().denoise(x.numpy(), 1.0, sigma)) / sigma
        x = scheduler.step(torch.from_numpy(eps), t, x).prev_sample.double()
    np.testing.assert_allclose(x.numpy(), wish, rtol=1e-4, atol=2e-5)
    with pytest.raises(ValueError, match="for 6 steps"):
        scheduler.set_timesteps(7)


def test_other_solvers_have_none(tmp_path):
    path = tmp_path / "grid.json"
    diffopt.optimize(EIG, solver="heun", steps=4).save(str(path))
    with pytest.raises(UnsupportedError, match="no fitted coefficients"):
        diffopt.export(str(path), "coefficients")


def test_the_stated_error_is_that_of_the_coefficients_in_the_file(made):
    """Data that the coefficients were not fitted to: export says what `evaluate` of the file says there."""
    path, *_ = made
    other = [5.0, 5.0, 0.3]
    again = diffopt.evaluate(other, path)
    said = diffopt.export(path, "coefficients", spectrum=other).answer
    assert said.before["frechet"] == said.after["frechet"] == pytest.approx(again.errors["frechet"], rel=1e-9)
    assert said.lines()[0] == "coefficients runs fitted_3: fitted_3:even=true, 6 steps, start exact"


@pytest.mark.parametrize("verb", [diffopt.export, diffopt.check])
def test_coefficients_of_another_grid_are_not_exported(made, tmp_path, verb):
    document = json.loads(Path(made[0]).read_text())
    document["sigmas"][2] *= 1.05
    path = tmp_path / "moved.json"
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match="coefficients are for another grid: step 1"):
        verb(str(path), "coefficients")
    del document["coefficients"]
    path.write_text(json.dumps(document))
    with pytest.raises(UnsupportedError, match="holds no coefficients"):
        verb(str(path), "coefficients")


def test_programs_refuse_levels_that_they_cannot_run(tmp_path):
    path = tmp_path / "flow.json"
    diffopt.optimize(EIG, solver="fitted_2", steps=4, process="flow").save(str(path))
    for variant in ("numpy", "diffusers"):
        with pytest.raises(UnsupportedError, match="use coefficients:k_diffusion"):
            diffopt.export(str(path), f"coefficients:{variant}")
    assert "def sample_fitted" in diffopt.export(str(path), "coefficients:k_diffusion")
