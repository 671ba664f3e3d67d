"""Results of `recommend` and `shift`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from diffopt.api.results.base import Result
from diffopt.documents.chosen import make_objective
from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.objectives.problem import Problem
from diffopt.report.advised import headline, name, sentences
from diffopt.report.shift_answers import headline as shift_headline
from diffopt.report.shift_answers import shifted
from diffopt.studies.shift import value_at

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import RenderableType

#: What the ranking rests on, in a line; the measurements behind it stand in the document.
CAUTION = "Exact for Gaussian data and scores; on networks leads shrink (`certainty` in --format json, docs/multistep.md)."


@dataclass(frozen=True, eq=False, repr=False)
class RecommendationResult(Result):
    """Solvers at equal calls, the one that is advised first (`diffopt.recommendation/1`)."""

    @property
    def best(self) -> Mapping[str, Any]:
        """The row that is advised."""
        found: Mapping[str, Any] = self.document["rows"][0]
        return found

    @property
    def command(self) -> str:
        """Command that makes the file of the best row."""
        return str(self.document["command"])

    def rows(self) -> list[dict[str, Any]]:
        """A row a solver; its grid and its options stand in its command."""
        return [{k: v for k, v in row.items() if k not in ("sigmas", "solver_options")} for row in self.document["rows"]]

    def view(self, width: int) -> RenderableType:
        """A row a solver: what to set, the error, and a sentence."""
        from diffopt.report.terminal import headed, rows_table

        rows = [
            {"solver": name(r, ", "), "steps": r["steps"], "calls": r["calls"], "eta": r["eta"], "robust": r["robust"],
             "frechet": r["frechet"], "verdict": r["sentence"]}
            for r in self.document["rows"]
        ]  # fmt: skip
        table = rows_table(rows, width=width, spare=("calls", "eta", "frechet", "robust"), prose=("verdict",))
        return headed(table, headline(self.document))

    def answers(self) -> list[str]:
        """The choice with its margins, leads that are not believed, the command, and how sure it is."""
        return [*sentences(self.document), f"Its grid: {self.command}", CAUTION]

    def figure(self) -> Figure:
        """Errors of the solvers, and where their steps go."""
        from diffopt.report.recommendation_figures import recommendation_picture

        return recommendation_picture(self.document)

    def __repr__(self) -> str:
        return f"RecommendationResult({self.best['solver']}, {self.best['steps']} steps, {self.best['calls']} calls)"


@dataclass(frozen=True, eq=False, repr=False)
class ShiftResult(Result):
    """Shifts of rectified-flow time, the optimum first (`diffopt.shift/1`).

    Attributes
    ----------
    problem : Problem or None
        Whose error :meth:`plot` draws over the shift.
    """

    problem: Problem | None = None

    @property
    def shift(self) -> float:
        """The optimum within the family."""
        return float(self.document["rows"][0]["shift"])

    @property
    def mu(self) -> float:
        """Its logarithm."""
        return float(self.document["rows"][0]["mu"])

    def rows(self) -> list[dict[str, Any]]:
        """A row a rule."""
        return [dict(row) for row in self.document["rows"]]

    def view(self, width: int) -> RenderableType:
        """A row a rule, with its sentence."""
        from diffopt.report.terminal import rows_table

        return rows_table(self.rows(), width=width, spare=("mu", "robust"), prose=("sentence",))

    def answers(self) -> list[str]:
        """The shift to set, the optimum or a shipped one that is as good."""
        return shifted(self.document)

    def headline(self) -> list[str]:
        """The first of them, and by `robust` another shift where that is not the one to set."""
        return shift_headline(self.document)

    def figure(self) -> Figure:
        """Error over the shift, the rules marked on it."""
        if self.problem is None:
            raise UnsupportedError("a file does not hold the spectrum that the picture shows; call diffopt.shift again")
        from diffopt.report.shift_answers import drawn
        from diffopt.report.shift_figures import shift_picture

        short, objective = self.problem.compressed("design"), make_objective(drawn(self.document))
        mus = curve_mus([row["mu"] for row in self.document["rows"]])
        return shift_picture(self.document, np.exp(mus).tolist(), [value_at(short, objective, float(mu)) for mu in mus])

    def __repr__(self) -> str:
        return f"ShiftResult(shift {self.shift:.4g}, mu {self.mu:.4g})"


def curve_mus(rules: Sequence[float]) -> Array:
    """Logarithms of the shifts that are drawn: from below the smallest rule to above the largest, every rule among them."""
    wide = np.linspace(min(rules) - 0.4, max(rules) + 0.4, 61)
    return np.unique(np.concatenate([wide, rules]))
