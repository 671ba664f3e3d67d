"""Results of `orders` and `best_eta`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from diffopt.api.results.base import Result
from diffopt.api.speech import said_in_python
from diffopt.errors import UnsupportedError
from diffopt.report import noise_answers, orders_answers
from diffopt.report.studies import RANGE, eta_head, eta_table, orders_head, orders_table, shown_clock
from diffopt.studies.orders import Convergence

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import RenderableType

    from diffopt.report.noise_figures import Constants
    from diffopt.studies.error_map import ErrorMap


@dataclass(frozen=True, eq=False, repr=False)
class OrdersResult(Result):
    """Observed orders, and what an accuracy costs (`diffopt.convergence/1`).

    Attributes
    ----------
    convergences : sequence of Convergence
        Rows as objects; empty where the result was read from a file.
    local : callable or None
        Where the error of the first row is made, at its fewest steps; None where the result was read from a file.
    """

    convergences: Sequence[Convergence] = ()
    local: Callable[[], ErrorMap] | None = None

    def rows(self) -> list[dict[str, Any]]:
        """One row per solver and metric, without the errors by step count."""
        lists = ("steps", "errors", "signs", "solver_options")
        return [{k: v for k, v in row.items() if k not in lists} for row in self.document["rows"]]

    def view(self, width: int) -> RenderableType:
        """A row per solver and metric that fits, with names in full."""
        from diffopt.report.terminal import headed, rows_table

        return headed(rows_table(orders_table(self.document), width=width, spare=(RANGE, "steps")), orders_head(self.document))

    def answers(self) -> list[str]:
        """The cheapest of the solvers for the accuracy, and where a real start is further off than the steps."""
        more = orders_answers.caution(self.document)
        return [orders_answers.cheapest(self.document), *([] if more is None else [more])]

    def headline(self) -> list[str]:
        """The same without what to do."""
        more = orders_answers.caution(self.document, brief=True)
        return [orders_answers.cheapest(self.document), *([] if more is None else [more])]

    def figure(self) -> Figure:
        """Error over denoiser calls."""
        if not self.convergences:
            raise UnsupportedError("a file does not hold the spectrum that the picture shows; call diffopt.orders again")
        from diffopt.report.orders_figures import convergence_picture
        from diffopt.report.style import setting
        from diffopt.report.units import scale_in

        document = self.document
        rows = [replace(row, clock=shown_clock(row.clock, document["process"]["name"])) for row in self.convergences]
        clocks = {row.clock for row in rows if row.clock}
        told = setting(document)
        told += f", clock {clocks.pop()}" if len(clocks) == 1 else ""
        titles = (document["spectrum"]["source"], f"grids of {document['schedule']}: {told}")
        return convergence_picture(rows, *titles, scale=scale_in(document))

    @said_in_python
    def error_map(self, path: str | Path | None = None, force: bool = False) -> Figure:
        """Where the first solver's error is made, over noise ratios and eigenvalues; written where a path is given.

        Raises
        ------
        UnsupportedError
            The result was read from a file, which does not hold the spectrum.
        """
        if self.local is None:
            raise UnsupportedError("a file does not hold the spectrum that the picture shows; call diffopt.orders again")
        from diffopt.report.map_figures import map_picture
        from diffopt.report.picture_file import save
        from diffopt.report.text import conditions
        from diffopt.report.units import scale_in

        document = self.document
        first, told = document["rows"][0], {"process": document["process"], "end": "sigma_min", "start": "exact"}
        what = f"{first['solver']}, {first['steps'][0]} steps on {document['schedule']}"
        source = document["spectrum"]["source"]
        figure = map_picture(self.local(), what, source, conditions(told), scale=scale_in(document))
        if path is not None:
            save(figure, Path(path), force)
        return figure

    def __repr__(self) -> str:
        return f"OrdersResult({len(self.document['rows'])} rows, accuracy {self.document['accuracy']:.4g})"


@dataclass(frozen=True, eq=False, repr=False)
class EtaResult(Result):
    """How much noise a sampler should inject (`diffopt.eta/1`).

    Attributes
    ----------
    constants : callable or None
        Errors over one eta at every step, for the picture; None where the result was read from a file.
    """

    heading: ClassVar[str | None] = "using solver "
    constants: Callable[[], Constants] | None = None

    def rows(self) -> list[dict[str, Any]]:
        """One row per design and objective, the etas as their ends."""
        return [_short(row) for row in self.document["rows"]]

    def view(self, width: int) -> RenderableType:
        """The present setting and the best of each design in the exact error, at most eight rows."""
        from diffopt.report.terminal import headed, rows_table

        return headed(rows_table(eta_table(self.document), width=width, spare=("gains on",)), eta_head(self.document))

    def answers(self) -> list[str]:
        """Whether the present setting is good, what to set, and on which data a constant eta beats 0 and 1."""
        row = noise_answers.claimed(self.document)
        said = [] if row is None else noise_answers.beats_ends(row["beats_ends"], row["eta"][0])
        host, command = self.document.get("host"), self.document.get("command")
        grid = [] if command is None else [f"Its grid: {command} && diffopt export grid.json --to {host}"]
        return [*noise_answers.noise(self.document), *said, *grid]

    def figure(self) -> Figure:
        """Injected noise over sigma, and the exact error of each setting."""
        from diffopt.report.noise_figures import noise_picture

        return noise_picture(self.document, None if self.constants is None else self.constants())

    def __repr__(self) -> str:
        best = min(self.document["rows"], key=lambda row: row["exact"])
        return f"EtaResult({self.document['solver']}, best {best['design']}, exact {best['exact']:.4g})"


def _short(row: dict[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in row.items() if k not in ("parameters", "eta")}
    return kept | {"eta_low": min(row["eta"]), "eta_high": max(row["eta"])}
