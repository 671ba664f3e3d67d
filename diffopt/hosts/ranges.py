"""Grids whose range is not that of the models that a host's users mostly run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from diffopt.documents.grid_file import like_times
from diffopt.hosts.findings import Finding
from diffopt.processes.beta_rules import betas_of, cumulated

#: Hosts whose models are mostly Stable Diffusion's and its successors'.
SD_HOSTS = ("comfyui", "forge", "sd_cpp", "diffusers")
#: scheduler_config.json of SD 1.5 and SDXL (configs/): beta_schedule, beta_start, beta_end, num_train_timesteps.
SD_BETAS = ("scaled_linear", 0.00085, 0.012, 1000)
#: Share above the models' end that is rounding.
ROUNDED = 1.01


@lru_cache(maxsize=1)
def sd_ends() -> tuple[float, float]:
    """Largest and smallest noise ratio of SD and SDXL models, sqrt((1 - a)/a) of the last a and of the first."""
    last, first = cumulated(betas_of(*SD_BETAS))[[-1, 0]]
    return float(np.sqrt((1 - last) / last)), float(np.sqrt((1 - first) / first))


def sd_end() -> float:
    """The largest."""
    return sd_ends()[0]


def family(host: str, first: float, flow: bool | None = None) -> str:
    """Which models values that begin at `first` are for; `flow` None where nothing but the numbers tells."""
    if host not in SD_HOSTS:
        return ""
    high, low = sd_ends()
    if flow or (flow is None and like_times(first)):
        return f"s of flow models (SD3, Flux, Wan; 1 to 0); SD 1.5 and SDXL take sigma {high:.4f} to {low:.4f}"
    if high / ROUNDED <= first <= high * ROUNDED:
        return f"sigma of SD 1.5 and SDXL ({high:.4f} to {low:.4f}); flow models (SD3, Flux, Wan) take s from 1 to 0"
    return ""


def range_findings(process: str, top: float, host: str, variant: str | None, config: Mapping[str, Any]) -> list[Finding]:
    """A note where noise ratios begin far above those of SD models and nothing says that the model is another."""
    if process != "ve" or host not in SD_HOSTS or config or variant == "EDMEulerScheduler" or top <= sd_end() * ROUNDED:
        return []
    rule = f"{SD_BETAS[0]}:{','.join(f'{value:g}' for value in SD_BETAS[1:])}"
    message = (
        f"process ve to {top:g}: SD and SDXL models end at {sd_end():.3g} (--process table --betas {rule}), "
        "Flux and SD3 want --process flow; right only for an EDM-like model"
    )
    return [Finding("note", message)]
