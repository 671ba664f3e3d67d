"""The JSON file of `diffopt evaluate`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from diffopt.documents.schemas import ErrorsPart, RunPart, ScorePart, SpectrumPart


class EvaluationDocument(RunPart):
    """Output of `diffopt evaluate`."""

    schema_: Literal["diffopt.evaluation/1"] = Field(default="diffopt.evaluation/1", alias="schema")
    schedule: str | None = None
    schedule_options: dict[str, Any] = Field(default={})
    errors: ErrorsPart
    baselines: dict[str, ScorePart] = Field(default={}, description="karras and the optimum of the same question")
    exact_score: ScorePart | None = Field(default=None, description="errors of the same run without the score error, if any")
    ratios: dict[str, ScorePart] = Field(default={}, description="errors of the grid over those of karras and of the optimum")
    spectrum: SpectrumPart
    diffopt_version: str
