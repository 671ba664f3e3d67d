"""Settings of a run under the names of the flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from diffopt.documents.model_shift import model_shift
from diffopt.documents.options import option_list
from diffopt.documents.values import number, one
from diffopt.errors import InputError

#: Flags that are options of a solver or a process under a name of their own.
OPTION_FLAGS = ("s_churn", "s_tmin", "s_tmax", "s_noise", "beta_min", "beta_max")


@dataclass(frozen=True)
class Settings:
    """What is asked; None is the default of the process, solver or schedule it belongs to.

    Attributes
    ----------
    solver, process, schedule, objective : str or object
        Names, with options as in `karras:rho=5`, or objects; a process of None is `chosen.PROCESS`, or what a config says.
    steps : int
        Number of solver steps N.
    options : mapping
        Options of solver, schedule and process by the name of their field.
    sigma_max, sigma_min, t_max, t_min : float or None
        Range, as noise ratios or as times of the process.
    """

    solver: Any = "euler"
    steps: int = 10
    eta: Any = None
    clock: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    process: Any = None
    alphas_cumprod: Any = None
    betas: str | None = None
    scheduler_config: Any = None
    sigma_max: float | None = None
    sigma_min: float | None = None
    t_max: float | None = None
    t_min: float | None = None
    end: str = "zero"
    start: str = "exact"
    schedule: Any = None
    objective: Any = "robust"
    free: Any = "grid"
    score_error: Any = None

    @classmethod
    def create(cls, **given: Any) -> Settings:
        """Settings of those that are not None, each of its kind.

        Raises
        ------
        InputError
            A value of the wrong kind, named.
        """
        values = {k: v for k, v in given.items() if v is not None}
        options = option_list(values.pop("options", None))
        for name in OPTION_FLAGS:
            if name in values:
                if name in options:
                    raise InputError(f"{name} is given as a flag and as an option; give it once")
                options[name] = number(values.pop(name), name)
        if "shift" in values:
            options |= model_shift(values.pop("shift"))
        for name in ("sigma_max", "sigma_min", "t_max", "t_min"):
            if name in values:
                values[name] = number(values[name], name)
        if "steps" in values:
            values["steps"] = one(values["steps"], "steps")
        return cls(**values, options=options)

    def replace(self, **changes: Any) -> Settings:
        """Other values for some of them."""
        return Settings(**{f.name: changes.get(f.name, getattr(self, f.name)) for f in fields(self)})
