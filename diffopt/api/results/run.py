"""Results about one grid: what `optimize`, `evaluate` and `load` return."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from diffopt.api.results.base import Result
from diffopt.data.dataset import Dataset
from diffopt.data.spectrum import Spectrum
from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.report import text

#: Errors whose ratios to karras and to the optimum stand in every row.
RATIOS = ("frechet", "kl", "robust")

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import RenderableType

    from diffopt.api.likes import ConfigLike, SpectrumLike
    from diffopt.api.results.export import ExportText
    from diffopt.studies.error_map import ErrorMap

S = TypeVar("S")


@dataclass(frozen=True, eq=False, repr=False)
class RunResult(Result):
    """A grid, the sampler it is for, and its exact errors.

    Attributes
    ----------
    data : Dataset or None
        What the errors were computed for; None where the result was read from a file.
    rivals : mapping
        Noise ratios of named schedules of the same number of steps, for pictures.
    """

    data: Dataset | None = None
    rivals: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    forms: ClassVar[tuple[str, ...]] = ("lines",)
    heading: ClassVar[str | None] = "using solver "

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
    def solver(self) -> str | None:
        """Name of the solver; None of a grid from a file that names none."""
        found: str | None = self.document.get("solver")
        return found

    @property
    def denoiser_calls(self) -> int | None:
        """Calls of the network for one sample; None where the solver is not known."""
        found: int | None = self.document.get("denoiser_calls")
        return found

    @property
    def coefficients(self) -> Array | None:
        """Coefficients of a fitted solver, a row a step; None of every other."""
        found = self.document.get("coefficients")
        return None if found is None else np.array(found, dtype=np.float64)

    @property
    def steps(self) -> int:
        """Number of solver steps N."""
        return int(self.document["steps"])

    def rows(self) -> list[dict[str, Any]]:
        """One row per grid point."""
        return text.grid_rows(self.document)

    def lines(self) -> str:
        """One noise ratio a line (for `flow` a time s), fixed point."""
        return text.to_lines(text.host_values(self.document))

    def remarks(self, form: str) -> tuple[str, ...]:
        """What the numbers of `lines` are where they are no noise ratios."""
        if form != "lines" or self.document["process"]["name"] != "flow":
            return ()
        return ("note: the lines are times s of flow, as its hosts read them; --times reads them, the noise ratio is s/(1 - s)",)

    def view(self, width: int) -> RenderableType:
        """Summary, grid and baselines."""
        from diffopt.report.terminal import rows_table, run_view

        return run_view(self.document) if "spectrum" in self.document else rows_table(self.rows())

    def figure(self) -> Figure:
        """The grid beside the spectrum and the baselines.

        Raises
        ------
        UnsupportedError
            The result was read from a file, which does not hold the spectrum.
        """
        from diffopt.report.figures import grid_picture

        return grid_picture(self.document, self._spectrum(), self.rivals)

    def _spectrum(self) -> Spectrum:
        if self.data is None:
            raise UnsupportedError("a file does not hold the spectrum; evaluate it: diffopt.evaluate(spectrum, schedule).plot()")
        return self.data.spectrum

    def export(
        self, host: str, *, scheduler_config: ConfigLike | None = None, spectrum: SpectrumLike | None = None
    ) -> ExportText:
        """Text that a host reads; see :func:`diffopt.export`."""
        from diffopt.api.export import export

        return export(self, host, scheduler_config=scheduler_config, spectrum=spectrum)

    def apply(self, scheduler: S) -> S:
        """Make a scheduler of diffusers run this grid, whatever number of steps its pipeline asks for.

        Raises
        ------
        UnsupportedError
            The scheduler runs another recurrence; the message names the right one.
        """
        from diffopt.api.apply import apply

        return apply(self, scheduler)

    def sigmas_tensor(self, device: object = None) -> Any:
        """Levels (N + 1,) as a torch tensor in single precision: noise ratios, s on flow models."""
        from diffopt.api.apply import sigmas_tensor

        return sigmas_tensor(self, device)

    def __repr__(self) -> str:
        errors = ", ".join(f"{k} {text.short(v)}" for k, v in self.errors.items() if k in ("frechet", "robust"))
        told = [self.solver or "a grid without a solver", f"{self.steps} steps", *([errors] if errors else [])]
        return f"{type(self).__name__}({', '.join(told)})"


@dataclass(frozen=True, eq=False, repr=False)
class ScheduleResult(RunResult):
    """An optimized grid (`diffopt.schedule/1`), or any grid read from a file."""

    @property
    def converged(self) -> bool | None:
        """Whether the search met its tolerance; None of a grid that was not searched here."""
        searched = self.document.get("optimizer")
        return None if searched is None else bool(searched["converged"])

    @property
    def objective(self) -> dict[str, Any] | None:
        """`name` and `value` of what was minimized; None of a grid that was not searched here."""
        found = self.document.get("objective")
        return None if found is None else dict(found)

    @property
    def baselines(self) -> dict[str, dict[str, float | None]]:
        """Errors of named schedules of the same number of steps."""
        return dict(self.document.get("baselines", {}))

    def answers(self) -> list[str]:
        """What is gained over the habit, in the objective that was minimized, and on which data a free eta beats 0 and 1."""
        if "objective" not in self.document:
            return []
        from diffopt.report import answers, noise_answers
        from diffopt.report.family import found_numbers
        from diffopt.report.spread import against, size

        claim = (self.document.get("optimizer") or {}).get("beats_ends")
        free = noise_answers.beats_ends(claim, float(self.eta[0])) if claim else []
        if claim and not any(text.shown_eta(self.document)):
            free = [text.NO_NOISE]
        first = [answers.optimized(self.document), *size(self.document), *against(self.document)]
        return [*first, *found_numbers(self.document), *noise_answers.searched(self.document), *free]

    def headline(self) -> list[str]:
        """What is gained, that noise does not pay where it was searched for, and what qualifies the gain."""
        from diffopt.report.family import at_bound
        from diffopt.report.spread import against

        said = self.answers()
        bounds = at_bound(self.document)[:1] if said else []
        told = [line for line in said if line in (text.NO_NOISE, *bounds)]
        return [*said[:1], *(against(self.document, brief=True) if said else []), *told]


@dataclass(frozen=True, eq=False, repr=False)
class EvaluationResult(RunResult):
    """Exact errors of a given grid (`diffopt.evaluation/1`).

    Attributes
    ----------
    local : callable or None
        Makes the map of a picture: the steps' error by step and eigenvalue.
    highest : float
        Largest noise ratio that the process reaches.
    """

    headlines: ClassVar[int] = 2
    local: Callable[[], ErrorMap] | None = None
    highest: float = float("inf")

    @property
    def references(self) -> dict[str, dict[str, float | None]]:
        """Errors of karras and of the optimum with the same solver, range and number of steps."""
        return dict(self.document.get("baselines", {}))

    @property
    def ratios(self) -> dict[str, dict[str, float | None]]:
        """Errors of the grid over those of karras and of the optimum, by name and error."""
        return dict(self.document.get("ratios", {}))

    def answers(self) -> list[str]:
        """Whether the start, the steps or the end dominate, and how far habit and optimum are."""
        from diffopt.report import answers

        return answers.evaluated(self.document, self.highest)

    def headline(self) -> list[str]:
        """The same without the size of the data."""
        from diffopt.report import answers

        return answers.evaluated(self.document, self.highest, brief=True)[: self.headlines]

    def rows(self) -> list[dict[str, Any]]:
        """One row per grid point; beside it the errors of the whole grid, and their ratios to karras and to the optimum."""
        kept = {k: v for k, v in self.errors.items() if v is not None}
        for name, part in (self.document.get("ratios") or {}).items():
            kept |= {f"{metric}_over_{name}": part[metric] for metric in RATIOS if part[metric] is not None}
        return [{**row, **kept} for row in super().rows()]

    def figure(self) -> Figure:
        """The split of the error, karras and the optimum, and the map of local errors."""
        from diffopt.report.figures import evaluation_picture

        self._spectrum()
        return evaluation_picture(self.document, None if self.local is None else self.local())
