"""Grids that a user gives: schedule files and comma lists."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from diffopt.documents.schemas import GridDocument
from diffopt.errors import InputError

if TYPE_CHECKING:
    from diffopt.documents.settings import Settings
    from diffopt.objectives.problem import Problem


@dataclass(frozen=True)
class GridFile:
    """A schedule file: the grid and the sampler it was made for."""

    path: str
    document: GridDocument

    @property
    def sigmas(self) -> list[float]:
        """Noise ratios; a leading null is pure noise."""
        return [math.inf if s is None else s for s in self.document.sigmas]

    def fill(self, settings: Settings, given: set[str]) -> Settings:
        """Settings with what the file says wherever no flag or config key does."""
        said: dict[str, Any] = {k: getattr(self.document, k) for k in ("solver", "clock", "start", "end")}
        said |= self.document.solver_options
        process = self.document.process or {}
        said |= {key: process.get(key) for key in ("beta_min", "beta_max", "betas", "alphas_cumprod")}
        said["process"] = process.get("name")
        if "process" in given:
            said = {k: v for k, v in said.items() if k not in ("beta_min", "beta_max", "betas", "alphas_cumprod")}
        if "solver" in given:
            said = {k: v for k, v in said.items() if k not in ("clock", *self.document.solver_options)}
        update = {k: v for k, v in said.items() if v is not None and k not in given}
        return settings.model_copy(update=update)

    def eta_for(self, settings: Settings, problem: Problem) -> Any:
        """A flag wins; else the file's eta, where the solver is the file's."""
        if settings.eta is not None or self.document.eta is None or settings.solver != self.document.solver:
            return settings.eta
        return self.document.eta if problem.solver.eta_meaning is not None else None


def read_grid_file(path: str) -> GridFile:
    """Read a file that `diffopt optimize` wrote (or any JSON with `sigmas`).

    Raises
    ------
    InputError
        Missing file, invalid JSON, or no list of sigmas in it.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"schedule {path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise InputError(f"schedule {path} is not text; expected the JSON that diffopt optimize writes") from None
    try:
        content = json.loads(text)
        return GridFile(path, GridDocument.model_validate({"sigmas": content} if isinstance(content, list) else content))
    except (ValueError, RecursionError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        detail = f"{'.'.join(map(str, first['loc']))}: {first['msg'].lower()}" if first else str(error)
        raise InputError(f"schedule {path} is not a schedule file ({detail})") from None


def parse_sigmas(text: str) -> list[float]:
    """Numbers of "80,20,5,0"; brackets and blanks are fine, `inf` is pure noise.

    Raises
    ------
    InputError
        An item that is no number.
    """
    items = text.strip().strip("[]()").replace(";", ",").split(",")
    try:
        numbers = [float(item) for item in items if item.strip()]
    except ValueError as error:
        raise InputError(f"--sigmas {text!r}: {error}; expected a comma list such as 80,20,5,1,0") from None
    if len(numbers) < 2 or any(math.isnan(x) or x < 0 for x in numbers):
        raise InputError(f"--sigmas {text!r}: needs at least two numbers >= 0, decreasing, such as 80,20,5,1,0")
    return numbers
