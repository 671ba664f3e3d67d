"""`diffopt.optimize`: the best step grid for a spectrum, a solver and a budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Unpack

from diffopt.api.arguments import Flags, loaded, read, verb
from diffopt.api.baselines import baselines, best_of, without_churn
from diffopt.api.higher import needed, needed_end
from diffopt.api.idle import idle_notes
from diffopt.api.likes import NamesLike, SolverLike, SpectrumLike, WholeLike
from diffopt.api.model_grid import model_notes, own_grids
from diffopt.api.notes import assumption_notes, data_notes, problem_notes
from diffopt.api.results.run import ScheduleResult
from diffopt.api.sample_map import map_notes
from diffopt.data.dataset import Dataset
from diffopt.documents.build import finite, schedule_document
from diffopt.documents.chosen import make_objective, schedule_of
from diffopt.documents.question import make_problem
from diffopt.documents.schemas import ChurnPart, dump
from diffopt.documents.settings import Settings
from diffopt.documents.values import words
from diffopt.errors import InputError
from diffopt.foundation.notes import note
from diffopt.objectives import Objective
from diffopt.objectives.evaluation import evaluate as run_evaluation
from diffopt.objectives.problem import Problem
from diffopt.schedules import HABIT, Schedule
from diffopt.search.blocks import canonical, named_ends
from diffopt.search.descent import optimize as search
from diffopt.search.knobs import CHURN, no_end
from diffopt.search.result import OptimizeResult
from diffopt.search.starts import BASELINES, applicable
from diffopt.solvers import SOLVERS
from diffopt.studies.claims import Claim

#: Most steps whose grid is searched: some ten seconds.
MOST_STEPS = 5000


@verb
def optimize(
    spectrum: SpectrumLike,
    solver: SolverLike | None = None,
    steps: WholeLike | None = None,
    *,
    host: str | None = None,
    timesteps: str | None = None,
    grid_of: NamesLike | None = None,
    progress: Callable[[int, float], None] | None = None,
    **flags: Unpack[Flags],
) -> ScheduleResult:
    """Find the step grid that minimizes an exact error.

    Parameters
    ----------
    spectrum : path, str, array, Spectrum, Dataset or estimate
        Data: a file, `builtin:NAME`, eigenvalues (d,) or a covariance (d, d), squared units of the data.
    solver : str or Solver
        Name (`diffopt list solvers`), with options as in `er_sde:phi=log`; default `euler`.
    steps : int
        Number of solver steps N; default 10.
    host : str, optional
        Program that will run the grid (`diffopt list hosts`): its scheme under the solver's name, its start law, end and
        rounding are optimized for; `start` and `end` that are given stay.
    timesteps : str, optional
        `integer` takes whole timesteps of the model only (`table`, `flow`).
    grid_of : str or list, optional
        Solvers whose best grids are taken, as their geometric mean, instead of the solver's own (`own`). The default is
        `own`, and `euler,heun` for `ipndm` and solvers with fitted coefficients. A grid that is worse than a baseline
        goes towards the solver's own.
    progress : callable, optional
        Called with (evaluations, best value).
    **flags
        The flags of `diffopt optimize` with underscores: process, sigma_max, objective, free, ...

    Returns
    -------
    ScheduleResult
        `.sigmas` (N + 1,), `.times` (N + 1,), `.eta` (N,), `.errors`, `.save(path)`, `.plot(path)`.

    Raises
    ------
    InputError
        A value that is not allowed; the message names it and what is.
    UnsupportedError
        No schedule has a finite error here.
    TypeError
        An unknown keyword, with the nearest one.

    Examples
    --------
    >>> import diffopt
    >>> schedule = diffopt.optimize([4.0, 1.0, 0.25], solver="heun", steps=4)
    >>> schedule.sigmas.shape, float(schedule.sigmas[0]), float(schedule.sigmas[-1])
    ((5,), 80.0, 0.0)
    >>> schedule.errors["robust"] < schedule.baselines["karras"]["robust"]
    True
    """
    settings = read("optimize", flags, ("host", "timesteps", "grid_of"), solver=solver, steps=steps)
    data = loaded(spectrum, flags, host)
    free = canonical(words(settings.free))
    settings = _with_schedule(settings, free)
    _check_schedule(settings, free)
    problem, settings, whole = _hosted(make_problem(settings, data), settings, host, timesteps, flags)
    _check_cost(problem.steps, free)
    if whole and {"shared", "sigma_max"} & set(free):
        one = "a shared grid has no whole timesteps" if "shared" in free else "whole timesteps begin with the model's first level"
        raise InputError(f"{one}; use --free grid, or --timesteps any")
    if "grid" in free:
        problem = replace(problem, solver=problem.solver.for_even_grid())
    objective = make_objective(settings.objective)
    schedule = schedule_of(settings) if settings.schedule else None
    others = _grid_of(grid_of, free, whole)
    result = search(problem, objective, _searched(free, problem), settings.eta, schedule, progress=progress, grid_of=others)
    if whole:
        from diffopt.search.integer import optimize_whole

        result = optimize_whole(problem, objective, result, progress)
    solved = replace(problem, solver=result.solver, process=result.process)
    evaluation = run_evaluation(solved, result.grid, result.eta)
    grids = applicable(problem, BASELINES) | own_grids(problem, flags)
    beside = baselines(problem, settings.eta, grids)
    if "grid" in free and not whole:
        result, evaluation = best_of(problem, objective, settings.eta, (result, evaluation), grids, beside)
        solved = replace(problem, solver=result.solver, process=result.process)
    beside |= without_churn(problem, grids)
    result = replace(result, family=named_ends(free, result.grid.sigmas) | result.family)
    document = schedule_document(
        solved, result, evaluation, beside, objective, free, schedule,
        _beats_ends(solved, result) if "eta" in free else None, _churn(problem, solved, result, objective, schedule),
        needed(solved, evaluation), needed_end(solved, evaluation),
        _host_name(host), _baseline_eta(problem, settings, free),
    )  # fmt: skip
    assumed = assumption_notes(solved, result.grid, result.eta, evaluation)
    assumed += idle_notes(solved, result.grid, result.eta, objective.name, document.objective.value)
    if others is None and free == ["grid"] and "geometric mean" in result.message:
        solver = problem.solver
        assumed = [
            f"note: {solver.name} runs on the geometric mean of the grids of {' and '.join(solver.grid_solvers)}, which "
            "did better than its own where data are not Gaussian (docs/multistep.md); --grid-of own searches for it alone",
            *assumed,
        ]
    assumed += _no_mean_note(problem, result, document.optimizer.churn)
    rivals = {name: [finite(s) for s in grid.sigmas] for name, grid in grids.items()}
    said = (*data_notes(data), *problem_notes(problem, result.family), *assumed, *_network_notes(problem, flags, data))
    return ScheduleResult(dump(document), said, data, rivals)


def _no_mean_note(problem: Problem, result: OptimizeResult, churn: ChurnPart | None) -> list[str]:
    """That no mean is known, where what was found depends on what the start misses."""
    freed, mends = "sigma_max" in result.family, churn is not None and churn.repairs == "start"
    if problem.spectrum.mean is not None or not (freed or mends):
        return []
    return [
        f"note: {'sigma_max is free' if freed else 'churn repairs the start'} and the spectrum has no mean: what a start "
        "around 0 misses of it is not counted; `diffopt spectrum estimate` keeps the mean of samples, and files "
        "have it under `mean`"
    ]


def _network_notes(problem: Problem, flags: Mapping[str, Any], data: Dataset) -> list[str]:
    """What is to be known of the network that runs the grid: its own grids, and the numbers that it sees."""
    return [*model_notes(problem, flags), *map_notes(data.facts)]


def _searched(free: list[str], problem: Problem) -> list[str]:
    """What the search is told: a free grid ends where it is best above sigma_min, so that name adds nothing to it."""
    if "grid" in free and "sigma_min" in free and (why := no_end("sigma_min", problem)):
        raise InputError(f"--free sigma_min: {why}")
    return [name for name in free if name != "sigma_min" or "grid" not in free]


def _baseline_eta(problem: Problem, settings: Settings, free: list[str]) -> list[float] | None:
    """The eta of every step of the baselines, where that of the result was searched for."""
    searched = any(name.startswith("eta") for name in free)
    return problem.solver.etas(settings.eta, problem.steps).tolist() if searched else None


def _beats_ends(problem: Problem, result: OptimizeResult) -> Claim | None:
    """What is said of the eta that was found, on the grid that was found."""
    from diffopt.studies.eta_claim import claim

    return claim(problem, result.grid, float(result.eta[0]))


def _churn(
    asked: Problem, problem: Problem, result: OptimizeResult, objective: Objective, schedule: Schedule | None
) -> ChurnPart | None:
    """What a churn that was searched for does, and what is best without it; None where there is none."""
    if not set(CHURN) & set(result.family):
        return None
    from diffopt.api.still import best_without_churn
    from diffopt.studies.churn_claim import churn_claim

    found = churn_claim(problem, result.grid)
    if found is None:
        return None
    parts = {str(name): pair for name, pair in found.parts.items()}
    still, higher = best_without_churn(asked, objective, result, schedule)
    return ChurnPart(
        repairs=found.repairs, parts=parts, frechet=found.frechet, claim=found.claim, other_sign=found.other_sign,
        still=still, sigma_max_needed=higher,
    )


def _with_schedule(settings: Settings, free: list[str]) -> Settings:
    """The habit where the grid is kept, or its family varied, and no schedule is named; said, not silent."""
    if settings.schedule or {"grid", "shared"} & set(free):
        return settings
    note(f"note: no --schedule is named, so {HABIT} is taken for --free {','.join(free)}")
    return settings.replace(schedule=HABIT)


def _hosted(
    problem: Problem, settings: Settings, host: str | None, timesteps: str | None, flags: Mapping[str, Any]
) -> tuple[Problem, Settings, bool]:
    """The question as a host runs it, and whether only whole timesteps count."""
    if timesteps not in (None, "any", "integer"):
        raise InputError(f"timesteps {timesteps!r} is unknown; use integer (whole timesteps of the model) or any")
    whole = timesteps == "integer"
    if whole and "grid" not in words(settings.free):
        raise InputError("--timesteps integer has no effect where the grid is not free; add grid to --free")
    if host is None:
        return problem, settings, whole
    # Hosts and their schedulers take longer to import than many a search.
    from diffopt.api.hosting import hosted, note_range

    choice = hosted(problem, settings.eta, words(settings.free), host, flags)
    note(choice.note)
    note_range(choice.problem, host, flags)
    return choice.problem, settings.replace(eta=choice.eta), whole or (choice.whole and timesteps != "any")


def _host_name(host: str | None) -> str | None:
    """The host's own name, where one is named."""
    if host is None:
        return None
    from diffopt.hosts.answer import host_name

    return host_name(host)


