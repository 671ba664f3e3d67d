"""Align Your Steps by name: the same table is another grid in each program (its last value and its length)."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.hosts.findings import Finding
from diffopt.hosts.run import Run
from diffopt.schedules.published.base import resampled
from diffopt.schedules.published.tables import AYSSD15, AYSSDXL, AYSSVD

#: Models that the hosts have tables of, and their 11 levels.
MODELS = {"Stable Diffusion 1.5": AYSSD15, "SDXL": AYSSDXL, "Stable Video Diffusion": AYSSVD}
#: Relative agreement by which a table is recognized: the programs print it to three or to ten digits.
CLOSE = 0.015


def last_overwritten(table: Array, steps: int) -> Array:
    """N + 1 resampled levels, the last of which gives way to 0: ComfyUI, stable-diffusion.cpp, diffusers (10 steps only)."""
    return np.append(np.exp(resampled(np.log(table), steps))[:-1], 0.0)


def zero_appended(table: Array, steps: int) -> Array:
    """N resampled levels and 0 behind the smallest: A1111 and Forge."""
    return np.append(np.exp(resampled(np.log(table), steps - 1)), 0.0)


def as_published(table: Array, steps: int) -> Array:
    """N + 1 resampled levels without a 0: the project page."""
    return np.exp(resampled(np.log(table), steps))


#: Host -> what it runs as "AYS" (project page for the others).
RULES = {
    "comfyui": last_overwritten, "sd_cpp": last_overwritten, "diffusers": last_overwritten, "forge": zero_appended,
}  # fmt: skip
TEXTS = {
    last_overwritten: "its last level overwritten by 0", zero_appended: "0 appended behind the last level",
    as_published: "all levels, without a 0",
}  # fmt: skip


def ays_findings(run: Run, host: str, title: str) -> list[Finding]:
    """A note where a grid is a table of Align Your Steps that the host runs otherwise under that name."""
    own, steps = RULES.get(host), run.grid.steps
    if run.flow or own is None or steps < 2 or (host == "diffusers" and steps != 10):
        return []
    for model, rule in MODELS.items():
        table = np.array(rule.tables[0])
        is_ = next((make for make in TEXTS if _same(run.grid.sigmas, make(table, steps))), None)
        if is_ is None:
            continue
        theirs = own(table, steps)
        if is_ is own:
            return []
        message = (
            f"these are the levels of Align Your Steps for {model} with {TEXTS[is_]}; AYS of {title} at {steps} steps has "
            f"{TEXTS[own]} and ends {', '.join(f'{v:.3g}' for v in theirs[-3:])}, not "
            f"{', '.join(f'{v:.3g}' for v in run.grid.sigmas[-3:])}"
        )
        return [Finding("note", message, "compare the two as lists of sigmas, not by the name")]
    return []


def _same(sigmas: Array, table: Array) -> bool:
    """Equal to the printed digits, with the same end."""
    return bool(np.all((sigmas == 0) == (table == 0)) and np.allclose(sigmas, table, rtol=CLOSE, atol=0))
