"""`diffopt.best_eta`: how much noise a sampler should inject."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from diffopt import __version__
from diffopt.api.arguments import Flags, keywords, loaded, read, verb
from diffopt.api.command import command_line
from diffopt.api.likes import NamesLike, SolverLike, SpectrumLike, WholeLike
from diffopt.api.notes import condition_words, data_notes, error_words, range_notes
from diffopt.api.results.studies import EtaResult
from diffopt.documents.build import error_text, finite, process_part, spectrum_part
from diffopt.documents.chosen import schedule_of
from diffopt.documents.options import options_of, spelled
from diffopt.documents.question import make_problem
from diffopt.documents.schemas import dump
from diffopt.documents.study_schemas import EtaDocument, NoiseRow
from diffopt.documents.values import words
from diffopt.errors import InputError, UnsupportedError
from diffopt.foundation.names import check_name
from diffopt.foundation.notes import note
from diffopt.objectives.problem import Problem
from diffopt.processes.clocks import CLOCKS
from diffopt.processes.grid import Grid
from diffopt.schedules import HABIT, Schedule
from diffopt.studies.eta import ETA_DESIGNS, ETA_MAX, NoiseDesign, at_bound, noise_study, present
from diffopt.studies.eta_advice import Judged, advised, judged
from diffopt.studies.noise_errors import NOISE_OBJECTIVES, NoiseErrors

if TYPE_CHECKING:
    from diffopt.report.noise_figures import Constants

#: Solver unless another is named, and the solver that programs have.
SOLVER, HOSTED = "euler_maruyama", "euler_ancestral"
#: What a program with one eta can be given.
ONE = ("none", "constant")
#: Points of the curve of a picture.
CURVE = 41


@verb
def best_eta(
    spectrum: SpectrumLike,
    solver: SolverLike | None = None,
    steps: WholeLike | None = None,
    *,
    design: NamesLike | None = None,
    noise_objective: NamesLike | None = None,
    host: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    **flags: Unpack[Flags],
) -> EtaResult:
    """Find the best coefficient of the injected noise on the grid of a schedule.

    Parameters
    ----------
    spectrum : path, str, array, Spectrum, Dataset or estimate
        Data, as in :func:`diffopt.optimize`.
    solver, steps : optional
        A solver with noise; default `euler_maruyama`, 10 steps.
    design, noise_objective : str or list, optional
        Of none, constant, window, per_step; of exact, signed, absolute. Default all.
    host : str, optional
        Program that runs the sampler (`diffopt list hosts`): its scheme, start and end, and the one eta that it takes.
    progress : callable, optional
        Called with (answers found, at most).
    **flags
        The flags of `diffopt eta` with underscores; `clock` may be a list. `score_error` is a rule such as `0.02`,
        `random:data:0.02` or `curve:FILE`, or a function e(sigma).

    Raises
    ------
    InputError
        A value that is not allowed.
    UnsupportedError
        The solver injects no noise, or has no finite error on this grid.
    TypeError
        An unknown keyword, with the nearest one.

    Examples
    --------
    >>> import diffopt
    >>> found = diffopt.best_eta([1.0], "ddim", 4, design="constant", noise_objective="exact", start="sigma")
    >>> [row["design"] for row in found.document["rows"]]
    ['constant']
    """
    asked = solver if solver is not None else SOLVER if host is None else HOSTED
    settings = read("best_eta", flags, keywords(best_eta), solver=asked, steps=steps)
    clocks = None if settings.clock is None else _chosen(settings.clock, CLOCKS, "clock")
    settings = settings.replace(clock=None, schedule=settings.schedule or HABIT)
    data = loaded(spectrum, flags, host)
    problem = make_problem(settings, data)
    if host is not None:
        problem, design, clocks = _hosted(problem, settings.eta, host, design, clocks, flags)
    schedule = schedule_of(settings)
    grid = schedule.grid(problem.compressed().span)
    designs, goals = _chosen(design, ETA_DESIGNS, "design"), _chosen(noise_objective, NOISE_OBJECTIVES, "objective")
    answers = noise_study(problem, grid, None, designs, goals, clocks, progress)
    if not answers:
        raise UnsupportedError("the scheme has no finite error here in any clock; use --end sigma_min or another solver")
    meaning = problem.solver.eta_meaning
    now = present(problem, grid, None, settings.eta, clocks)
    verdicts = judged(problem, grid, answers, now)
    place = advised(answers, verdicts)
    taken = (now.eta if now is not None else answers[0].eta) if place is None else answers[place].eta
    source = str(spectrum) if isinstance(spectrum, str) else "SPECTRUM"
    document = EtaDocument(
        solver=problem.solver.name, solver_options=options_of(problem.solver), steps=grid.steps, eta_meaning=meaning,
        schedule=schedule.name, schedule_options=options_of(schedule), score_error=error_text(problem.solver),
        start=problem.start, end=problem.end, process=process_part(problem), spectrum=spectrum_part(data.spectrum, data.facts),
        sigmas=[finite(s) for s in grid.sigmas],
        present=None if now is None else NoiseRow(**_row(now)), present_given=settings.eta is not None, advised=place,
        host=host, command=None if host is None else _command(source, problem, schedule, float(taken[0]), flags),
        rows=[_judged_row(*pair) for pair in zip(answers, verdicts, strict=True)],
        diffopt_version=__version__,
    )  # fmt: skip
    using = [f"solver {problem.solver.name}", f"{problem.steps} steps", f"schedule {schedule.name}", *condition_words(problem)]
    using += [*error_words(problem.solver), f"eta in the sense of {meaning}"]
    said = (*data_notes(data, robust=False), f"using {', '.join(using)}", *range_notes(problem), *_bound_notes(answers))
    clock = None if now is None else now.clock
    return EtaResult(dump(document), said, lambda: _constants(problem, grid, clock, answers if now is None else [*answers, now]))


def _constants(problem: Problem, grid: Grid, clock: str | None, settings: Sequence[NoiseDesign]) -> Constants:
    """Errors over one eta at every step, to beyond the largest that stands in the picture."""
    from diffopt.report.noise_figures import Constants

    fixed = [float(s.eta[0]) for s in settings if np.ptp(s.eta) <= 1e-9]
    etas = np.unique([*np.linspace(0, max(1.25, *(1.1 * eta for eta in fixed)), CURVE), *fixed])
    errors = NoiseErrors(problem, grid, problem.solver)
    exact, absolute = errors.every(np.repeat(etas[:, None], grid.steps, axis=1), ("exact", "absolute"))
    return Constants(clock, etas.tolist(), exact.tolist(), absolute.tolist())


def _hosted(
    problem: Problem, eta: float | None, host: str, design: Any, clocks: tuple[str, ...] | None, flags: Mapping[str, Any]
) -> tuple[Problem, Any, None]:
    """The question as a host runs it, with one eta for all steps."""
    # Hosts and their schedulers take longer to import than many a study.
    from diffopt.api.hosting import hosted, note_range

    more = [name for name in _chosen(design, ETA_DESIGNS, "design") if name not in ONE] if design is not None else []
    if more:
        raise InputError(f"--design {more[0]}: {host} takes one eta for all steps; use {','.join(ONE)}, or leave --host out")
    if clocks is not None:
        raise InputError(f"--clock has no effect: {host} has its own; leave one of the two out")
    # Without noise many a scheme is another one there.
    choice = hosted(problem, eta or 1.0, ("eta",), host, flags)
    note(choice.note)
    note_range(choice.problem, host, flags)
    solver = choice.problem.solver
    clock = solver.clock_name(problem.process) if solver.uses_clock else solver.clock
    return replace(choice.problem, solver=replace(solver, clock=clock)), design or ONE, None


def _command(source: str, problem: Problem, schedule: Schedule, eta: float, flags: Mapping[str, Any]) -> str:
    """Writes the file of the grid with an eta, for `export`."""
    run = {"solver": spelled(problem.solver), "steps": problem.steps, "schedule": spelled(schedule), "eta": f"{eta:.4g}"}
    run |= {"start": problem.start, "end": problem.end}
    kept = {k: v for k, v in flags.items() if v is not None and v is not False and k not in (*run, "options")}
    return command_line("evaluate", source, {**run, **kept, "output": "grid.json"})


def _judged_row(answer: NoiseDesign, said: Judged) -> NoiseRow:
    return NoiseRow(**_row(answer), beats_ends=said.over_ends, beats_present=said.over_present)


def _bound_notes(answers: list[NoiseDesign]) -> list[str]:
    """Answers that the bound of the search holds: a larger eta may be better still."""
    held = dict.fromkeys(f"{a.design}{f' in the {a.clock} clock' if a.clock else ''}" for a in answers if at_bound(a))
    if not held:
        return []
    return [f"note: no eta above {ETA_MAX:g} is tried; a larger one may do better for {', '.join(held)}"]


def _chosen(given: Any, known: Any, what: str) -> tuple[str, ...]:
    chosen = tuple(known) if given is None else tuple(words(given))
    if not chosen:
        raise InputError(f"{what} {given!r} names none; use {', '.join(known)}")
    for name in chosen:
        check_name(name, known, what)
    return chosen


def _row(answer: NoiseDesign) -> dict[str, Any]:
    row: dict[str, Any] = {"clock": answer.clock, "design": answer.design, "objective": answer.objective}
    row |= {name: float(value) for name, value in answer.errors.items()}
    return row | {"parameters": answer.parameters, "eta": [float(e) for e in answer.eta]}
