"""Results about one grid: what `optimize`, `evaluate` and `load` return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from diffopt.api.results.base import Result
from diffopt.data.dataset import Dataset
from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.report import text


@dataclass(frozen=True, eq=False, repr=False)
class RunResult(Result):
    """A grid, the sampler it is for, and its exact errors.

    Attributes
    ----------
    data : Dataset or None
        What the errors were computed for; None where the result was read from a file.
    """

    data: Dataset | None = None
    forms: ClassVar[tuple[str, ...]] = ("lines",)

    @property
    def sigmas(self) -> Array:
        """Noise ratios, shape (N + 1,), decreasing; infinite where the grid starts at pure noise."""
        return np.array([np.inf if s is None else s for s in self.document["sigmas"]], dtype=np.float64)

    @property
    def times(self) -> Array:
        """The same points in the process's own time, shape (N + 1,)."""
        return np.array(self.document["times"], dtype=np.float64)

    @property
    def timesteps(self) -> Array | None:
        """What a trained model is conditioned on at each call, shape (N,); None where the process does not know it."""
        steps = self.document.get("timesteps")
        return None if steps is None else np.array(steps, dtype=np.float64)

    @property
    def eta(self) -> Array:
        """Diffusion-term coefficient of each step, shape (N,)."""
        return np.array(self.document["eta"], dtype=np.float64)

    @property
    def errors(self) -> dict[str, float | None]:
        """Errors by name, data units (kl in nats); None where not defined, see `reasons`."""
        return {k: v for k, v in self.document["errors"].items() if k != "reasons"}

    @property
    def reasons(self) -> dict[str, str]:
        """Why an error is None."""
        return dict(self.document["errors"].get("reasons") or {})

    @property
    def solver(self) -> str:
        """Name of the solver."""
        return str(self.document["solver"])

    @property
    def steps(self) -> int:
        """Number of solver steps N."""
        return int(self.document["steps"])

    def rows(self) -> list[dict[str, Any]]:
        """One row per grid point."""
        return text.grid_rows(self.document)

    def lines(self) -> str:
        """One noise ratio a line, fixed point."""
        return text.to_lines(self.document["sigmas"])

    def view(self, width: int) -> Any:
        """Summary, grid and baselines."""
        from diffopt.report.terminal import run_view

        return run_view(self.document)

    def figure(self) -> Any:
        """The grid beside the spectrum and the baselines.

        Raises
        ------
        UnsupportedError
            The result was read from a file, which does not hold the spectrum.
        """
        if self.data is None:
            raise UnsupportedError("a file does not hold the spectrum; evaluate it: diffopt.evaluate(spectrum, schedule).plot()")
        from diffopt.report.figures import grid_picture

        return grid_picture(self.document, self.data.spectrum)

    def export(self, host: str, **options: Any) -> Any:
        """What a host takes: text, a file or a call; see `diffopt.export`."""
        from importlib import import_module

        try:
            module = import_module("diffopt.api.export")
        except ModuleNotFoundError:
            raise UnsupportedError("this version exports to no host; use .sigmas, .times or .timesteps") from None
        return module.export(self, host, **options)

    def __repr__(self) -> str:
        errors = ", ".join(f"{k} {text.short(v)}" for k, v in self.errors.items() if k in ("frechet", "robust"))
        return f"{type(self).__name__}({self.solver}, {self.steps} steps, {errors})"


@dataclass(frozen=True, eq=False, repr=False)
class ScheduleResult(RunResult):
    """An optimized grid (`diffopt.schedule/1`), or any grid read from a file."""

    @property
    def converged(self) -> bool:
        """Whether the search met its tolerance."""
        return bool(self.document["optimizer"]["converged"])

    @property
    def baselines(self) -> dict[str, dict[str, float | None]]:
        """Errors of named schedules of the same number of steps."""
        return dict(self.document.get("baselines", {}))


@dataclass(frozen=True, eq=False, repr=False)
class EvaluationResult(RunResult):
    """Exact errors of a given grid (`diffopt.evaluation/1`)."""
