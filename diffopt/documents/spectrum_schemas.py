"""The JSON files of spectra and ensembles, as pydantic models."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Numbers(BaseModel):
    """Eigenvalues in squared units of the data, multiplicities, and the mean's projections."""

    model_config = ConfigDict(extra="allow", defer_build=True)
    eigenvalues: list[float] = Field(min_length=1, description="descending")
    weights: list[float] | None = Field(default=None, description="multiplicities, positive")
    mean: list[float] | None = Field(default=None, description="root-mean-square projection per entry; null is 0")


class MemberPart(_Numbers):
    """Spectrum of a part of the data."""

    label: str
    probability: float = Field(gt=0)


class _Facts(BaseModel):
    """What a spectrum is; what stands beside is provenance."""

    model_config = ConfigDict(extra="allow", defer_build=True)
    dim: float
    trace: float
    max: float
    rank: float
    source: str
    sha256: str


class SpectrumDocument(_Numbers, _Facts):
    """Output of `diffopt spectrum`; what stands beside the numbers is provenance."""

    schema_: Literal["diffopt.spectrum/1"] = Field(default="diffopt.spectrum/1", alias="schema")


class EnsembleDocument(SpectrumDocument):
    """A spectrum of all data with those of its parts."""

    schema_: Literal["diffopt.ensemble/1"] = Field(default="diffopt.ensemble/1", alias="schema")  # type: ignore[assignment]
    members: list[MemberPart] = Field(min_length=1)


class MemberSummary(BaseModel):
    """A part of the data, without its numbers."""

    label: str
    probability: float
    entries: int = Field(description="different eigenvalues")


class SummaryDocument(_Facts):
    """Output of `diffopt spectrum show`: the facts of a spectrum without its long lists; no spectrum is read from it."""

    schema_: Literal["diffopt.summary/1"] = Field(default="diffopt.summary/1", alias="schema")
    members: list[MemberSummary]
