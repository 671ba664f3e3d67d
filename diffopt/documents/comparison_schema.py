"""The document of `diffopt compare-schedules`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, create_model

from diffopt.documents.schemas import Document, ProcessPart, SpectrumPart, metric_fields
from diffopt.objectives.metrics import COMPARED


class _RowHead(Document):
    """One grid with one solver; errors that are not defined are null, the reason in `reasons`."""

    schedule: str
    kind: str
    design: str | None = Field(description="name of the noise design of a stochasticity row")
    solver: str
    clock: str | None
    budget: int = Field(description="steps asked for (denoiser calls with --calls)")
    steps: int
    denoiser_calls: int


_TAIL: dict[str, Any] = {
    "ratio": (float | None, Field(description="objective over that of the group's optimized row")),
    "held_out": (dict[str, float | None], Field(description="frechet of the same grid on perturbed spectra")),
    "held_out_worst": (float | None, ...),
    "best": (bool, Field(description="smallest objective of its group that is not optimized")),
    "other_range": (str | None, Field(description="how the grid misses the range that the group compares")),
    "sigmas": (list[float | None], ...),
    "eta": (list[float], ...),
    "reasons": (dict[str, str], ...),
    "offered": (dict[str, str], Field(default={}, description="where programs offer the schedule by name")),
}

#: A row of a comparison: what it is, its errors, how it stands.
ComparisonRow: Any = create_model(
    "ComparisonRow", __base__=_RowHead, __doc__=_RowHead.__doc__, **metric_fields(COMPARED), **_TAIL
)


class ComparisonGroup(Document):
    """What is said of the rows of one solver and budget, shown or not."""

    solver: str = Field(description="`noise designs` for these, which have solvers of their own")
    budget: int
    error: str = Field(description="error that tells the rows apart: robust_steps where all have the same part of the start")
    take: str | None = Field(description="row to take, by its design or schedule; null: the error is not defined for any")
    left_out: int = Field(description="rows that --top leaves out")
    sentence: str


class ComparisonDocument(Document):
    """Output of `diffopt compare-schedules`."""

    schema_: Literal["diffopt.comparison/1"] = Field(default="diffopt.comparison/1", alias="schema")
    command: str
    host: str | None = Field(default=None, description="program the reader uses; null: any")
    objective: str
    process: ProcessPart
    start: str
    end: str
    score_error: str | None = Field(default=None, description="error of the score that the errors were computed with")
    equal_steps: bool
    spectrum: SpectrumPart
    rows: list[ComparisonRow]
    groups: list[ComparisonGroup] = Field(default=[], description="what is said of each group, made from all of its rows")
    skipped: dict[str, str] = Field(description="rows that have no meaning here, and why")
    diffopt_version: str
