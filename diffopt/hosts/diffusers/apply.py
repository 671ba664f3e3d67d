"""A grid set on a living scheduler of diffusers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.hosts.diffusers.config import Config
from diffopt.hosts.diffusers.host import SCHEDULERS, Diffusers
from diffopt.hosts.diffusers.others import refusal
from diffopt.hosts.diffusers.scheduler import Scheduler, plan_recurrence
from diffopt.hosts.diffusers.stages import Staged
from diffopt.hosts.run import Run


def apply_run(run: Run, scheduler: Any) -> Any:
    """Make `scheduler.set_timesteps` set the grid of a run; returns the scheduler.

    Raises
    ------
    UnsupportedError
        A class that cannot run it, or one that is configured for another recurrence.
    """
    kind = _kind(scheduler)
    if run.process.name not in kind.processes:
        raise UnsupportedError(f"{kind.name} does not run {run.process.name!r} models, only {', '.join(kind.processes)}")
    if kind.refused(run):
        raise UnsupportedError(f"{kind.name}: {kind.refused(run)}")
    config = Config({**dict(scheduler.config), "_class_name": kind.name})
    plan = plan_recurrence(kind, Diffusers(), run, config, exported=False)
    wrong = next((f for f in plan.findings if f.altered), None)
    if wrong is not None:
        raise UnsupportedError(f"{wrong.message}; {wrong.repair or 'take diffopt export --to diffusers'}")
    original = scheduler.set_timesteps
    put = _setter(scheduler, kind, run, original)

    @functools.wraps(original)
    def set_timesteps(asked: Any = None, device: Any = None, *_: Any, **given: Any) -> None:
        del asked
        put(device, {"mu": given["mu"]} if given.get("mu") is not None else {})

    scheduler.set_timesteps = set_timesteps
    return scheduler


def _setter(scheduler: Any, kind: Scheduler, run: Run, original: Any) -> Callable[[Any, dict[str, Any]], None]:
    """What sets the grid for a device and the pipeline's own arguments."""
    levels = kind.placed(run)
    if kind.name == "DDPMScheduler":
        index = _whole(scheduler, run)
        return lambda device, _: original(timesteps=index, device=device)
    if isinstance(kind, Staged):
        scheduler.register_to_config(**kind.options(run))
        scheduler._convert_to_exponential = lambda *_, **__: levels[:-1].copy()

        def staged(device: Any, _: dict[str, Any]) -> None:
            original(levels.size - 1, device=device)
            scheduler._begin_index = 0

        return staged
    if "final_sigmas_type" in scheduler.config:
        scheduler.register_to_config(final_sigmas_type="zero" if levels[-1] == 0 else "sigma_min")

    def exact(device: Any, shift: dict[str, Any]) -> None:
        original(levels.size - 1, device=device, **shift)
        _set(scheduler, levels, run.flow, kind, device)

    return exact


def _whole(scheduler: Any, run: Run) -> list[int]:
    """Whole timesteps of a grid that stands on them."""
    abar = scheduler.alphas_cumprod.double().numpy()
    index = np.interp(np.log(run.levels[:-1]), 0.5 * np.log((1 - abar) / abar), np.arange(abar.size))
    if np.any(np.abs(index - np.round(index)) > 1e-2) or run.levels[-1] != 0:
        raise UnsupportedError("DDPMScheduler takes whole timesteps and ends at 0; optimize with --timesteps integer --end zero")
    return [int(i) for i in np.round(index)]


def _kind(scheduler: Any) -> Scheduler:
    """Entry of the scheduler's class or of a class it is made of."""
    for cls in type(scheduler).__mro__:
        if cls.__name__ in SCHEDULERS:
            return SCHEDULERS[cls.__name__]
    found = refusal(type(scheduler).__name__)
    raise UnsupportedError(f"{found.message}; {found.repair}")


def _set(scheduler: Any, levels: Array, flow: bool, kind: Scheduler, device: Any) -> None:
    """Write sigmas and timesteps, and start at the first whatever the timesteps say."""
    torch: Any = import_module("torch")
    sigmas = torch.tensor(levels, dtype=torch.float32)
    count = scheduler.config.num_train_timesteps
    if flow:
        times = sigmas[:-1] * count
    elif kind.name == "EDMEulerScheduler" or Config(scheduler.config).continuous:
        times = 0.25 * torch.log(sigmas[:-1])
    else:
        abar = scheduler.alphas_cumprod.double().numpy()
        index = np.interp(np.log(levels[:-1]), 0.5 * np.log((1 - abar) / abar), np.arange(abar.size))
        times = torch.tensor(index, dtype=torch.float32)
    if kind.twice:
        sigmas = torch.cat([sigmas[:1], sigmas[1:-1].repeat_interleave(2), sigmas[-1:]])
        times = torch.cat([times[:1], times[1:].repeat_interleave(2)])
    scheduler.sigmas, scheduler.timesteps = sigmas, times.to(device)
    scheduler.num_inference_steps = len(times)
    scheduler._step_index, scheduler._begin_index = None, 0
