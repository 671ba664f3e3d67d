"""Documents of `recommend` and `shift`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from diffopt.documents.schemas import Document, ProcessPart, SpectrumPart


class OfferRow(Document):
    """One solver on one grid at equal denoiser calls, errors in data units."""

    solver: str
    schedule: str
    calls: int
    steps: int
    eta: float
    robust: float
    frechet: float
    robust_steps: float | None = Field(default=None, description="robust without the part of the start")
    to_best: float = Field(description="robust over that of the first row")
    habit: bool = Field(
        default=False,
        description="what is run without looking, as the host runs it: dpmpp_2m on karras; of flow models the model's own "
        "grid, or euler on simple at its shift",
    )
    verdict: Literal["take", "equal", "doubted", "fitted", "more"] = Field(
        default="more", description="equal: no sure difference from the least error; doubted: less, by noise that may not gain"
    )
    doubt: Literal["ends", "rival", "gaussian"] | None = Field(
        default=None,
        description="why a lead by noise does not count (docs/theory.md, eq. 423): over eta 0 and 1 on its own grid, over the "
        "best solver without noise, or on data that are not Gaussian",
    )
    eta_found: Literal["none", "searched", "bound", "fixed", "own"] = Field(
        default="none",
        description="whence eta: searched with the grid, held by the bound of that search, the host's, or the solver's own, "
        "where the search says that none is best",
    )
    sentence: str
    start: str = Field(default="exact", description="initial law")
    solver_options: dict[str, Any] = Field(default={}, description="options of the solver by the name of their field")
    command: str = Field(default="", description="states this row's errors again; with --output it writes the row's file")
    sigmas: list[float | None]


class RecommendationDocument(Document):
    """Output of `diffopt recommend`: the row that is advised first, the others by `robust`."""

    schema_: Literal["diffopt.recommendation/1"] = Field(default="diffopt.recommendation/1", alias="schema")
    calls: int
    host: str | None
    rows: list[OfferRow]
    margin_to_next: float | None = Field(description="robust of the nearest other solver that counts over the first row")
    margin_to_habit: float | None = Field(description="robust of the habit over the first row")
    command: str = Field(description="makes the file of the first row")
    certainty: list[str]
    process: ProcessPart
    start: str
    end: str
    score_error: str | None = Field(default=None, description="error of the score that the errors were computed with")
    spectrum: SpectrumPart
    diffopt_version: str


class ShiftRow(Document):
    """A shift s = exp(mu) of rectified-flow time, and the errors of its grid in data units."""

    name: str
    mu: float
    shift: float
    frechet: float | None
    robust: float | None
    sentence: str


class ShiftDocument(Document):
    """Output of `diffopt shift`; the first row is the optimum within the family."""

    schema_: Literal["diffopt.shift/1"] = Field(default="diffopt.shift/1", alias="schema")
    solver: str
    steps: int
    objective: str
    tokens: int
    frames: int
    frame_correlation: float
    rows: list[ShiftRow]
    spectrum: SpectrumPart
    diffopt_version: str
