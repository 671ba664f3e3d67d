"""Results of `recommend` and `shift`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from diffopt.api.results.base import Result


@dataclass(frozen=True, eq=False, repr=False)
class RecommendationResult(Result):
    """Solvers at equal calls, best first (`diffopt.recommendation/1`)."""

    @property
    def best(self) -> Mapping[str, Any]:
        """The first row on its own optimized grid."""
        found: Mapping[str, Any] = next(row for row in self.document["rows"] if row["schedule"] == "optimized")
        return found

    @property
    def command(self) -> str:
        """Command that makes the file of the best row."""
        return str(self.document["command"])

    def rows(self) -> list[dict[str, Any]]:
        """A row a solver, without the grids."""
        return [{k: v for k, v in row.items() if k != "sigmas"} for row in self.document["rows"]]

    def answers(self) -> list[str]:
        """The choice with its margins, the command, and how sure it is."""
        best, next_, habit = self.best, self.document["margin_to_next"], self.document["margin_to_habit"]
        margins = [f"{next_:.3g} times ahead of the next" if next_ else "", f"{habit:.3g} of the habit" if habit else ""]
        first = f"{best['solver']}, {best['steps']} steps, eta {best['eta']:.3g}: " + ", ".join(m for m in margins if m)
        return [first, f"make its grid: {self.command}", *self.document["certainty"]]

    def __repr__(self) -> str:
        return f"RecommendationResult({self.best['solver']}, {self.best['steps']} steps, {self.best['calls']} calls)"


@dataclass(frozen=True, eq=False, repr=False)
class ShiftResult(Result):
    """Shifts of rectified-flow time, the optimum first (`diffopt.shift/1`)."""

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

    def answers(self) -> list[str]:
        """The shift to set."""
        row = self.document["rows"][0]
        size = f"{self.document['tokens']} tokens and {self.document['steps']} steps"
        return [f"shift {row['shift']:.4g} (mu {row['mu']:.4g}) for {size}; as a schedule shift:{row['shift']:.4g}"]

    def __repr__(self) -> str:
        return f"ShiftResult(shift {self.shift:.4g}, mu {self.mu:.4g})"
