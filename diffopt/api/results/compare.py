"""Result of `compare`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from diffopt.api.results.base import Result
from diffopt.errors import UnsupportedError
from diffopt.report.comparison import flat_rows
from diffopt.report.comparison_answers import compared
from diffopt.studies.comparison.comparison import Comparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import RenderableType


@dataclass(frozen=True, eq=False, repr=False)
class ComparisonResult(Result):
    """Every schedule side by side (`diffopt.comparison/1`).

    Attributes
    ----------
    comparison : Comparison or None
        Rows as objects; None where the result was read from a file.
    mixed : bool
        Whether one table holds the rows of all groups.
    """

    headlines: ClassVar[int] = 4
    comparison: Comparison | None = None
    mixed: bool = False

    def rows(self) -> list[dict[str, Any]]:
        """One row per schedule, solver and step count, without lists."""
        return flat_rows(self.document)

    def answers(self) -> list[str]:
        """Which row to take of every group, and whether karras is good enough."""
        return compared(self.document)

    def view(self, width: int) -> RenderableType:
        """A table per group."""
        from diffopt.report.comparison_view import view

        return view(self.document, width, self.mixed)

    def figure(self) -> Figure:
        """Grids and errors of the first group."""
        if self.comparison is None:
            raise UnsupportedError("a file does not hold the spectrum that the picture shows; compare again")
        from diffopt.report.comparison_figures import picture
        from diffopt.report.style import setting

        return picture(self.comparison, self.document["spectrum"]["source"], setting(self.document), host=self.document["host"])

    def page(self) -> str:
        """One self-contained page of HTML."""
        from diffopt.report.page import page

        if self.comparison is None:
            raise UnsupportedError("a file does not hold the spectrum; compare again to make a page")
        return page(self.comparison, self.document)

    def __repr__(self) -> str:
        objective = self.document["objective"]
        best = next((r for r in self.document["rows"] if r["best"]), None)
        name = "" if best is None else f", best beside the optimum {best['schedule']}"
        return f"ComparisonResult({len(self.document['rows'])} rows, {objective}{name})"
