"""Result of `simulate`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from diffopt.api.results.base import Result
from diffopt.foundation.arrays import Array
from diffopt.report.text import short

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import RenderableType

#: Distances in the order of the columns.
LIMIT, DATA = ("rmse", "median", "frechet", "sliced_w2", "energy"), ("frechet", "sliced_w2", "energy")


@dataclass(frozen=True, eq=False, repr=False)
class SimulationResult(Result):
    """Distances of samplers to the fine limit and to the data (`diffopt.simulation/1`).

    Attributes
    ----------
    reference : ndarray of shape (n, d) or None
        Samples of the fine run; None where the result was read from a file.
    samples : mapping of str to ndarray
        Samples of each grid by name (the last of its solvers and step counts), in the order of the noise.
    """

    headlines: ClassVar[int] = 8
    reference: Array | None = None
    samples: Mapping[str, Array] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        """One row a grid, every number with its interval."""
        return [_flat(row, True) for row in self.document["rows"]]

    def view(self, width: int) -> RenderableType:
        """Rich table of the values that fit a terminal; csv has all and their intervals."""
        from diffopt.report.terminal import rows_table

        rows = [_flat(row, False) for row in self.document["rows"]]
        spare = ("data_energy", "data_sliced_w2", "energy", "median", "sliced_w2", "calls", "rmse", "data_frechet")
        return rows_table(rows, width=width, spare=spare)

    def answers(self) -> list[str]:
        """Which grid comes nearest to the fine run, by Frechet distance, and whether the next is told from it."""
        said = []
        found = [row for row in self.document["rows"] if row["limit"] and row["limit"].get("frechet")]
        for solver, steps in dict.fromkeys((row["solver"], row["steps"]) for row in found):
            rows = [row for row in found if (row["solver"], row["steps"]) == (solver, steps)]
            ranked = sorted(rows, key=lambda row: row["limit"]["frechet"]["value"])
            best = ranked[0]["limit"]["frechet"]
            text = f"{solver}, {steps} steps: {ranked[0]['schedule']} comes nearest to the fine run"
            text += f", frechet {short(best['value'])}"
            if len(ranked) > 1:
                next_ = ranked[1]["limit"]["frechet"]
                apart = best["high"] < next_["low"]
                text += f", before {ranked[1]['schedule']} ({short(next_['value'])})"
                text += "" if apart else "; their intervals overlap"
            said.append(text + ".")
        return said

    def headline(self) -> list[str]:
        """The answers, and that noise does not cover the data where it does not."""
        from diffopt.api.notes import OFF_CENTRE, UNCOVERED

        wrong = [note.removeprefix("note: ").split(";")[0] for note in self.notes if UNCOVERED in note or OFF_CENTRE in note]
        return [*super().headline(), *(f"{line[0].upper()}{line[1:]}." for line in wrong)]

    def figure(self) -> Figure:
        """Distances with their intervals over denoiser calls."""
        from diffopt.report.simulation_figures import simulation_picture

        return simulation_picture(self.document)

    def __repr__(self) -> str:
        found = [row for row in self.document["rows"] if row["limit"]]
        if not found:
            return f"SimulationResult({len(self.document['rows'])} rows)"
        best = min(found, key=lambda row: row["limit"]["frechet"]["value"])
        return f"SimulationResult({len(found)} rows, nearest to the limit {best['schedule']} with {best['solver']})"


def _flat(row: Mapping[str, Any], intervals: bool) -> dict[str, Any]:
    """Columns of a row; `data_` in front of the second truth."""
    flat: dict[str, Any] = {
        "schedule": row["schedule"], "solver": row["solver"], "steps": row["steps"], "calls": row["denoiser_calls"],
    }  # fmt: skip
    for prefix, part, names in (("", row["limit"], LIMIT), ("data_", row["data"], DATA)):
        for name in names:
            measured = (part or {}).get(name)
            flat[prefix + name] = None if measured is None else measured["value"]
            if intervals:
                flat |= {f"{prefix}{name}_{end}": None if measured is None else measured[end] for end in ("low", "high")}
    return flat
