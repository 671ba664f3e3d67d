"""Loops of ComfyUI and stable-diffusion.cpp as they are written there; nothing here comes from diffopt.

Both call k-diffusion's loops with `sigmas` = s on flow models, where the state is y = (1 - s) x_0 + s n, and with
sigma on the others, where it is x = x_0 + sigma n (theory.md, section 50). `run` is the record of `oracles.Run`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray


class Host:
    """The model as the host's loop sees it: its own sigmas and denoiser."""

    def __init__(self, run: Any) -> None:
        self.run = run
        self.flow = abs(run.facts.alpha(0.25) - 0.75) < 1e-12 and abs(run.facts.noise(0.25) - 0.25) < 1e-12
        self.sigmas = [self.own(s) for s in run.sigmas]

    def own(self, sigma: float) -> float:
        if not self.flow:
            return sigma
        return 1.0 if math.isinf(sigma) else sigma / (1 + sigma)

    def enter(self, x: Array) -> Array:
        return x * (1 - self.sigmas[0]) if self.flow else x

    def leave(self, y: Array) -> Array:
        return y / (1 - self.sigmas[-1]) if self.flow else y

    def __call__(self, y: Array, sigma: float) -> Array:
        return self.run.target.denoise(y, 1 - sigma if self.flow else 1.0, sigma)


def dpmpp_2m(run: Any, x: Array) -> Array:
    """sample_dpmpp_2m: t_fn = -log(sigma), whatever sigma is."""
    model = Host(run)
    x, sigmas, old = model.enter(x), model.sigmas, None
    for i in range(len(sigmas) - 1):
        denoised = model(x, sigmas[i])
        t = -math.log(sigmas[i])
        t_next = math.inf if sigmas[i + 1] == 0 else -math.log(sigmas[i + 1])
        h = t_next - t
        if old is None or sigmas[i + 1] == 0:
            x = (sigmas[i + 1] / sigmas[i]) * x - math.expm1(-h) * denoised
        else:
            r = (t + math.log(sigmas[i - 1])) / h
            mixed = (1 + 1 / (2 * r)) * denoised - (1 / (2 * r)) * old
            x = (sigmas[i + 1] / sigmas[i]) * x - math.expm1(-h) * mixed
        old = denoised
    return model.leave(x)


def euler_ancestral(run: Any, x: Array) -> Array:
    """sample_euler_ancestral, and sample_euler_ancestral_RF on flow models."""
    model = Host(run)
    x, sigmas = model.enter(x), model.sigmas
    for i in range(len(sigmas) - 1):
        now, after, eta = sigmas[i], sigmas[i + 1], run.eta[i]
        denoised = model(x, now)
        if not model.flow:
            up = min(after, eta * math.sqrt(after**2 * (now**2 - after**2) / now**2))
            down = math.sqrt(after**2 - up**2)
            x = x + (x - denoised) / now * (down - now)
            if after > 0:
                x = x + run.noises[i][0] * up
            continue
        if after == 0:
            x = denoised
            continue
        down = after * (1 + (after / now - 1) * eta)
        alpha, alpha_down = 1 - after, 1 - down
        renoise = math.sqrt(max(0.0, after**2 - down**2 * alpha**2 / alpha_down**2))
        x = (down / now) * x + (1 - down / now) * denoised
        if eta > 0:
            x = (alpha / alpha_down) * x + run.noises[i][0] * renoise
    return model.leave(x)


def dpm_2(run: Any, x: Array) -> Array:
    """sample_dpm_2."""
    model = Host(run)
    x, sigmas = model.enter(x), model.sigmas
    for i in range(len(sigmas) - 1):
        now, after = sigmas[i], sigmas[i + 1]
        d = (x - model(x, now)) / now
        if after == 0:
            x = x + d * (after - now)
            continue
        middle = math.exp((math.log(now) + math.log(after)) / 2)
        x_2 = x + d * (middle - now)
        d_2 = (x_2 - model(x_2, middle)) / middle
        x = x + d_2 * (after - now)
    return model.leave(x)


HOST_ORACLES: dict[str, Callable[[Any, Array], Array]] = {
    "comfy_dpmpp_2m": dpmpp_2m,
    "comfy_euler_ancestral": euler_ancestral,
    "comfy_dpm_2": dpm_2,
}
