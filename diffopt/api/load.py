"""`diffopt.load`: read what diffopt writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffopt.api.grids import file_settings, given_grid
from diffopt.api.results.base import Result
from diffopt.api.results.run import RunResult, ScheduleResult
from diffopt.data.dataset import Dataset
from diffopt.documents.options import options_of
from diffopt.documents.settings import Chosen, Settings
from diffopt.documents.spectrum_file import load_dataset
from diffopt.documents.spectrum_formats import ENSEMBLE_SCHEMA, SPECTRUM_SCHEMA
from diffopt.errors import InputError
from diffopt.foundation.registry import LazyTable
from diffopt.processes.grid import Grid

#: Result of each schema; only the one that is asked for is imported.
RESULTS: LazyTable[type[Result]] = LazyTable(
    "diffopt.api",
    {
        "diffopt.schedule/1": "results.run:ScheduleResult",
        "diffopt.evaluation/1": "results.run:EvaluationResult",
        "diffopt.comparison/1": "results.compare:ComparisonResult",
        "diffopt.convergence/1": "results.studies:OrdersResult",
        "diffopt.eta/1": "results.studies:EtaResult",
        "diffopt.simulation/1": "results.simulate:SimulationResult",
        "diffopt.recommendation/1": "results.recommend:RecommendationResult",
        "diffopt.shift/1": "results.recommend:ShiftResult",
        "diffopt.check/1": "check:CheckResult",
        "diffopt.budget/1": "results.budget:BudgetResult",
        "diffopt.siem/1": "results.siem:SiemResult",
    },
)
#: Those from which nothing is made, and what is in their place.
NOT_READ = {"diffopt.summary/1": "it is a summary of a spectrum, without its numbers; `diffopt spectrum convert` writes them"}


def load(path: str | Path) -> Any:
    """Read a file of diffopt, or any list of noise ratios.

    Parameters
    ----------
    path : str or Path
        A document (.json), a spectrum or ensemble, or a grid in any form that `diffopt evaluate` reads.

    Returns
    -------
    Result or Dataset
        What wrote the file; a bare list becomes a :class:`ScheduleResult` without errors.

    Raises
    ------
    InputError
        Missing, or not such a file.

    Examples
    --------
    >>> import diffopt, os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "grid.json")
    >>> diffopt.optimize([1.0, 0.1], steps=3).save(path)
    >>> diffopt.load(path).steps
    3
    """
    content = _json(Path(path))
    schema = content.get("schema") if isinstance(content, Mapping) else None
    if schema in (SPECTRUM_SCHEMA, ENSEMBLE_SCHEMA) or Path(path).suffix.lower() == ".npz":
        found: Dataset = load_dataset(path)
        return found
    if schema in NOT_READ:
        raise InputError(f"{path}: {NOT_READ[schema]}")
    if isinstance(content, Mapping) and isinstance(schema, str) and schema in RESULTS:
        if issubclass(RESULTS[schema], RunResult):
            given_grid(content)
        return RESULTS[schema](dict(content))
    return _bare(path)


def _json(path: Path) -> Any:
    """Content of a JSON file, None where it is another kind of file."""
    if path.suffix.lower() != ".json":
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        # The reader of grids says what is wrong.
        return None


def _bare(path: str | Path) -> ScheduleResult:
    """A grid without the rest of a document: what it says, and the defaults."""
    grid = given_grid(str(path))
    assert grid is not None
    settings = grid.fill(Settings(), set())
    chosen = Chosen.create(settings)
    listed = Grid.create(chosen.process, grid.sigmas(chosen.process, settings.end))
    steps = listed.timesteps
    said = file_settings(grid.document) if grid.document is not None else {}
    document: dict[str, Any] = {
        "solver": said.get("solver"), "steps": listed.steps, "clock": said.get("clock"),
        "process": {"name": chosen.process.name, **chosen.process.parameters(), **chosen.process.origin()},
        "start": settings.start, "end": "zero" if listed.sigmas[-1] == 0 else "sigma_min",
        "sigmas": [None if s == float("inf") else float(s) for s in listed.sigmas],
        "times": [float(t) for t in listed.times], "timesteps": None if steps is None else [float(t) for t in steps],
        "eta": list((grid.document.eta if grid.document else None) or [chosen.solver.default_eta] * listed.steps),
        "eta_meaning": chosen.solver.eta_meaning, "solver_options": options_of(chosen.solver), "errors": {},
    }  # fmt: skip
    return ScheduleResult({k: v for k, v in document.items() if v is not None or k == "timesteps"})
