"""`diffopt.compare`: every schedule side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from diffopt.api.arguments import Flags, keywords, loaded, read, verb
from diffopt.api.baselines import churn_notes
from diffopt.api.command import command_line
from diffopt.api.grids import GivenGrid, any_grid, given_grid
from diffopt.api.hosting import hosted_rows
from diffopt.api.likes import CountsLike, GridsLike, NamesLike, SolversLike, SpectrumLike
from diffopt.api.model_grid import model_notes, own_schedule
from diffopt.api.notes import data_notes, error_notes, mismatch_notes, range_notes, start_notes
from diffopt.api.results.compare import ComparisonResult
from diffopt.documents.chosen import make_objective, make_schedule
from diffopt.documents.grid_file import is_list
from diffopt.documents.options import fields_of, named_list
from diffopt.documents.question import make_problems
from diffopt.documents.settings import Settings
from diffopt.documents.values import many, words
from diffopt.errors import InputError, UnsupportedError
from diffopt.foundation.shown import text
from diffopt.hosts.answer import host_name
from diffopt.objectives.problem import Problem
from diffopt.processes.grid import Grid
from diffopt.report.comparison import document
from diffopt.report.comparison_answers import taken
from diffopt.schedules import Schedule
from diffopt.solvers import SOLVERS
from diffopt.solvers.designs import DESIGNS
from diffopt.studies.calls import steps_for
from diffopt.studies.comparison.comparison import Comparison
from diffopt.studies.comparison.comparison import compare as run
from diffopt.studies.comparison.row import OWN
from diffopt.studies.comparison.selection import Selection
from diffopt.studies.comparison.setting import Setting

#: Leads a list of times of the process among added grids.
TIMES = "times:"


@verb
def compare(
    spectrum: SpectrumLike,
    solver: SolversLike | None = None,
    steps: CountsLike | None = None,
    *,
    calls: CountsLike | None = None,
    only: NamesLike | None = None,
    skip: NamesLike | None = None,
    kind: NamesLike | None = None,
    sort: str | None = None,
    top: int | None = None,
    add: GridsLike | None = None,
    equal_steps: bool = False,
    host: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    workers: int = 1,
    **flags: Unpack[Flags],
) -> ComparisonResult:
    """Score every published schedule and the optimum with each solver and budget.

    Parameters
    ----------
    spectrum : path, str, array, Spectrum, Dataset or estimate
        Data, as in :func:`diffopt.optimize`.
    solver, steps : str or list, optional
        Names and step counts, lists or comma lists; defaults `euler` and 10.
    calls : int or list, optional
        Budgets in denoiser calls instead of steps: each solver takes the steps that they pay for.
    only, skip, kind : str or list, optional
        Names with wildcards (or `karras:rho=5`), and kinds of rows.
    sort, top : optional
        Column to sort by, `-` in front for descending; best rows kept per group, beside karras, the model's own and the optimum.
    add : grid, list of grids or mapping of names to grids, optional
        Your own: files, lists of noise ratios, results.
    host : str, optional
        The program that you use (`diffopt list hosts`): what it runs under each solver's name is compared, with its start
        law and end, and rows that it offers by name are told from those that go in as numbers.
    progress : callable, optional
        Called with (groups done, groups in all).
    workers : int
        Processes; the result does not depend on their number.
    **flags
        The flags of `diffopt compare-schedules` with underscores.

    Raises
    ------
    InputError
        A name, a number or a grid that is not allowed.
    TypeError
        An unknown keyword, with the nearest one.

    Examples
    --------
    >>> import diffopt
    >>> table = diffopt.compare([4.0, 0.1], solver="euler,heun", calls=9, only="karras,exponential")
    >>> sorted({(row["solver"], row["steps"]) for row in table.document["rows"]})
    [('euler', 9), ('heun', 5)]
    """
    eta = flags.pop("eta", None)
    settings = read("compare", flags, keywords(compare), steps=None)
    if eta is not None:
        raise InputError(
            f"a comparison takes the eta of each solver and its own designs, not --eta {eta}; "
            "use `diffopt evaluate --eta` for one grid, or `diffopt eta` for what eta to set"
        )
    names = [str(name) for name in named_list(only or ())]
    patterns, extra = [name for name in names if ":" not in name], {name: make_schedule(name) for name in names if ":" in name}
    selection = Selection(patterns, words(skip or ()), words(kind or ()), sort, top)
    selection.check()
    name = None if host is None else host_name(host)
    if equal_steps and calls is not None:
        raise InputError("--equal-steps compares equal steps and --calls equal calls; give one")
    if calls is not None and steps is not None:
        raise InputError("give --steps or --calls, not both")
    budgets = list(dict.fromkeys(many(10 if steps is None else steps, "steps") if calls is None else many(calls, "calls")))
    data = loaded(spectrum, flags, host)
    problems = _problems(settings, solver, data, max(min(budgets, default=1), 1))
    grids = added(add)
    if host is not None:
        _refuse_designs(selection)
        counts = [_counts(problem, budgets, calls is None, grids) for problem in problems]
        problems = hosted_rows(problems, counts, host, flags)
    others = bool(patterns) or not extra
    if others and selection.wanted(OWN, "fixed"):
        own = own_schedule(problems[0], flags)
        if OWN in patterns and not own:
            raise InputError(f"row {OWN} is the grid that a flow model runs by itself; give its --scheduler-config")
        extra = {**own, **extra}
    setting = _setting(problems, budgets, calls is None, settings, selection, grids, extra, others)
    setting = setting if host is None else replace(setting, designs=[])
    every = run(setting, progress, workers)
    _some_rows(every)
    result = selection.apply(every, set() if top is None else taken(document(every, "", name)))
    said = {"solver": solver, "steps": steps, "calls": calls, "only": only, "skip": skip, "kind": kind, "sort": sort,
            "top": top, "add": add, "host": host, **flags}  # fmt: skip
    command = command_line("compare-schedules", spectrum, said)
    given = {name for name, value in flags.items() if value is not None}
    notes = (
        *data_notes(data), *error_notes(problems[0]), *range_notes(problems[0]), *_hidden_start(problems, every),
        *dict.fromkeys(line for grid in grids.values() for p in problems for line in mismatch_notes(grid, p, given)),
        *_other_ranges(every), *churn_notes(problems, _steps(every), setting.objective), *model_notes(problems[0], flags),
        *_left_out(result),
    )  # fmt: skip
    return ComparisonResult(document(result, command, name), notes, result, sort is not None)


def _left_out(result: Comparison) -> list[str]:
    """A note where rows are not shown."""
    count = len(result.hidden)
    return [f"note: {count} row{'s' * (count != 1)} left out by --top; what is said is said of all"] if count else []


def _steps(result: Comparison) -> dict[str, list[int]]:
    """Numbers of steps by solver."""
    return {name: [row.steps for row in result.rows if row.solver == name] for name in {row.solver for row in result.rows}}


def _some_rows(result: Comparison) -> None:
    """A comparison without a row says why, not nothing."""
    if not result.rows and result.skipped:
        name, reason = next(iter(result.skipped.items()))
        others = "; other rows have other reasons" if len(set(result.skipped.values())) > 1 else ""
        raise UnsupportedError(f"no row can be compared: {name}: {reason}{others}")


def _counts(problem: Problem, budgets: list[int], equal_steps: bool, grids: dict[str, GivenGrid]) -> list[int]:
    """Numbers of steps that a solver is compared at."""
    solver, to_data = problem.solver, problem.end == "zero"
    paid = budgets if equal_steps else [steps_for(solver, budget, to_data) for budget in budgets]
    return [max(n, 1) for n in (*paid, *(grid.steps for grid in grids.values()))]


def _refuse_designs(selection: Selection) -> None:
    """Designs of the noise are schemes that no host runs under a name."""
    if "stochasticity" in selection.kinds or any(pattern in DESIGNS for pattern in selection.only):
        raise InputError("designs of the noise are not what a program runs under a solver's name; leave --host out")


def _hidden_start(problems: Sequence[Problem], result: Comparison) -> list[str]:
    """What the exact start hides at the row of the least Frechet distance."""
    by_name = {problem.solver.name: problem for problem in problems}
    rows = [(r.errors["frechet"], r) for r in result.rows if r.other_range is None and r.design is None]
    known = [(frechet, row) for frechet, row in rows if frechet is not None]
    if not known:
        return []
    frechet, best = min(known, key=lambda pair: pair[0])
    problem = replace(by_name[best.solver], steps=best.steps)
    return start_notes(problem, Grid.create(problem.process, best.sigmas), best.eta, frechet)


def _other_ranges(result: Comparison) -> list[str]:
    """A note for each added grid that does not fill the range."""
    found = {row.schedule: row.other_range for row in result.rows if row.other_range is not None}
    return [f"note: {name} {why}: another problem than the other rows solve, so it has no ratio" for name, why in found.items()]


def _problems(settings: Settings, solver: Any, data: Any, steps: int) -> list[Problem]:
    """A problem for each solver, of the fewest steps; an option or clock must belong to one of them."""
    solver = "euler" if solver is None else solver
    asked = words(solver) if isinstance(solver, str | Iterable) else [solver]
    if not asked:
        raise InputError("no solver is named; use a comma list such as euler,heun,dpmpp_2m")
    problems = make_problems(settings, data, asked, steps)
    for option in settings.options:
        if not any(option in fields_of(type(thing)) for p in problems for thing in (p.solver, p.process)):
            raise InputError(f"option {option!r} belongs to none of {', '.join(p.solver.name for p in problems)}")
    if settings.clock is not None and not any(p.solver.uses_clock for p in problems):
        raise InputError(f"none of {', '.join(p.solver.name for p in problems)} has a clock; leave --clock out")
    return problems


def _setting(
    problems: list[Problem], budgets: list[int], equal_steps: bool, settings: Settings, selection: Selection,
    grids: dict[str, GivenGrid], extra: dict[str, Schedule], others: bool,
) -> Setting:  # fmt: skip
    first = problems[0]
    points = {name: np.array(grid.sigmas(first.process, first.end)) for name, grid in grids.items()}
    return Setting(
        first.data, first.process, [p.solver for p in problems], budgets, first.sigma_max, first.sigma_min,
        first.end, first.start, make_objective(settings.objective).name, selection.schedules() if others else [],
        _designs(selection, problems) if others else [],
        points if not selection.kinds or "added" in selection.kinds else {}, selection.optimized, equal_steps, extra,
        first.solver.error,
    )  # fmt: skip


def _designs(selection: Selection, problems: list[Problem]) -> list[str]:
    """Noise designs: where they are named or asked for by kind, or where a solver with noise is compared."""
    asked = "stochasticity" in selection.kinds or any(pattern in DESIGNS for pattern in selection.only)
    noisy = any(SOLVERS[p.solver.name].eta_meaning is not None for p in problems)
    return selection.designs() if asked or noisy else []


def added(grids: Any) -> dict[str, GivenGrid]:
    """Grids by name: the file's stem, or grid_1, grid_2, ... for lists."""
    if grids is None:
        return {}
    if isinstance(grids, Mapping) and "sigmas" not in grids:
        return {str(name): _given(grid, str(name)) for name, grid in grids.items()}
    single = isinstance(grids, str | Path | Mapping) or hasattr(grids, "document") or (np.ndim(grids) == 1 and not any(
        isinstance(item, str | Path) for item in grids
    ))
    named_grids: dict[str, GivenGrid] = {}
    for i, grid in enumerate([grids] if single else grids, 1):
        name = _grid_name(grid) or f"grid_{i}"
        name = name if name not in named_grids else f"{name}_{i}"
        named_grids[name] = _given(grid, f"--add {name}")
    return named_grids


def _grid_name(grid: Any) -> str | None:
    plain = isinstance(grid, str) and not is_list(grid) and grid != "-" and not grid.startswith(TIMES)
    return text(Path(grid).stem) if isinstance(grid, Path) or plain else None


def _given(grid: Any, label: str) -> GivenGrid:
    """A list, a file or a result; `times:LIST` is a list of the process's own times."""
    if isinstance(grid, str) and grid.startswith(TIMES):
        listed = given_grid(None, None, grid.removeprefix(TIMES))
    else:
        listed = any_grid(grid)
    if listed is None:
        raise InputError(f"{label}: None is no grid; give a file, a result or a list of noise ratios")
    return replace(listed, label=label) if listed.document is None else listed
