"""Settings of a command: flags over a TOML file over defaults; the place where names become objects."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from diffopt.data.dataset import Dataset
from diffopt.errors import InputError
from diffopt.objectives import OBJECTIVES, Objective
from diffopt.objectives.problem import Problem
from diffopt.processes import PROCESSES, Process, TrainedLevels, VPLinear, alphas_from_betas
from diffopt.schedules import SCHEDULES, Schedule
from diffopt.solvers import SOLVERS, Solver


class Settings(BaseModel):
    """Every setting of the shared flags, under the flag's name with underscores."""

    model_config = ConfigDict(extra="forbid")

    spectrum: str | None = None
    key: str | None = None
    feature_space: bool = False
    solver: str = "euler"
    steps: int | str = 10
    process: str = "ve"
    beta_min: float = 0.1
    beta_max: float = 20.0
    alphas_cumprod: str | None = None
    betas: str | None = None
    sigma_max: float | None = None
    sigma_min: float | None = None
    t_max: float | None = None
    t_min: float | None = None
    end: str = "zero"
    start: str = "exact"
    schedule: str | None = None
    sigmas: str | None = None
    objective: str = "robust"
    free: str = "grid"
    eta: float | None = None
    clock: str | None = None
    s_churn: float | None = None
    s_tmin: float | None = None
    s_tmax: float | None = None
    s_noise: float | None = None
    format: Literal["json", "table", "csv", "markdown", "lines"] | None = None
    seed: int = 0
    quiet: bool = False


def load_settings(flags: dict[str, Any], config: Path | None) -> Settings:
    """Merge flags (None: not given) over a TOML file.

    Raises
    ------
    InputError
        Unreadable file, unknown key or wrong type, named in one line.
    """
    merged = {} if config is None else _read_toml(config)
    merged.update({k: v for k, v in flags.items() if v is not None})
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        where = f"{config}: " if config is not None and name not in {k for k, v in flags.items() if v is not None} else ""
        if first["type"] == "extra_forbidden":
            raise InputError(f"{where}unknown key {name!r}; known are {', '.join(Settings.model_fields)}") from None
        raise InputError(f"{where}{name} = {first['input']!r} is not allowed: {first['msg'].lower()}") from None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"config {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"config {path} is not valid TOML: {error}") from None
    return {key.replace("-", "_"): value for key, value in data.items()}


def pick(name: str, table: Mapping[str, Any], what: str) -> Any:
    """Entry of a table of names.

    Raises
    ------
    InputError
        Unknown name; the closest ones are offered.
    """
    if name in table:
        return table[name]
    import difflib

    close = difflib.get_close_matches(name, table, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(table)}"
    raise InputError(f"{what} {name!r} is unknown; {hint} (diffopt list {what}s)")


def make_process(settings: Settings) -> Process:
    """Process by name with its parameters."""
    cls = pick(settings.process, PROCESSES, "process")
    if (settings.alphas_cumprod or settings.betas) and settings.process != "table":
        raise InputError(f"--alphas-cumprod and --betas need --process table, got {settings.process!r}")
    if cls is VPLinear:
        return VPLinear(settings.beta_min, settings.beta_max)
    if cls is TrainedLevels:
        table = _alphas(settings)
        given = ("betas", settings.betas) if settings.betas else ("alphas_cumprod", str(settings.alphas_cumprod))
        return TrainedLevels(table, given)
    process: Process = cls()
    return process


def _alphas(settings: Settings) -> np.ndarray:
    if settings.betas and settings.alphas_cumprod:
        raise InputError("give --betas or --alphas-cumprod, not both")
    if settings.betas:
        return alphas_from_betas(settings.betas)
    if not settings.alphas_cumprod:
        raise InputError("process 'table' needs --alphas-cumprod FILE or --betas scaled_linear:0.00085,0.012,1000")
    from diffopt.documents.spectrum_file import load_numbers

    return load_numbers(settings.alphas_cumprod)


def make_solver(settings: Settings, name: str) -> Solver:
    """Solver by name with clock and churn numbers."""
    cls = pick(name, SOLVERS, "solver")
    options: dict[str, Any] = {} if settings.clock is None else {"clock": settings.clock}
    if settings.clock is not None and not cls.uses_clock:
        users = ", ".join(k for k, c in SOLVERS.items() if c.uses_clock)
        raise InputError(f"solver {name!r} has no clock; --clock is for {users}")
    for option in ("s_churn", "s_tmin", "s_tmax", "s_noise"):
        value = getattr(settings, option)
        if value is not None:
            if name != "edm_stochastic":
                raise InputError(f"--{option.replace('_', '-')} is for edm_stochastic, not for {name!r}")
            options[option] = value
    solver: Solver = cls(**options)
    return solver


def make_problem(settings: Settings, data: Dataset, solver: str, steps: int) -> Problem:
    """Problem of one solver and budget."""
    process = make_process(settings)
    high = _sigma(settings.sigma_max, settings.t_max, process, "max")
    low = _sigma(settings.sigma_min, settings.t_min, process, "min")
    if settings.end not in ("zero", "sigma_min"):
        raise InputError(f"end {settings.end!r} is unknown; use zero or sigma_min")
    if settings.start not in ("exact", "sigma", "unit"):
        raise InputError(f"start {settings.start!r} is unknown; use exact, sigma or unit")
    return Problem.create(
        data, process, make_solver(settings, solver), steps, high, low,
        settings.end, settings.start,  # type: ignore[arg-type]
    )  # fmt: skip


def _sigma(sigma: float | None, time: float | None, process: Process, side: str) -> float | None:
    """Noise ratio given as --sigma-max/min or as --t-max/min."""
    if time is None:
        return sigma
    if sigma is not None:
        raise InputError(f"give --sigma-{side} or --t-{side}, not both")
    if process.name == "ve":
        return time
    upper = process.log_sigma.size - 1 if isinstance(process, TrainedLevels) else 1.0
    if not 0 <= time <= upper:
        raise InputError(f"t-{side} must lie in [0, {upper:g}] for process {process.name!r}, got {time:g}")
    if time == process.start_time():
        return float("inf")
    return float(process.sigma(np.array([time]))[0])


def make_objective(name: str) -> Objective:
    """Objective by name."""
    objective: Objective = pick(name, OBJECTIVES, "objective")()
    return objective


def make_schedule(name: str) -> Schedule:
    """Schedule by name."""
    schedule: Schedule = pick(name, SCHEDULES, "schedule")()
    return schedule


def one(value: int | str, name: str) -> int:
    """A single number of steps.

    Raises
    ------
    InputError
        Not a positive whole number.
    """
    return many(value, name, single=True)[0]


def many(value: int | str, name: str, single: bool = False) -> list[int]:
    """Comma list of step counts.

    Raises
    ------
    InputError
        Not positive whole numbers, or several where one is expected.
    """
    parts = str(value).split(",")
    try:
        numbers = [int(part) for part in parts]
    except ValueError:
        raise InputError(f"{name} must be a whole number{'' if single else ' or a comma list'}, got {value!r}") from None
    if any(n < 1 or n > 100_000 for n in numbers):
        raise InputError(f"{name} must lie in 1..100000, got {value}")
    if single and len(numbers) > 1:
        raise InputError(f"{name} takes one number here, got {value!r}; comma lists are for compare-schedules")
    return numbers
