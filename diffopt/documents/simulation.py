"""The file that `diffopt simulate` writes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from diffopt.documents.schemas import Document, ProcessPart


class MeasuredPart(Document):
    """A number with a 95 % interval from a grouped jackknife."""

    value: float
    low: float
    high: float


class TargetPart(Document):
    """What was sampled from."""

    kind: Literal["mixture", "samples", "denoiser", "target"]
    source: str
    dim: int
    components: int | None = Field(default=None, description="Gaussians of a mixture, samples of a kernel density")
    bandwidth: float | None = Field(default=None, description="blur of a kernel density, data units")


class ReferencePart(Document):
    """The fine run from the same noise that stands for the limit of the denoiser itself."""

    solver: str
    schedule: str
    steps: int
    error: float = Field(description="rmse between this run and one of half the steps")
    data: dict[str, MeasuredPart] | None


class SimulationRow(Document):
    """One grid with one solver; distances in data units."""

    schedule: str
    solver: str
    steps: int
    denoiser_calls: int
    sigmas: list[float | None]
    eta: list[float]
    limit: dict[str, MeasuredPart] | None = Field(
        description="distances to the reference: rmse and median along paths from the same noise (deterministic "
        "solvers), and frechet, sliced_w2, energy between laws"
    )
    data: dict[str, MeasuredPart] | None = Field(description="distances between laws to independent data")
    reason: str | None = Field(default=None, description="why something is null")


class SimulationDocument(Document):
    """Output of `diffopt simulate`."""

    schema_: Literal["diffopt.simulation/1"] = Field(default="diffopt.simulation/1", alias="schema")
    target: TargetPart
    process: ProcessPart
    start: str
    end: str
    samples: int
    seed: int
    score_error: str | None = Field(default=None, description="error of the denoiser in the rows; the reference has none")
    reference: ReferencePart
    floor: dict[str, float] | None = Field(
        description="distances between two independent sets of data of the same size: no data distance can fall below it"
    )
    rows: list[SimulationRow]
    diffopt_version: str
