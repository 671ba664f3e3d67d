"""`diffopt.orders`: observed orders, and what an accuracy costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Any, Unpack

from diffopt import __version__
from diffopt.api.arguments import Flags, keywords, loaded, read, verb
from diffopt.api.likes import CountsLike, NamesLike, SolversLike, SpectrumLike
from diffopt.api.notes import condition_words, data_notes, error_words, range_notes
from diffopt.api.results.studies import OrdersResult
from diffopt.documents.build import error_text, process_part, spectrum_part
from diffopt.documents.chosen import schedule_of
from diffopt.documents.options import options_of
from diffopt.documents.question import make_problems
from diffopt.documents.schemas import dump
from diffopt.documents.study_schemas import ConvergenceDocument, ConvergenceRow
from diffopt.documents.values import many, number, words
from diffopt.errors import InputError, UnsupportedError
from diffopt.foundation.names import check_name
from diffopt.foundation.notes import note
from diffopt.objectives.problem import Problem
from diffopt.schedules import HABIT, Schedule
from diffopt.studies.covering import start_error
from diffopt.studies.orders import ORDER_METRICS, Convergence, with_notes
from diffopt.studies.orders import convergence as measure

if TYPE_CHECKING:
    from diffopt.studies.error_map import ErrorMap

#: Solvers unless others are named, and simulated paths.
USUAL_SOLVERS = (
    "euler", "heun", "euler_maruyama", "exponential_integrator", "heun_sde", "sra1", "randomized_midpoint",
    "randomized_exponential_midpoint", "local_linearization", "local_linearization_time",
)  # fmt: skip
PATHS = 2000
#: What is not among them, though it may be cheaper.
MULTISTEP = "note: one-step solvers; multistep ones, which may be cheaper, have to be named: --solver heun_sde,dpmpp_2m,unipc"


@verb
def orders(
    spectrum: SpectrumLike,
    solver: SolversLike | None = None,
    steps: CountsLike | None = None,
    *,
    metric: NamesLike | None = None,
    accuracy: float | None = None,
    paths: int | None = None,
    seed: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    **flags: Unpack[Flags],
) -> OrdersResult:
    """Measure how fast the errors of solvers fall with the number of steps, from the exact law at sigma_max to sigma_min.

    Parameters
    ----------
    spectrum : path, str, array, Spectrum, Dataset or estimate
        Data, as in :func:`diffopt.optimize`.
    solver : str or list, optional
        Names; default ten one-step solvers of first and second order.
    steps : list of int, optional
        Increasing step counts.
    metric : str or list, optional
        `frechet`, `weak`, `strong`; default all.
    accuracy : float, optional
        Error for which steps are counted, data units; default 1 % of the root of the trace. Weak errors, which are
        differences of squares, are held to this times the root of the trace.
    paths, seed : int, optional
        Simulated paths (a multiple of 20; default 2000) and their seed, of `strong`.
    progress : callable, optional
        Called with (measurements done, in all).
    **flags
        The flags of `diffopt convergence` with underscores.

    Raises
    ------
    InputError
        A value that is not allowed, or nothing that could be measured.
    TypeError
        An unknown keyword, with the nearest one.

    Examples
    --------
    >>> import diffopt
    >>> found = diffopt.orders([1.0, 0.1], "euler,heun", [40, 80, 160], metric="frechet", sigma_min=0.05)
    >>> [round(row["order"]) for row in found.document["rows"]]
    [1, 2]
    """
    settings = read("orders", flags, keywords(orders))
    settings = settings.replace(end="sigma_min", schedule=settings.schedule or HABIT)
    metrics = _metrics(metric, settings.score_error is not None)
    if "strong" not in metrics and (paths is not None or seed is not None):
        raise InputError("--paths and --seed are of the strong metric, which is not asked for; leave them out")
    counts = None if steps is None else tuple(many(steps, "steps"))
    data = loaded(spectrum, flags)
    goal = 0.01 * data.spectrum.trace**0.5 if accuracy is None else number(accuracy, "accuracy")
    schedule = schedule_of(settings)
    names = words(solver) if isinstance(solver, str | list | tuple) else [solver] if solver is not None else list(USUAL_SOLVERS)
    least = settings.steps if not counts else max(min(counts), 1)
    problems = make_problems(settings, data, names, least)
    if settings.eta is not None and all(problem.solver.eta_meaning is None for problem in problems):
        problems[0].solver.etas(settings.eta, 1)
    rows: list[Convergence] = []
    measured: list[Problem] = []
    spread = data.spectrum.trace**0.5
    share = f" ({100 * goal / spread:.3g} % of the data's spread)" if spread > 0 else ""
    using = [f"grids of {schedule.name}", *condition_words(problems[0]), *error_words(problems[0].solver)]
    notes = [f"using {', '.join(using)}, accuracy {goal:.4g}{share}"]
    ranged = "range: of the successive slopes" * (set(metrics) != {"strong"})
    simulated = f"{'of strong ' if ranged else 'range: '}the 95 % interval over batches of paths" * ("strong" in metrics)
    notes.append(f"note: {', '.join(part for part in (ranged, simulated) if part)}")
    if solver is None:
        notes.append(MULTISTEP)
    todo = [(problem, name) for problem in problems for name in metrics]
    for done, (problem, name) in enumerate(todo, 1):
        eta = settings.eta if problem.solver.eta_meaning is not None or len(names) == 1 else None
        try:
            rows.append(measure(problem, schedule, name, goal, eta, counts, seed or 0, PATHS if paths is None else paths))
            measured.append(problem)
        except UnsupportedError as error:
            notes.append(f"note: {problem.solver.name}, {name}: {error}")
        if progress is not None:
            progress(done, len(todo))
    if not rows:
        raise InputError(_nothing([line for line in notes[2:] if line != MULTISTEP]))
    rows = with_notes(rows)
    document = ConvergenceDocument(
        accuracy=goal, schedule=schedule.name, schedule_options=options_of(schedule), seed=seed or 0,
        score_error=error_text(problems[0].solver), start_error=_start(problems[0]),
        process=process_part(problems[0]), spectrum=spectrum_part(data.spectrum, data.facts),
        paths=(PATHS if paths is None else paths) if any(r.metric == "strong" for r in rows) else None,
        rows=[ConvergenceRow(**vars(r), solver_options=options_of(p.solver)) for r, p in zip(rows, measured, strict=True)],
        diffopt_version=__version__,
    )  # fmt: skip
    said = (*data_notes(data, robust=False), *notes, *range_notes(problems[0]))
    return OrdersResult(dump(document), said, rows, lambda: _local(measured[0], schedule, rows[0].steps[0], settings.eta))


def _local(problem: Problem, schedule: Schedule, steps: int, eta: Any) -> ErrorMap:
    """Where a solver's error is made, at one of its numbers of steps."""
    # A study without its picture need not wait for it.
    from diffopt.studies.error_map import error_map

    grid = schedule.grid(replace(problem.compressed().span, steps=steps))
    return error_map(problem.solver, grid, problem.spectrum, eta if problem.solver.eta_meaning else None)


def _start(problem: Problem) -> float | None:
    """What a start from noise alone would add at most (theory.md, eq. 440); pure noise is exact."""
    return start_error(problem.compressed().spectrum, problem.sigma_max, "sigma") if isfinite(problem.sigma_max) else None


def _nothing(refusals: list[str]) -> str:
    """The first refusal, and whether others have other reasons."""
    others = "; other solvers and metrics have other reasons" if len({line.rpartition(": ")[2] for line in refusals}) > 1 else ""
    first = refusals[0].removeprefix("note: ")
    return f"nothing could be measured: {first}{others}; see --solver, --metric, --schedule and --sigma-max"


def _metrics(given: Any, wrong: bool) -> list[str]:
    """The metrics that were asked for; a coupled path has the exact score on both sides."""
    if wrong and given is None:
        note("note: strong errors are those of an exact score; with --score-error only frechet and weak are measured")
    chosen = [name for name in ORDER_METRICS if not (wrong and name == "strong")] if given is None else words(given)
    if wrong and "strong" in chosen:
        raise InputError("strong errors are those of an exact score; with --score-error use --metric frechet,weak")
    for name in chosen:
        check_name(name, ORDER_METRICS, "metric")
    return chosen

