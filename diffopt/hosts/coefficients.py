"""Programs that run coefficients fitted to a spectrum: they read the schedule file itself."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from diffopt.errors import UnsupportedError
from diffopt.hosts.base import Host, HostQuery
from diffopt.hosts.findings import HostPlan
from diffopt.hosts.run import Run
from diffopt.solvers.methods.fitted import Fitted

NUMPY = '''import json


def sample(denoise, x, path):
    """x' = (sigma'/sigma) x + sum_j c_kj D_(k-j); denoise(x, sigma) -> x_0, x = x_0 + sigma n at the first sigma."""
    with open(path) as file:
        grid = json.load(file)
    sigmas, outputs = grid["sigmas"], []
    for k, row in enumerate(grid["coefficients"]):
        outputs.insert(0, denoise(x, sigmas[k]))
        x = sigmas[k + 1] / sigmas[k] * x + sum(c * d for c, d in zip(row, outputs))
    return x
'''

K_DIFFUSION = '''import json

import torch


@torch.no_grad()
def sample_fitted(model, x, sigmas, extra_args=None, callback=None, disable=None, path="grid.json"):
    with open(path) as file:
        grid, outputs = json.load(file), []
    flow = grid["process"]["name"] == "flow"
    levels = torch.tensor(grid["times"] if flow else grid["sigmas"], dtype=torch.float64)
    if len(sigmas) != len(levels) or not torch.allclose(sigmas.double().cpu(), levels, rtol=1e-4, atol=1e-6):
        raise ValueError(f"{path} is for the sigmas {levels.tolist()}")
    for k, row in enumerate(grid["coefficients"]):
        outputs.insert(0, model(x, sigmas[k] * x.new_ones([x.shape[0]]), **(extra_args or {})))
        if callback is not None:
            callback({"x": x, "i": k, "sigma": sigmas[k], "sigma_hat": sigmas[k], "denoised": outputs[0]})
        alpha = 1 - float(levels[k + 1]) if flow else 1.0
        x = float(levels[k + 1] / levels[k]) * x + sum(alpha * c * d for c, d in zip(row, outputs))
    return x
'''

DIFFUSERS = '''import json

from diffusers import EulerDiscreteScheduler


class FittedScheduler(EulerDiscreteScheduler):
    """Coefficients of a schedule file: FittedScheduler.from_config(pipe.scheduler.config).load("grid.json")."""

    def load(self, path):
        with open(path) as file:
            self.grid = json.load(file)
        if self.grid["sigmas"][-1] != 0 or self.grid["process"]["name"] == "flow":
            raise ValueError(f"{path}: needs a grid of noise ratios that ends at 0")
        return self

    def set_timesteps(self, num_inference_steps=None, device=None, **kwargs):
        steps = len(self.grid["coefficients"])
        if num_inference_steps not in (None, steps):
            raise ValueError(f"the coefficients are for {steps} steps, not for {num_inference_steps}")
        super().set_timesteps(sigmas=self.grid["sigmas"], device=device)
        self.outputs = []

    def step(self, model_output, timestep, sample, return_dict=True, **kwargs):
        result = super().step(model_output, timestep, sample, return_dict=True)
        k, sigmas = self.step_index - 1, self.grid["sigmas"]
        self.outputs.insert(0, result.pred_original_sample)
        row = self.grid["coefficients"][k]
        result.prev_sample = sigmas[k + 1] / sigmas[k] * sample + sum(c * d for c, d in zip(row, self.outputs))
        return result if return_dict else (result.prev_sample,)
'''

PROGRAMS = {"numpy": NUMPY, "k_diffusion": K_DIFFUSION, "diffusers": DIFFUSERS}


class Coefficients(Host):
    """A program that reads the schedule file and runs its coefficients."""

    name = "coefficients"
    title = "fitted coefficients"
    samplers: ClassVar = {}
    start = "exact"
    suffix = ".py"
    variants: ClassVar = {
        "numpy": "a loop for any denoiser", "k_diffusion": "a sampler function of k-diffusion and ComfyUI",
        "diffusers": "a scheduler class",
    }  # fmt: skip

    def plan(self, run: Run, target: HostQuery) -> HostPlan:
        """The run as it is.

        Raises
        ------
        UnsupportedError
            The solver has no coefficients of its own, the file lacks them, or the program cannot run its levels.
        """
        if not isinstance(run.solver, Fitted):
            raise UnsupportedError(f"solver {run.solver.name!r} has no fitted coefficients; optimize with --solver fitted_3")
        if run.solver.coefficients is None:
            raise UnsupportedError(f"the file holds no coefficients of {run.solver.name!r}; write it with diffopt optimize -o")
        variant = target.variant or "numpy"
        if variant == "numpy" and not np.isfinite(run.grid.sigmas[0]):
            raise UnsupportedError("the numpy loop cannot start at pure noise; use coefficients:k_diffusion")
        if variant == "diffusers" and (run.flow or run.grid.sigmas[-1] != 0):
            raise UnsupportedError("the scheduler class needs noise ratios that end at 0; use coefficients:k_diffusion")
        return HostPlan(run.solver.name, run)

    def write(self, run: Run, plan: HostPlan, target: HostQuery) -> str:
        """The program; it reads the numbers from the file that was exported."""
        return PROGRAMS[target.variant or "numpy"]

    def statement(self, run: Run, plan: HostPlan, target: HostQuery) -> list[str]:
        """Where the numbers are."""
        return ["the program reads sigmas and coefficients from the schedule file: keep it beside"]
