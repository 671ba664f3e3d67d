"""`diffopt.recommend`: which solver, grid and steps for a budget of calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Unpack

from diffopt import __version__
from diffopt.api.arguments import Flags, keywords, loaded, read, verb
from diffopt.api.command import command_line
from diffopt.api.grids import ANSWERED
from diffopt.api.hosting import hosted, note_range
from diffopt.api.likes import SpectrumLike, WholeLike
from diffopt.api.model_grid import flow_habit, habit_notes
from diffopt.api.notes import data_notes, error_notes, range_notes
from diffopt.api.results.recommend import RecommendationResult
from diffopt.documents.build import error_text, finite, process_part, spectrum_part
from diffopt.documents.options import options_of, spelled
from diffopt.documents.question import make_problem
from diffopt.documents.recommendation import OfferRow, RecommendationDocument
from diffopt.documents.schemas import dump
from diffopt.documents.values import one
from diffopt.errors import DiffoptError, UnsupportedError
from diffopt.foundation.notes import note
from diffopt.hosts.answer import find_host
from diffopt.objectives.problem import Problem
from diffopt.report.advised import verdict
from diffopt.schedules import HABIT
from diffopt.search.variables import ETA_MAX
from diffopt.solvers import SOLVERS
from diffopt.studies.advice import Advice, advice
from diffopt.studies.calls import steps_for
from diffopt.studies.recommend import CANDIDATES, USUAL, Hosted, Offer, offers

#: The scheme of EDM's churn.
CHURNED = "edm_stochastic"
#: How sure the ranking is; the first by benchmarks/published_fid.py, the second by benchmarks/fitted.py (docs/multistep.md).
CERTAINTY = (
    "On CIFAR-10 `robust` ranks 51 published FIDs of a trained network (7 solvers, 3 to 10 calls) with Spearman's 0.87 over "
    "all of them and 0.80 on average at equal calls: a lead of a few percent says nothing.",
    "Errors are exact for Gaussian data and a perfect score. Elsewhere leads shrink: to dpmpp_2m on its own grid (Frechet), "
    "with exact non-Gaussian scores (18 cells) unipc was 1.37 times ahead, at worst 0.96, ipndm 1.58, at worst 0.82, fitted_3 "
    "1.44, at worst 0.72; on five trained networks (15 cells) unipc 1.22, at worst 0.85, ipndm 1.05, at worst 0.31, fitted_3 "
    "1.30, at worst 0.72. unipc on the mean of its grid and euler's (--grid-of unipc,euler) was behind in none of the 15, 1.43 "
    "times ahead, and 1.44 times, at worst 0.85, in the 18.",
    "A solver fitted to this spectrum is not what is advised, since its errors here are the ones it was fitted to; a lead by "
    "injected noise counts where it holds over the best solver without noise, and over eta 0 and 1 on its own grid, with smaller "
    "eigenvalues too (docs/theory.md, eq. 423).",
)


@verb
def recommend(
    spectrum: SpectrumLike,
    calls: WholeLike | None = None,
    *,
    host: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    **flags: Unpack[Flags],
) -> RecommendationResult:
    """Compare the solvers on their own best grids at equal denoiser calls.

    Parameters
    ----------
    spectrum : path, str, array, Spectrum, Dataset or estimate
        Data, as in :func:`diffopt.optimize`.
    calls : int
        Denoiser calls; default 8.
    host : str, optional
        Only what this program runs (`diffopt list hosts`), with its schemes, start law and end, as in `optimize`.
    progress : callable, optional
        Called with (solvers done, total).
    **flags
        The flags of `diffopt recommend` with underscores.

    Returns
    -------
    RecommendationResult
        `.best`, `.rows()`, `.command`.

    Raises
    ------
    InputError
        A value that is not allowed.
    UnsupportedError
        The host runs none of the solvers, or none has a finite error here.

    Examples
    --------
    >>> import diffopt
    >>> found = diffopt.recommend([4.0, 1.0, 0.1], calls=6)
    >>> found.best["calls"] <= 6 and found.document["margin_to_habit"] > 1
    True
    """
    budget = one(8 if calls is None else calls, "calls")
    settings = read("recommend", flags, keywords(recommend)).replace(solver="euler", steps=1)
    data = loaded(spectrum, flags, host)
    problem = make_problem(settings, data)
    chosen = None if host is None else find_host(host)[0]
    if chosen is not None and flags.get("end") is None:
        problem = replace(problem, end=chosen.end)  # type: ignore[arg-type]
    said: dict[str, str] = {}
    there = None if host is None else _hosted(host, flags, said)
    usual = USUAL if not problem.process.flow else flow_habit(problem, flags, chosen)
    found = offers(problem, budget, CANDIDATES, progress, there, usual)
    if chosen is not None and not found:
        raise UnsupportedError(f"host {chosen.name!r} runs none of {', '.join(CANDIDATES)} here; leave --host out")
    if not found or all(offer.schedule != "optimized" for offer in found):
        raise UnsupportedError(f"no solver has a finite error with {budget} calls here; try more calls or --end sigma_min")
    advised = advice(found)
    best = advised.taken
    if best.asked in said:
        note(said[best.asked])
        note_range(problem, str(host), flags)
    source = str(spectrum) if isinstance(spectrum, str) else "SPECTRUM"
    if host is not None:
        _note_churn(problem, budget, source, host, flags)
    others = [o for o in (*advised.equal, *(() if advised.rival is None else (advised.rival,))) if o is not best]
    habit = next((o for o in found if o.habit), None)
    rows = [_row(o, advised, host, _again(source, o, flags)) for o in (best, *(o for o in found if o is not best))]
    document = RecommendationDocument(
        calls=budget, host=None if chosen is None else chosen.name, rows=rows,
        margin_to_next=others[0].robust / best.robust if others else None,
        margin_to_habit=habit.robust / best.robust if habit is not None else None,
        command=_command(source, best, flags, host), certainty=list(CERTAINTY), process=process_part(problem),
        score_error=error_text(problem.solver),
        start=best.problem.start, end=problem.end, spectrum=spectrum_part(data.spectrum, data.facts), diffopt_version=__version__,
    )  # fmt: skip
    said_of = habit_notes(problem, flags, usual, habit is not None)
    return RecommendationResult(
        dump(document), (*data_notes(data), *error_notes(problem), *range_notes(problem), *said_of)
    )


def _hosted(host: str, flags: Mapping[str, Any], said: dict[str, str]) -> Hosted:
    """Questions as a host runs them, by the function that `optimize` takes; `said` gets its sentences by solver."""

    def there(problem: Problem, free: Sequence[str]) -> tuple[Problem, Any]:
        choice = hosted(problem, None, free, host, flags)
        said[problem.solver.name] = choice.note + (" there: judged at its own levels" if choice.whole else "")
        return choice.problem, choice.eta

    return there


def _row(offer: Offer, advised: Advice, host: str | None, command: str) -> OfferRow:
    row = OfferRow(
        solver=offer.solver.name, schedule=offer.schedule, calls=offer.calls, steps=offer.steps, eta=offer.eta,
        robust=offer.robust, frechet=offer.frechet, robust_steps=offer.robust_steps,
        to_best=offer.robust / advised.taken.robust, habit=offer.habit,
        verdict=advised.verdict(offer), doubt=advised.doubts.get(offer), eta_found=_eta_found(offer), sentence="",
        start=offer.problem.start, solver_options=options_of(offer.solver), command=command,
        sigmas=[finite(s) for s in offer.grid.sigmas],
    )  # fmt: skip
    return row.model_copy(update={"sentence": verdict(row.model_dump(), host)})


def _eta_found(offer: Offer) -> Literal["none", "searched", "bound", "fixed", "own"]:
    """Where the eta of an offer comes from."""
    if offer.optimized_eta:
        return "bound" if offer.eta >= ETA_MAX else "searched"
    if offer.own_eta:
        return "own"
    return "fixed" if offer.eta else "none"


def _said(flags: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in flags.items() if v is not None and v is not False}


def _command(source: str, best: Offer, flags: Mapping[str, Any], host: str | None) -> str:
    """Makes the file of the best row."""
    free = {"free": "grid,eta"} if best.optimized_eta else {}
    run = {"solver": best.asked, "steps": best.steps, "host": host}
    return command_line("optimize", source, {**run, **free, **_said(flags), "output": "grid.json"})


def _note_churn(problem: Problem, calls: int, source: str, host: str, flags: Mapping[str, Any]) -> None:
    """Where EDM's churn is, if the host has it: it is no row, since with an exact score its gain need not hold elsewhere."""
    solver = SOLVERS[CHURNED](error=problem.solver.error)
    steps = steps_for(solver, calls, problem.end == "zero")
    if steps < 2:
        return
    try:
        hosted(replace(problem, solver=solver, steps=steps), None, (), host, flags)
    except DiffoptError:
        return
    run = {"solver": CHURNED, "steps": steps, "schedule": HABIT, "free": "family", "host": host}
    line = command_line("optimize", source, {**run, **_said(flags)})
    note(
        f"note: {host} runs {CHURNED} (EDM's churn) too, which is not ranked: what churn gains with an exact score need not hold "
        f"on other data; its best numbers, and what they rest on: {line}"
    )


def _again(source: str, offer: Offer, flags: Mapping[str, Any]) -> str:
    """States the errors of a row again: its scheme with its options on its very grid."""
    run: dict[str, Any] = {"solver": spelled(offer.solver), "sigmas": [float(s) for s in offer.grid.sigmas]}
    run |= {"clock": offer.solver.clock}
    run |= {"eta": offer.eta} if offer.solver.eta_meaning is not None else {}
    run |= {"start": offer.problem.start} if offer.problem.start != "exact" else {}
    kept = {k: v for k, v in _said(flags).items() if k not in (*ANSWERED, "start")}
    return command_line("evaluate", source, {**run, **kept})
