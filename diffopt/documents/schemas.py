"""The JSON files, as pydantic models: what is written, what is read, and their schemas."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from diffopt.foundation.registry import LazyTable
from diffopt.objectives.metrics import COMPARED, METRICS
from diffopt.studies.claims import Claim


class Document(BaseModel):
    """Common settings: no unknown keys, aliases on output."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, defer_build=True)


class ProcessPart(Document):
    """Forward process and range of noise ratios; a null sigma_max is pure noise."""

    model_config = ConfigDict(extra="allow", defer_build=True)
    name: str
    sigma_max: float | None
    sigma_min: float

    @model_validator(mode="before")
    @classmethod
    def _counted(cls, given: Any) -> Any:
        """A number of levels is whole."""
        many = given.get("levels") if isinstance(given, dict) else None
        return {**given, "levels": int(many)} if many is not None and float(many).is_integer() else given


def metric_fields(names: Iterable[str]) -> dict[str, Any]:
    """A field for each metric, with its title and unit."""
    said = {name: f"{METRICS[name].title}, {METRICS[name].unit}" for name in names}
    return {name: (float | None, Field(default=None, description=text)) for name, text in said.items()}


class _Reasons(Document):
    """Errors in data units (kl in nats); null where not defined, the reason beside it in `reasons`."""

    reasons: dict[str, str] | None = None


#: Every error of a run.
ErrorsPart: Any = create_model("ErrorsPart", __base__=_Reasons, __doc__=_Reasons.__doc__, **metric_fields(METRICS))
#: Exact errors of a baseline.
ScorePart: Any = create_model("ScorePart", __base__=Document, __doc__="Exact errors of a baseline.", **metric_fields(COMPARED))


class SpectrumPart(Document):
    """What the errors were computed for."""

    source: str
    sha256: str
    dim: int | float
    trace: float
    max: float
    clipped: int = Field(default=0, description="eigenvalues within rounding of 0 set to 0")
    scale: float | None = Field(default=None, description="factor from stored numbers to these units, where known")
    samples: int | None = Field(default=None, description="samples that it was estimated from, where known")
    shrinkage: str | None = Field(default=None, description="how their number was corrected for, where known")


class ObjectivePart(Document):
    """What was minimized and the value reached."""

    name: str
    value: float | None


#: What a claim of a constant eta says.
BEATS = (
    "whether a constant eta has a smaller exact error than eta 0 and than eta 1: no, on gaussian data with this spectrum, or "
    "wider, also on data that are not Gaussian; null where it is not looked at"
)


class StillPart(Document):
    """The best run without churn: the numbers that were free beside it, searched for again."""

    family: dict[str, float] = Field(description="numbers that were free, without those of churn")
    sigmas: list[float | None]
    robust: float | None
    frechet: float | None


class ChurnPart(Document):
    """The run beside the same one without churn (theory.md, eqs. 426-428); pairs are with churn and without."""

    repairs: Literal["start", "steps", "score"] | None = Field(description="part of robust squared that falls most")
    parts: dict[str, tuple[float, float]] = Field(description="start, steps, score: of robust squared")
    frechet: tuple[float, float]
    claim: Claim = Field(description="where frechet gains a twentieth: no, on gaussian data, or wider, as for beats_ends")
    other_sign: dict[str, tuple[float, float]] | None = Field(
        default=None, description="robust and frechet where a systematic score error has the other sign"
    )
    still: StillPart | None = Field(default=None, description="the best without churn; null where nothing else was free")
    sigma_max_needed: float | None = Field(
        default=None, description="as that of the run, of the best run without churn; of this run without it where still is null"
    )


class OptimizerPart(Document):
    """How the optimum was found."""

    converged: bool
    message: str
    evaluations: int
    starts: int
    free: list[str]
    family: dict[str, float] = Field(default={}, description="numbers that were free, at the optimum; infinite ones are left out")
    family_start: dict[str, float] = Field(default={}, description="where the search for them began")
    schedule: str | None = None
    schedule_options: dict[str, Any] = {}
    at_bound: list[str] = Field(default=[], description="what ended at the end of the range that was searched, with its value")
    beats_ends: Claim | None = Field(default=None, description=BEATS)
    baseline_eta: list[float] | None = Field(default=None, description="eta of each step of the baselines, where eta was free")
    churn: ChurnPart | None = Field(default=None, description="what a churn that was searched for does")


class RunPart(Document):
    """A grid and the sampler it is for."""

    solver: str
    steps: int
    denoiser_calls: int
    clock: str | None
    process: ProcessPart
    start: str
    end: str
    sigmas: list[float | None] = Field(description="steps + 1 noise ratios, decreasing; a leading null is infinite")
    times: list[float] = Field(description="the same points in the process's own time")
    timesteps: list[float] | None = Field(description="conditioning of a trained model at the points it is called")
    eta: list[float] = Field(description="diffusion-term coefficient of each step")
    eta_meaning: str | None = Field(default=None, description="which of the hosts' etas is meant")
    solver_options: dict[str, Any] = Field(default={}, description="options of the solver by the name of their field")
    coefficients: list[list[float]] | None = Field(
        default=None, description="per step, newest output first: x' = (sigma'/sigma) x + sum_j c_kj D_(k-j), x = z/alpha"
    )
    score_error: str | None = Field(default=None, description="error of the score that the errors were computed with")
    sigma_max_needed: float | None = Field(
        default=None,
        description="sigma_max at which the start law's error is a quarter of the steps' (docs/theory.md, eq. 441), or the most "
        "that the process has; null where it is reached",
    )
    sigma_min_needed: float | None = Field(
        default=None,
        description="sigma_min at which what a grid that stops there leaves is a quarter of the steps' error (docs/theory.md, "
        "eq. 444), or the least that the process has; null where it is reached, and of grids that end at 0",
    )


class ScheduleDocument(RunPart):
    """Output of `diffopt optimize`."""

    schema_: Literal["diffopt.schedule/1"] = Field(default="diffopt.schedule/1", alias="schema")
    host: str | None = Field(default=None, description="program whose run was optimized, where one was named")
    objective: ObjectivePart
    errors: ErrorsPart
    baselines: dict[str, ScorePart]
    spectrum: SpectrumPart
    optimizer: OptimizerPart
    diffopt_version: str


#: Documents by schema name.
DOCUMENTS: LazyTable[type[BaseModel]] = LazyTable(
    "diffopt.documents",
    {
        "diffopt.schedule/1": "schemas:ScheduleDocument",
        "diffopt.evaluation/1": "evaluation_schema:EvaluationDocument",
        "diffopt.comparison/1": "comparison_schema:ComparisonDocument",
        "diffopt.eta/1": "study_schemas:EtaDocument",
        "diffopt.recommendation/1": "recommendation:RecommendationDocument",
        "diffopt.shift/1": "recommendation:ShiftDocument",
        "diffopt.convergence/1": "study_schemas:ConvergenceDocument",
        "diffopt.check/1": "check_schema:CheckDocument",
        "diffopt.spectrum/1": "spectrum_schemas:SpectrumDocument",
        "diffopt.ensemble/1": "spectrum_schemas:EnsembleDocument",
        "diffopt.summary/1": "spectrum_schemas:SummaryDocument",
        "diffopt.budget/1": "budget_schema:BudgetDocument",
        "diffopt.siem/1": "siem_schema:SiemDocument",
        "diffopt.simulation/1": "simulation:SimulationDocument",
    },
)


def dump(document: BaseModel) -> dict[str, Any]:
    """Plain data with the schema name first."""
    data = document.model_dump(by_alias=True)
    return {"schema": data.pop("schema"), **data} if "schema" in data else data
