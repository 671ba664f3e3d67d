"""The files of `diffopt eta` and `diffopt convergence`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from diffopt.documents.schemas import BEATS, Document, ProcessPart, SpectrumPart
from diffopt.studies.claims import Claim


class NoiseRow(Document):
    """A noise design: what was minimized, and its three errors in data units."""

    clock: str | None
    design: str
    objective: str
    exact: float
    signed: float
    absolute: float
    parameters: dict[str, float]
    eta: list[float]
    beats_ends: Claim | None = Field(default=None, description=BEATS)
    beats_present: Claim | None = Field(
        default=None, description="as beats_ends, of any design over the present setting; null where that has no finite error"
    )


class EtaDocument(Document):
    """Output of `diffopt eta`."""

    schema_: Literal["diffopt.eta/1"] = Field(default="diffopt.eta/1", alias="schema")
    solver: str
    steps: int
    eta_meaning: str | None
    schedule: str
    schedule_options: dict[str, Any] = Field(default={})
    solver_options: dict[str, Any] = Field(default={})
    score_error: str | None
    process: ProcessPart
    start: str
    end: str
    spectrum: SpectrumPart
    sigmas: list[float | None]
    host: str | None = Field(default=None, description="program that runs this scheme; null: any")
    present: NoiseRow | None = Field(default=None, description="the setting in force; null where its error is not finite")
    present_given: bool = Field(default=True, description="whether the present eta was given; else it is the solver's default")
    advised: int | None = Field(
        default=None,
        description="place in rows, from 0, of the one to take: better also where data are not Gaussian; null: the present one",
    )
    rows: list[NoiseRow]
    command: str | None = Field(default=None, description="writes the grid's file with the eta to take, for a host")
    diffopt_version: str


class ConvergenceRow(Document):
    """A solver in one metric: errors by step count, order with interval, cost of the accuracy."""

    solver: str
    clock: str | None
    eta: float | None
    metric: str
    expected: int | None = Field(description="order of the law; null for strong errors")
    steps: list[int]
    errors: list[float]
    order: float | None
    low: float | None
    high: float | None
    constant: float | None
    accuracy: float | None = Field(default=None, description="error that is asked for, in the units of the metric")
    needed: int | None = Field(description="steps for the accuracy; null beyond the limit")
    calls: int | None
    note: str
    signs: list[int] | None = Field(default=None, description="of weak errors: 1 too much, -1 too little second moment")
    solver_options: dict[str, Any] = Field(default={})


class ConvergenceDocument(Document):
    """Output of `diffopt convergence`."""

    schema_: Literal["diffopt.convergence/1"] = Field(default="diffopt.convergence/1", alias="schema")
    accuracy: float = Field(description="data units; of the weak metric, whose errors are squares, each row has its own")
    schedule: str
    schedule_options: dict[str, Any] = Field(default={})
    process: ProcessPart
    spectrum: SpectrumPart
    seed: int
    paths: int | None = Field(default=None, description="simulated paths of the strong metric")
    score_error: str | None = Field(default=None, description="error of the score that the errors were computed with")
    start: Literal["exact"] = Field(default="exact", description="the exact law at sigma_max: the errors are those of the steps")
    end: Literal["sigma_min"] = Field(default="sigma_min", description="where the grids stop, and the errors are measured")
    start_error: float | None = Field(
        default=None,
        description="what a start from N(0, sigma_max^2) would add at most to a distance; null from pure noise, which is exact",
    )
    rows: list[ConvergenceRow]
    diffopt_version: str
