"""Results of `names` and `explain`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from diffopt.api.results.base import Result
from diffopt.report import catalogue

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True, eq=False, repr=False)
class NamesResult(Result):
    """Tables of names: rows by kind."""

    def rows(self) -> list[dict[str, Any]]:
        """One row per name, with its kind."""
        return [{"kind": kind, **row} for kind, rows in self.document.items() for row in rows]

    def render(self, form: str = "json", width: int = 100, colour: bool = False) -> str:
        """Text in one of the forms json, table, csv, markdown and lines, kind after kind."""
        if form == "json":
            return super().render(form, width, colour)
        return "".join(catalogue.inventory_rows(kind, rows, form, width, colour) for kind, rows in self.document.items())

    def __iter__(self) -> Iterator[str]:
        """The names, kind after kind."""
        return (str(row["name"]) for rows in self.document.values() for row in rows)

    def __len__(self) -> int:
        return sum(map(len, self.document.values()))

    def view(self, width: int) -> RenderableType:
        """A table of each kind."""
        from rich.console import Group

        from diffopt.report.terminal import rows_table

        return Group(*(rows_table(rows, kind) for kind, rows in self.document.items()))

    def __repr__(self) -> str:
        return f"NamesResult({', '.join(f'{len(rows)} {kind}' for kind, rows in self.document.items())})"


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(Result):
    """What a schedule or a design of the noise is: summary, formula, reference."""

    def rows(self) -> list[dict[str, Any]]:
        """The one row."""
        return [dict(self.document)]

    def render(self, form: str = "table", width: int = 100, colour: bool = False) -> str:
        """Text in one of the forms json, table (paragraphs), csv and markdown."""
        if form != "table":
            return super().render(form, width, colour)
        row = self.document
        head = f"{row['name']} ({row['kind']}, {row['status']})"
        return f"{head}\n\n{row['summary']}\n\n    {row['formula']}\n\nSource: {row['reference']}\n"

    def __repr__(self) -> str:
        return f"Explanation({self.document['name']})"
