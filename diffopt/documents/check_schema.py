"""The file of `diffopt check`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from diffopt.documents.schemas import Document


class FindingPart(Document):
    """One thing that a host does differently."""

    kind: str
    altered: bool = Field(description="whether the grid or the scheme is another one because of it")
    message: str
    repair: str


class ExportedPart(Document):
    """What a host does with the text that `diffopt export` writes of a file."""

    command: str
    altered: bool
    errors: dict[str, float | None] | None


class CheckDocument(Document):
    """Output of `diffopt check`."""

    schema_: Literal["diffopt.check/1"] = Field(default="diffopt.check/1", alias="schema")
    host: str
    sampler: str | None = Field(description="the host's own name; null of a pasted text or a workflow, which names none to judge")
    read: str | None = Field(default=None, description="how many levels were read, and their ends")
    altered: bool
    findings: list[FindingPart]
    solver: str | None = Field(description="what the host runs, in our terms; null where it has no closed form")
    clock: str | None
    start: str | None
    levels: list[float] | None = Field(description="noise ratios that the host visits; s on flow models")
    eta: list[float] | None
    score_error: str | None = Field(default=None, description="error of the score that the errors were computed with")
    errors: dict[str, float | None] | None
    errors_there: dict[str, float | None] | None = Field(description="of the run there with the file's numbers as they are")
    exported: ExportedPart | None = Field(
        default=None, description="what diffopt export makes of the file, where its numbers as they are would be altered"
    )
    diffopt_version: str
