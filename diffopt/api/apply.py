"""A grid in a program that is running: a scheduler of diffusers, a tensor for a sampling loop."""

from __future__ import annotations

from importlib import import_module
from typing import Any, TypeVar

from diffopt.api.hosting import run_of, the_grid
from diffopt.api.likes import GridLike
from diffopt.api.speech import said_in_python
from diffopt.errors import UnsupportedError
from diffopt.hosts.diffusers.apply import apply_run

S = TypeVar("S")


@said_in_python
def apply(schedule: GridLike, scheduler: S) -> S:
    """Make a scheduler of diffusers run a grid, whatever number of steps its pipeline asks for.

    Parameters
    ----------
    schedule : path, result or array
        A grid.
    scheduler : object
        `pipe.scheduler`; its `set_timesteps` is replaced on this object alone.

    Raises
    ------
    UnsupportedError
        The scheduler runs another recurrence than the grid was made for.
    """
    applied: S = apply_run(run_of(the_grid(schedule)), scheduler)
    return applied


@said_in_python
def sigmas_tensor(schedule: GridLike, device: object = None) -> Any:
    """Levels (N + 1,) as a torch tensor in single precision: noise ratios, s on flow models.

    Raises
    ------
    UnsupportedError
        torch is not installed, or has no such device here.
    """
    try:
        torch: Any = import_module("torch")
    except ModuleNotFoundError:
        raise UnsupportedError("sigmas_tensor needs torch: pip install torch; .sigmas is a numpy array") from None
    levels = torch.tensor(run_of(the_grid(schedule)).levels, dtype=torch.float32)
    try:
        return levels if device is None else levels.to(device)
    except (AssertionError, RuntimeError, TypeError):
        raise UnsupportedError(f"torch has no device {str(device)[:40]!r} here; leave it out for the cpu") from None
