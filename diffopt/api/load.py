"""`diffopt.load`: read what diffopt writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from diffopt.api.arguments import filled, telling, verb
from diffopt.api.bare_grid import bare_grid
from diffopt.api.grids import given_grid
from diffopt.api.read_spectrum import read_spectrum
from diffopt.api.results.base import Result
from diffopt.api.results.run import RunResult
from diffopt.api.results.spectrum import SpectrumResult
from diffopt.documents.grid_file import SIGMAS, TIMES, TIMESTEPS
from diffopt.documents.held_numbers import USUAL, held_in, read_text
from diffopt.documents.number_list import content_of
from diffopt.documents.spectrum_columns import DERIVED, ROLES
from diffopt.documents.spectrum_formats import ENSEMBLE_SCHEMA, SPECTRUM_SCHEMA
from diffopt.errors import InputError
from diffopt.foundation.encoding import decode, read_bytes, suffix
from diffopt.foundation.names import is_numeral
from diffopt.foundation.registry import LazyTable
from diffopt.foundation.shown import text
from diffopt.foundation.strict_json import parse

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
        "diffopt.check/1": "results.check:CheckResult",
        "diffopt.budget/1": "results.budget:BudgetResult",
        "diffopt.siem/1": "results.siem:SiemResult",
    },
)
#: Those from which nothing is made, and what is in their place.
NOT_READ = {"diffopt.summary/1": "it is a summary of a spectrum, without its numbers; `diffopt spectrum convert` writes them"}
#: Schemas that are spectra.
SPECTRA = (SPECTRUM_SCHEMA, ENSEMBLE_SCHEMA)


@filled
def load(path: str | Path) -> Result | SpectrumResult:
    """Read a file of diffopt, or a list of noise ratios.

    Parameters
    ----------
    path : str or Path
        The .json of any result; a spectrum or an ensemble (.json, .npz, .csv), or `builtin:NAME`; a grid as .csv, .txt or
        a list in .json.

    Returns
    -------
    Result or SpectrumResult
        What wrote the file. A grid that stands there alone becomes a :class:`ScheduleResult` without errors, whose notes
        say what the file does not.

    Raises
    ------
    InputError
        Missing, no such file, or a form that says too little: tables for people (.md, and .csv of what is no grid), bare
        arrays (.npy), and times of a process that the file does not name.

    Examples
    --------
    >>> import diffopt, os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "grid.json")
    >>> diffopt.optimize([1.0, 0.1], steps=3).save(path)
    >>> diffopt.load(path).steps
    3
    """
    if not isinstance(path, str | Path):
        raise InputError(f"load takes a path, got an object of type {type(path).__name__}")
    if str(path).startswith("builtin:"):
        return read_spectrum(path)
    kind, shown = suffix(Path(path)), text(str(path))
    if kind == ".md":
        raise InputError(f"{shown} is a table for people, with four digits; load the .json of this result")
    if kind == ".npy":
        raise InputError(f"{shown}: eigenvalues or levels? use diffopt.read_spectrum, or give it to diffopt.evaluate as sigmas")
    if kind == ".npz":
        return read_spectrum(path)
    if kind == ".json":
        return _document(path, shown)
    return _table(path, shown) if kind == ".csv" else bare_grid(str(path))


def _table(path: str | Path, shown: str) -> Result | SpectrumResult:
    """What a table holds, by the names of its columns."""
    data = read_bytes(Path(path), shown)
    names = _header(data, str(path))
    if names & set(ROLES["eigenvalue"]) and names <= {*DERIVED, *(name for role in ROLES.values() for name in role)}:
        return _spectrum(data, shown)
    if names and not names & {*SIGMAS, *TIMES, *TIMESTEPS}:
        raise InputError(f"{shown} holds a table of {', '.join(sorted(names)[:3])}, ..., which is no grid; load the .json")
    return bare_grid(str(path), content_of(data, str(path)))


@verb
def _spectrum(data: bytes, shown: str) -> SpectrumResult:
    """The spectrum in the bytes of a table."""
    with telling():
        return SpectrumResult(read_text(data, shown, None, USUAL).dataset())


def _document(path: str | Path, shown: str) -> Result | SpectrumResult:
    """What a JSON file holds, by its schema."""
    content = parse(read_bytes(Path(path), shown), shown)
    if not isinstance(content, Mapping):
        return bare_grid(str(path), content)
    schema = content.get("schema")
    if schema in SPECTRA:
        with telling():
            return SpectrumResult(held_in(content, shown).dataset())
    if schema in NOT_READ:
        raise InputError(f"{shown}: {NOT_READ[schema]}")
    if not isinstance(schema, str) or schema not in RESULTS:
        if "sigmas" in content:
            return bare_grid(str(path), content)
        raise InputError(f"{shown}: no document of diffopt: `schema` is {str(schema)[:60]!r}, and there are no `sigmas`")
    if issubclass(RESULTS[schema], RunResult):
        given_grid(content)
    return RESULTS[schema](dict(content))


def _header(data: bytes, label: str) -> set[str]:
    """Names of the columns in small letters; none where the first line is numbers."""
    first = decode(data, label).lstrip().partition("\n")[0]
    cells = [cell.strip().strip('"').lower() for cell in first.split(",")]
    return set() if any(is_numeral(cell) for cell in cells) else set(cells)
