"""A grid set on a living scheduler of diffusers."""

from __future__ import annotations

import functools
from importlib import import_module
from typing import Any

import numpy as np

from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.hosts.diffusers.config import Config
from diffopt.hosts.diffusers.host import SCHEDULERS, Diffusers
from diffopt.hosts.diffusers.others import refusal
from diffopt.hosts.diffusers.scheduler import Scheduler, plan_recurrence
from diffopt.hosts.diffusers.snippet import set_levels
from diffopt.hosts.run import Run


def apply_run(run: Run, scheduler: Any) -> Any:
    """Make `scheduler.set_timesteps` set the grid of a run; returns the scheduler.

    Raises
    ------
    UnsupportedError
        A class that cannot run it, or one that is configured for another recurrence.
    """
    kind = _kind(scheduler)
    config = Config({**dict(scheduler.config), "_class_name": kind.name})
    plan = plan_recurrence(kind, Diffusers(), run, config, exported=False)
    wrong = next((f for f in plan.findings if f.altered), None)
    if wrong is not None:
        raise UnsupportedError(f"{wrong.message}; {wrong.repair or 'take diffopt export --to diffusers'}")
    original, levels = scheduler.set_timesteps, set_levels(kind, run)

    @functools.wraps(original)
    def set_timesteps(asked: Any = None, device: Any = None, *_: Any, **given: Any) -> None:
        del asked
        shift = {"mu": given["mu"]} if given.get("mu") is not None else {}
        original(run.grid.steps, device=device, **shift)
        _set(scheduler, levels, run.flow, kind.name, device)

    scheduler.set_timesteps = set_timesteps
    return scheduler


def _kind(scheduler: Any) -> Scheduler:
    """Entry of the scheduler's class or of a class it is made of."""
    for cls in type(scheduler).__mro__:
        if cls.__name__ in SCHEDULERS:
            return SCHEDULERS[cls.__name__]
    found = refusal(type(scheduler).__name__)
    raise UnsupportedError(f"{found.message}; {found.repair}")


def _set(scheduler: Any, levels: Array, flow: bool, name: str, device: Any) -> None:
    """Write sigmas and timesteps, and start at the first whatever the timesteps say."""
    torch: Any = import_module("torch")
    sigmas = torch.tensor(levels, dtype=torch.float32)
    count = scheduler.config.num_train_timesteps
    if flow:
        times = sigmas[:-1] * count
    elif name == "EDMEulerScheduler" or Config(scheduler.config).continuous:
        times = 0.25 * torch.log(sigmas[:-1])
    else:
        abar = scheduler.alphas_cumprod.double().numpy()
        index = np.interp(np.log(levels[:-1]), 0.5 * np.log((1 - abar) / abar), np.arange(abar.size))
        times = torch.tensor(index, dtype=torch.float32)
    if name == "HeunDiscreteScheduler":
        sigmas = torch.cat([sigmas[:1], sigmas[1:-1].repeat_interleave(2), sigmas[-1:]])
        times = torch.cat([times[:1], times[1:].repeat_interleave(2)])
    scheduler.sigmas, scheduler.timesteps = sigmas, times.to(device)
    scheduler.num_inference_steps = len(times)
    scheduler._step_index, scheduler._begin_index = None, 0
