"""Result of `budget`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from diffopt.api.results.base import Result
from diffopt.errors import UnsupportedError
from diffopt.studies.budget.knobs import Knobs

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import RenderableType

#: Samplers that are no solvers.
SAMPLERS = {"exact": "the exact flow", "langevin": "a Langevin chain"}


@dataclass(frozen=True, eq=False, repr=False)
class BudgetResult(Result):
    """Where a sampler's error comes from (`diffopt.budget/1`).

    Attributes
    ----------
    curve : tuple or None
        What :meth:`plot` runs over: the name of a number, its value, and the numbers of the budget.
    """

    curve: tuple[str, float, Knobs] | None = None

    @property
    def terms(self) -> dict[str, float | None]:
        """Expected squared 2-Wasserstein error by source, data units squared."""
        return dict(self.document["terms"])

    @property
    def total(self) -> float | None:
        """All sources together."""
        found: float | None = self.document["total"]
        return found

    @property
    def valid(self) -> bool:
        """Whether the total is claimed to be right within a tenth."""
        return bool(self.document["valid"])

    def rows(self) -> list[dict[str, Any]]:
        """One row per source, then interaction and total; simulated values beside them where there are any."""
        values = {**self.document["terms"], "interaction": self.document["interaction"], "total": self.document["total"]}
        simulated = self.document["simulated"] or {}
        rows = []
        for name, value in values.items():
            row: dict[str, Any] = {"source": name, "error": value}
            if simulated:
                found = simulated.get(name, {})
                row |= {f"simulated_{k}": found.get(k) for k in ("value", "low", "high", "predicted")}
            rows.append(row)
        return rows

    def view(self, width: int) -> RenderableType:
        """What is meant, a row a source with its root, simulated values beside the predictions for what was simulated."""
        from diffopt.report.budget_text import budget_view

        return budget_view(self.document, self.rows(), width)

    def answers(self) -> list[str]:
        """Whether to believe it, which source dominates, what would help most and why."""
        from diffopt.report.budget_text import answers

        return answers(self.document)

    def headline(self) -> list[str]:
        """The total, and what would help most; without the reason."""
        from diffopt.report.budget_text import headline

        return headline(self.document)

    def figure(self) -> Figure:
        """Terms over the samples or the steps.

        Raises
        ------
        UnsupportedError
            Neither is given here, or the steps belong to a given grid.
        """
        if self.curve is None:
            raise UnsupportedError(
                "a picture of a budget runs over samples or steps, and there are none here to vary (a file does not hold them): "
                "give --samples N, or a sampler (--solver NAME --steps N) on a named schedule"
            )
        from diffopt.report.budget_figures import budget_picture
        from diffopt.report.style import setting
        from diffopt.report.units import scale_in

        name, here, knobs = self.curve
        values = curve_values(name, here)
        rows = []
        for value in values:
            found = knobs.with_value(name, value).evaluate()
            rows.append({**found.terms, "total": found.total, "valid": found.valid})
        sampler, source = self.document["sampler"], self.document["spectrum"]["source"]
        grid = f" on {knobs.schedule}" if knobs.schedule else " on a given grid" if knobs.given_grid else ""
        steps = f", {sampler['steps']} steps" if name != "steps" and sampler["steps"] else ""
        told = [setting(sampler)] if sampler["process"] else []
        who = SAMPLERS.get(sampler["name"], sampler["name"])
        what = f"Error budget (squared 2-Wasserstein) of {who}{grid}{steps}"
        return budget_picture(name, values, rows, here, what, source, *told, scale=scale_in(self.document))

    def __repr__(self) -> str:
        total = "infinite" if self.total is None else f"{self.total:.4g}"
        return f"BudgetResult(total {total}, mostly {self.document['dominant']}, {'valid' if self.valid else 'not valid'})"


def curve_values(name: str, here: float) -> list[float]:
    """Values around a number, whole ones for steps."""
    if name == "steps":
        near = (here * 2.0 ** (k / 2) for k in range(-4, 7))
        return sorted({float(max(1, round(value))) for value in near if value <= 400} | {here})
    return [max(2.0, here * 2.0 ** (k / 2)) for k in range(-10, 11)]
