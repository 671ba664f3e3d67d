"""`diffopt.recommend`: which solver, grid and steps for a budget of calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

from diffopt import __version__
from diffopt.api.arguments import Flags, loaded, read, verb
from diffopt.api.notes import data_notes, error_notes
from diffopt.api.results.recommend import RecommendationResult
from diffopt.documents.build import error_text, finite, process_part, spectrum_part
from diffopt.documents.recommendation import OfferRow, RecommendationDocument
from diffopt.documents.schemas import dump
from diffopt.documents.settings import make_problem
from diffopt.documents.values import one
from diffopt.errors import InputError, UnsupportedError
from diffopt.hosts import ALIASES, HOSTS
from diffopt.studies.recommend import CANDIDATES, HABIT, Offer, offers

#: Keywords of this verb alone.
OWN = ("calls", "host")
#: How sure the ranking is; the first by benchmarks/published_fid.py, the second by benchmarks/fitted.py (docs/multistep.md).
CERTAINTY = (
    "On CIFAR-10 `robust` ranks 51 published FIDs of a trained network (7 solvers, 3 to 10 calls) with Spearman's 0.87 over "
    "all of them and 0.80 on average at equal calls: a lead of a few percent says nothing.",
    "Errors are exact for Gaussian data and a perfect score. Elsewhere leads shrink: to dpmpp_2m on its own grid (Frechet), "
    "with exact non-Gaussian scores (18 cells) unipc was 1.37 times ahead, at worst 0.96, ipndm 1.58, at worst 0.82, fitted_3 "
    "1.44, at worst 0.72; on five trained networks (15 cells) unipc 1.22, at worst 0.85, ipndm 1.05, at worst 0.31, fitted_3 "
    "1.30, at worst 0.72. unipc on the grid of euler (--grid-of euler) was behind in none of the 15, 1.37 times ahead, and "
    "1.35 times, at worst 0.63, in the 18.",
    "A solver fitted to this spectrum is listed last, since its errors here are the ones it was fitted to.",
)

#: A lead below this share is noise (CERTAINTY).
CLOSE = 0.05


@verb
def recommend(
    spectrum: Any,
    calls: Any = None,
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
        Only what this program runs (`diffopt list hosts`).
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
    settings = read("recommend", flags, OWN).replace(solver="euler", steps=1)
    data = loaded(spectrum, flags, host)
    problem = make_problem(settings, data)
    names, chosen = _names(host, problem.process.name == "flow")
    found = offers(problem, budget, names, progress)
    if not found or all(offer.schedule != "optimized" for offer in found):
        raise UnsupportedError(f"no solver has a finite error with {budget} calls here; try more calls or --end sigma_min")
    best = next(offer for offer in found if offer.schedule == "optimized")
    rest = [o for o in found if o is not best and not o.fitted and o.schedule == "optimized"]
    habit = next((o for o in found if (o.solver, o.schedule) == HABIT), None)
    source = str(spectrum) if isinstance(spectrum, str) else "SPECTRUM"
    document = RecommendationDocument(
        calls=budget, host=chosen, rows=[_row(offer, best) for offer in found],
        margin_to_next=rest[0].robust / best.robust if rest else None,
        margin_to_habit=habit.robust / best.robust if habit is not None else None,
        command=_command(source, best, flags), certainty=list(CERTAINTY), process=process_part(problem),
        score_error=error_text(problem.solver),
        start=problem.start, end=problem.end, spectrum=spectrum_part(data.spectrum), diffopt_version=__version__,
    )  # fmt: skip
    return RecommendationResult(dump(document), (*data_notes(data), *error_notes(problem)))


def _names(host: str | None, flow: bool) -> tuple[tuple[str, ...], str | None]:
    """Candidates, or those of them that a host runs on this kind of model."""
    if host is None:
        return CANDIDATES, None
    name = ALIASES.get(host, host)
    if name not in HOSTS:
        raise InputError(f"host {host!r} is unknown; use one of {', '.join(HOSTS)}")
    known = HOSTS[name].samplers
    if not known:
        return CANDIDATES, name
    names = tuple(n for n in CANDIDATES if n in known and (known[n].flow if flow else known[n].solver) == n)
    if not names:
        raise UnsupportedError(f"host {name!r} runs none of {', '.join(CANDIDATES)} as it stands; leave --host out")
    return names, name


def _row(offer: Offer, best: Offer) -> OfferRow:
    ratio = offer.robust / best.robust
    return OfferRow(
        solver=offer.solver, schedule=offer.schedule, calls=offer.calls, steps=offer.steps, eta=offer.eta,
        robust=offer.robust, frechet=offer.frechet, to_best=ratio, sentence=_sentence(offer, best, ratio),
        sigmas=[finite(s) for s in offer.sigmas],
    )  # fmt: skip


def _sentence(offer: Offer, best: Offer, ratio: float) -> str:
    if offer is best:
        return "the least error for these calls"
    if offer.fitted:
        return f"fitted to this spectrum, {ratio:.2g} times the least; measure it on the network"
    if (offer.solver, offer.schedule) == HABIT:
        return f"the habit: {ratio:.2g} times the least"
    if ratio < 1 + CLOSE:
        return "as good as the best: the lead says nothing"
    noise = "" if not offer.optimized_eta else f", with noise (eta {offer.eta:.3g})" if offer.eta else ", without its noise"
    return f"{ratio:.2g} times the least error{noise}"


def _command(source: str, best: Offer, flags: Any) -> str:
    from diffopt.api.command import command_line

    said = {k: v for k, v in flags.items() if v is not None and v is not False}
    free = {"free": "grid,eta"} if best.optimized_eta else {}
    return command_line("optimize", source, {"solver": best.solver, "steps": best.steps, **free, **said, "output": "grid.json"})
