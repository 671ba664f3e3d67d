"""`diffopt.evaluate`: the exact errors of a grid."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Unpack

from diffopt.api.arguments import Flags, loaded, read, verb
from diffopt.api.baselines import without_churn
from diffopt.api.filed_error import filed_error
from diffopt.api.grids import GivenGrid, check_answered, given_grid, grid_problem
from diffopt.api.higher import needed, needed_end
from diffopt.api.idle import idle_notes
from diffopt.api.likes import FileLike, GridLike, NumbersLike, SolverLike, SpectrumLike, WholeLike
from diffopt.api.notes import assumption_notes, data_notes, mismatch_notes, problem_notes
from diffopt.api.optimum import optimum
from diffopt.api.results.run import EvaluationResult
from diffopt.data.dataset import Dataset
from diffopt.documents.build import evaluation_document
from diffopt.documents.chosen import schedule_of
from diffopt.documents.question import make_problem
from diffopt.documents.schemas import dump
from diffopt.documents.settings import Settings
from diffopt.errors import DiffoptError, InputError
from diffopt.objectives.evaluation import Evaluation
from diffopt.objectives.evaluation import evaluate as run_evaluation
from diffopt.objectives.problem import Problem
from diffopt.processes.grid import Grid
from diffopt.schedules import HABIT, Schedule
from diffopt.search.starts import applicable
from diffopt.studies.error_map import ErrorMap, error_map

#: Most steps for which a grid is compared with the optimum.
REFERENCES = 100


@verb
def evaluate(
    spectrum: SpectrumLike,
    grid: GridLike | None = None,
    solver: SolverLike | None = None,
    steps: WholeLike | None = None,
    *,
    sigmas: FileLike | NumbersLike | None = None,
    times: FileLike | NumbersLike | None = None,
    host: str | None = None,
    **flags: Unpack[Flags],
) -> EvaluationResult:
    """Compute the exact errors of a step grid.

    Parameters
    ----------
    spectrum : path, str, array, Spectrum, Dataset or estimate
        Data, as in :func:`diffopt.optimize`.
    grid : path, result or array, optional
        A file that `diffopt` wrote, what a verb returned, or noise ratios (N + 1,).
    solver, steps : optional
        As in :func:`diffopt.optimize`; a file says its own solver.
    sigmas, times : array or str, optional
        Noise ratios (N + 1,), or times of the process (s for `flow`), decreasing.
    host : str, optional
        Refused, with what says it instead: `start`, :func:`diffopt.check`, :func:`diffopt.compare`.
    **flags
        The flags of `diffopt evaluate` with underscores, such as `schedule="karras:rho=5"`.

    Returns
    -------
    EvaluationResult
        `.errors` with the keys of the documents.

    Raises
    ------
    InputError
        No grid, several, one that does not fit the process, or a flag that has no effect beside it.
    TypeError
        An unknown keyword, with the nearest one.

    Examples
    --------
    >>> import diffopt
    >>> one = diffopt.evaluate([1.0], sigmas=[1.0, 0.0], start="unit")
    >>> round(one.errors["frechet"], 12)
    0.292893218813
    """
    if host is not None:
        raise InputError(
            f"evaluate takes no --host {host}: its start law is --start unit or sigma; `diffopt check GRID --host {host}` "
            "says what it runs and the error there, `diffopt compare-schedules --host` which schedules it offers"
        )
    settings = read("evaluate", flags, ("sigmas", "times", "host"), solver=solver, steps=steps)
    listed = given_grid(grid, sigmas, times)
    if (listed is None) == (settings.schedule is None):
        raise InputError("give one grid: SCHEDULE.json, --schedule NAME, --sigmas LIST or --times LIST")
    data = loaded(spectrum, flags)
    if listed is not None:
        said = {k for k, v in {**flags, "solver": solver, "steps": steps}.items() if v is not None}
        return _listed(listed, settings, {**flags, "steps": steps}, said, data)
    problem = make_problem(settings, data)
    rule = schedule_of(settings)
    return _result(problem, rule.grid(problem.compressed().span), settings.eta, rule, (), data)


def _listed(listed: GivenGrid, settings: Settings, flags: Any, given: set[str], data: Dataset) -> EvaluationResult:
    check_answered(listed, flags)
    settings, wrong = filed_error(listed, listed.fill(settings, given), given, data)
    problem, sigmas = grid_problem(listed, settings, data)
    eta = settings.eta
    document = listed.document
    same = document is not None and document.solver in (None, problem.solver.name)
    if eta is None and same and document is not None and problem.solver.eta_meaning is not None:
        eta = document.eta
    notes = [*mismatch_notes(listed, problem, given), *wrong]
    return _result(problem, Grid.create(problem.process, sigmas), eta, None, tuple(notes), data)


def _result(
    problem: Problem, grid: Grid, eta: Any, schedule: Schedule | None, notes: tuple[str, ...], data: Dataset
) -> EvaluationResult:
    evaluation = run_evaluation(problem, grid, eta)
    etas = problem.solver.etas(eta, grid.steps)
    others = _references(problem, eta), needed(problem, evaluation), _exact_score(problem, grid, eta)
    lower = needed_end(problem, evaluation)
    document = dump(evaluation_document(problem, grid, etas, evaluation, schedule, *others, lower))

    assumed = assumption_notes(problem, grid, etas, evaluation, listed=schedule is None)
    assumed += idle_notes(problem, grid, etas, "frechet", evaluation.frechet)

    def local() -> ErrorMap:
        return error_map(problem.solver, grid, problem.spectrum, etas)

    said = (*data_notes(data), *problem_notes(problem), *notes, *assumed)
    return EvaluationResult(document, said, data, local=local, highest=problem.process.sigma_limits[0])


def _exact_score(problem: Problem, grid: Grid, eta: Any) -> Evaluation | None:
    """The same run with an exact score: what of its steps' error is not the score's."""
    if problem.solver.error is None:
        return None
    right = replace(problem.compressed("reference"), solver=replace(problem.solver, error=None))
    try:
        return run_evaluation(right, grid, eta, expand=False)
    except DiffoptError:
        return None


def _references(problem: Problem, eta: Any) -> dict[str, Evaluation]:
    """Karras (without churn too) and the optimum of the same question, where they exist and cost next to nothing."""
    if problem.steps > REFERENCES:
        return {}
    short = problem.compressed("reference")
    grids = applicable(problem, (HABIT,))
    best = optimum(problem, eta)
    grids |= {} if best is None else {"optimized": best}
    return {name: run_evaluation(short, grid, eta, expand=False) for name, grid in grids.items()} | without_churn(problem, grids)
