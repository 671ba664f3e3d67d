"""What is read of a schedule file, by strict models: text is never a number."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class GivenProcess(BaseModel):
    """Process of a schedule file that is read; other keys are options, checked where they are used."""

    model_config = ConfigDict(extra="allow", strict=True, defer_build=True)
    name: str | None = None
    sigma_max: float | None = None
    sigma_min: float | None = None
    betas: str | None = None
    alphas_cumprod: str | list[float] | None = None
    scheduler_config: str | None = None


class GivenSpectrum(BaseModel):
    """Spectrum that a schedule file was made for."""

    model_config = ConfigDict(extra="ignore", strict=True, defer_build=True)
    source: str | None = None
    sha256: str | None = None
    scale: float | None = None


class GridDocument(BaseModel):
    """What `diffopt evaluate` needs of a schedule file; other keys are ignored, text is never a number."""

    model_config = ConfigDict(extra="ignore", strict=True, defer_build=True)
    sigmas: list[float | None] = Field(min_length=2)
    steps: int | None = None
    eta: list[float] | None = None
    solver: str | None = None
    clock: str | None = None
    process: GivenProcess | None = None
    start: str | None = None
    end: str | None = None
    solver_options: dict[str, Any] = {}
    coefficients: list[list[float]] | None = None
    spectrum: GivenSpectrum | None = None
    score_error: str | float | None = None

    def process_values(self) -> dict[str, Any]:
        """What is said about the process, by key."""
        return {} if self.process is None else self.process.model_dump(exclude_none=True)

    def spectrum_values(self) -> dict[str, Any]:
        """Source, hash and scale of the spectrum, where they are said."""
        return {} if self.spectrum is None else self.spectrum.model_dump(exclude_none=True)
