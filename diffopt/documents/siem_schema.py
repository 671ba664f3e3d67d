"""The document of `diffopt siem`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from diffopt.documents.schemas import Document


class IntervalPart(Document):
    """Estimate with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


class ParticlePart(IntervalPart):
    """Per-particle variant."""

    upper_bound: bool = Field(description="no reference: the spread of the noise itself is in it")


class LevelPart(Document):
    """One noise level: mean of y.e and number of rows."""

    sigma: float
    drift: float
    rows: int


class SiemDocument(Document):
    """Output of `diffopt siem`."""

    schema_: Literal["diffopt.siem/1"] = Field(default="diffopt.siem/1", alias="schema")
    coherent: IntervalPart
    per_particle: ParticlePart
    mean_vector_norm: IntervalPart
    method: str = "a reconstruction of SIEM, derived in theory.md"
    rows: int
    rows_used: int
    dim: int
    window: float | list[float] | None
    sigma_min: float
    sigma_max: float
    eta: float
    clock: str
    weighted: bool
    reference: str | None
    levels: list[LevelPart]
    seed: int
    diffopt_version: str
