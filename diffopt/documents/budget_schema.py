"""The document of `diffopt error-budget`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from diffopt.documents.schemas import Document, ProcessPart, SpectrumPart


class TermsPart(Document):
    """Expected squared 2-Wasserstein error of each source alone, data units squared; null where it is infinite."""

    generalization: float | None
    optimization: float | None
    discretization: float | None
    noise_floor: float | None
    initialization: float | None


class SamplerPart(Document):
    """The sampler: `exact` (the reverse flow without steps), `langevin`, or a solver on its grid."""

    name: str
    steps: int | None = None
    denoiser_calls: int | None = None
    process: ProcessPart | None = None
    sigmas: list[float | None] | None = None
    sigma_max: float | None = None
    sigma_min: float | None = None
    gamma: float | None = None
    eta: float | list[float] | None = None
    start: str
    end: str | None = None
    schedule: str | None = Field(default=None, description="rule of the grid; null: a grid that was given, or none")


class TrainingPart(Document):
    """Descent on the score-matching loss."""

    tau: float
    iterations: int | None = Field(description="null: the stationary state")
    precondition: bool


class CompressionPart(Document):
    """Eigenvalues that the sums ran over, and what that may change in the total, data units squared."""

    eigenvalues: int
    bound: float


class HalvingPart(Document):
    """Total, and the terms, when one number alone is moved so that its source is halved."""

    value: float
    total: float | None
    terms: TermsPart


class SimulatedPart(Document):
    """Mean over repetitions with its 95 % interval, and the prediction for the spectrum that was simulated."""

    value: float
    low: float
    high: float
    predicted: float | None
    inside: bool


class PlanPart(Document):
    """Best values of the free numbers within the limits."""

    free: list[str]
    subject_to: str | None
    values: dict[str, float]
    evaluations: int


class BudgetDocument(Document):
    """Output of `diffopt error-budget`."""

    schema_: Literal["diffopt.budget/1"] = Field(default="diffopt.budget/1", alias="schema")
    terms: TermsPart
    interaction: float | None = Field(description="total minus the sum of the terms: deviations add before they are squared")
    total: float | None
    valid: bool = Field(description="whether the total is claimed to be right within a tenth")
    reasons: list[str]
    dominant: str | None
    spread: float = Field(description="parameter of the expansion, at most 0.25 where it is valid")
    halving: dict[str, HalvingPart]
    samples: float | None
    training: TrainingPart | None
    sampler: SamplerPart
    simulated: dict[str, SimulatedPart] | None = None
    simulated_on: str | None = None
    repetitions: int | None = None
    plan: PlanPart | None = None
    compression: CompressionPart | None = None
    kernel: str | None = None
    spectrum: SpectrumPart
    diffopt_version: str
