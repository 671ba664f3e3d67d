"""Result of `schema`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from diffopt.api.results.base import Result
from diffopt.documents.schemas import DOCUMENTS

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True, eq=False, repr=False)
class SchemaResult(Result):
    """A JSON schema, or the schemas of all documents by name."""

    def rows(self) -> list[dict[str, Any]]:
        """One row per document: its name and what it is."""
        return [{"schema": name, "summary": (DOCUMENTS[name].__doc__ or "").split("\n")[0]} for name in DOCUMENTS]

    def view(self, width: int) -> RenderableType:
        """Names and summaries."""
        from diffopt.report.terminal import rows_table

        return rows_table(self.rows(), width=width, prose=("summary",))

    def answers(self) -> list[str]:
        """How to see one of them, or all."""
        return ["`diffopt schema NAME` prints one as JSON, `diffopt schema --all` all of them."]

    def __repr__(self) -> str:
        return f"SchemaResult({self.document.get('title', ', '.join(self.document))})"