def _grid_of(given: NamesLike | None, free: list[str], whole: bool) -> list[str] | None:
    """Names of solvers, [] for the solver's own grid, None for its default."""
    if given is None:
        return None
    names = words(given)
    unknown = [name for name in names if name not in SOLVERS]
    if names != ["own"] and (unknown or not names):
        raise InputError(f"--grid-of {unknown[0] if unknown else given!r} is no solver; use own, or names such as euler,heun")
    needy = [name for name in names if name in SOLVERS and SOLVERS[name].needs_data]
    if needy:
        raise InputError(f"--grid-of {needy[0]}: a solver that is fitted to the data takes grids of others; use euler,heun")
    if free != ["grid"] or whole:
        raise InputError("--grid-of has no effect unless the grid alone is free, at any level; leave --free and --timesteps")
    return [] if names == ["own"] else names


def _check_cost(steps: int, free: list[str]) -> None:
    """Refuse a search that would take minutes to hours: its time grows with the steps, its gain falls."""
    if steps > MOST_STEPS and free != ["coefficients"]:
        raise InputError(
            f"optimizing {steps} steps would take minutes to hours and gain next to nothing; use at most {MOST_STEPS}, "
            "or a closed rule: diffopt evaluate --schedule fisher_rao"
        )


def _check_schedule(settings: Settings, free: list[str]) -> None:
    if settings.schedule and {"grid", "shared"} & set(free):
        raise InputError(
            f"--schedule {settings.schedule} has no effect where the grid is free; "
            "leave out the grid (--free family or eta alone) or --schedule, or compare it with `diffopt evaluate`"
        )
