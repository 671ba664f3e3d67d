"""Loops of ComfyUI and stable-diffusion.cpp as they are written there; nothing here comes from diffopt.

Both call k-diffusion's loops with `sigmas` = s on flow models, where the state is y = (1 - s) x_0 + s n, and with
sigma on the others, where it is x = x_0 + sigma n (theory.md, section 28). `run` is the record of `oracles.Run`.
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


HOST_ORACLES: dict[str, Callable[[Any, Array], Array]] = {
    "comfy_dpmpp_2m": dpmpp_2m,
}
