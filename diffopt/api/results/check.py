"""Result of `check`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from diffopt.api.results.base import Result
from diffopt.api.speech import spoken

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True, eq=False, repr=False)
class CheckResult(Result):
    """What a host does with a grid (`diffopt.check/1`)."""

    @property
    def altered(self) -> bool:
        """Whether the host would alter the grid or the scheme."""
        return bool(self.document["altered"])

    @property
    def findings(self) -> list[dict[str, Any]]:
        """One mapping a finding: kind, altered, message, repair."""
        told = ("message", "repair")
        return [{k: spoken(v) if k in told and v else v for k, v in row.items()} for row in self.document["findings"]]

    def rows(self) -> list[dict[str, Any]]:
        """One row per finding."""
        nothing = {"kind": "none", "altered": False, "message": f"{self.document['host']} runs the grid as it is", "repair": ""}
        return self.findings or [nothing]

    def view(self, width: int) -> RenderableType:
        """A line a finding, with the repair below it."""
        from rich.text import Text

        document, lines = self.document, []
        what = "pasted text or workflow" if document["sampler"] is None else document["sampler"]
        lines.append(f"{document['host']}: {what}" + ("" if document["altered"] else ", the grid is run as it is"))
        lines += [f"read: {document['read']}"] if document["read"] else []
        for row in self.findings:
            lines.append(f"{'!' if row['altered'] else '-'} {row['kind']}: {row['message']}")
            lines += [f"    {row['repair']}"] if row["repair"] else []
        wrong = f" (score error {document['score_error']})" if document["score_error"] else ""
        exported = document["exported"]
        there = "error of these numbers there, as they are" if exported else "error as it runs there"
        for key, title in (("errors", f"error of the grid of the file{wrong}"), ("errors_there", there)):
            lines += [f"{title}: {_numbers(document[key])}"] if document[key] else []
        if exported:
            runs = "is altered too" if exported["altered"] else "runs the grid of the file"
            errors = f": {_numbers(exported['errors'])}" if exported["errors"] else ""
            lines.append(f"what {exported['command']} writes {runs}{errors}")
        return Text("\n".join(lines))

    def __repr__(self) -> str:
        return f"CheckResult({self.document['host']}, {'altered' if self.altered else 'as it is'}, {len(self.findings)} findings)"


def _numbers(errors: dict[str, float | None]) -> str:
    return ", ".join(f"{name} {value:.6g}" for name, value in errors.items() if value is not None)
