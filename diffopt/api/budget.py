"""`diffopt.budget`: whether more data, longer training, more steps or less final noise would help most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from diffopt import __version__
from diffopt.api.arguments import Flags, keywords, read, reading, verb
from diffopt.api.budget_knobs import make_knobs
from diffopt.api.likes import GridLike, NamesLike, SolverLike, SpectrumLike, WholeLike
from diffopt.api.notes import data_notes, problem_notes, range_notes
from diffopt.api.results.budget import BudgetResult
from diffopt.data.compression import short
from diffopt.data.dataset import Dataset
from diffopt.data.spectrum import Spectrum
from diffopt.documents.budget_schema import (
    BudgetDocument,
    CompressionPart,
    HalvingPart,
    PlanPart,
    SamplerPart,
    SimulatedPart,
    TermsPart,
    TrainingPart,
)
from diffopt.documents.build import finite, process_part, spectrum_part
from diffopt.documents.schemas import dump
from diffopt.documents.spectrum_file import load_dataset
from diffopt.documents.values import words
from diffopt.errors import InputError
from diffopt.foundation.array_file import write_npz
from diffopt.foundation.atomic import check_target, write_atomic
from diffopt.foundation.notes import note
from diffopt.studies.budget.budget import Budget, compression_bound
from diffopt.studies.budget.diffusion import Diffusion
from diffopt.studies.budget.knobs import Knobs, halves
from diffopt.studies.budget.plan import BudgetPlan, minimize, parse_limits
from diffopt.studies.budget.simulate import DIRECTIONS, verify

#: Quantiles that stand for a long spectrum in a simulation.
QUANTILES = 12
#: What rounding may do to a simulated term without randomness: relative, and in units of the largest variances on the way.
RELATIVE, ROUNDING = 1e-7, 1e-12


@verb
def budget(
    spectrum: SpectrumLike,
    solver: SolverLike | None = None,
    steps: WholeLike | None = None,
    *,
    grid: GridLike | None = None,
    samples: float | None = None,
    tau: float | None = None,
    iterations: int | None = None,
    precondition: bool = False,
    langevin: float | None = None,
    minimize: NamesLike | None = None,
    subject_to: str | None = None,
    verify: int | None = None,
    seed: int | None = None,
    kernel: str | Path | None = None,
    over: str | None = None,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
    **flags: Unpack[Flags],
) -> BudgetResult:
    """Split the expected squared 2-Wasserstein error of a sampler with a learned linear score into its sources.

    A source that is not given is exact (theory.md, section "The error budget").

    Parameters
    ----------
    spectrum : path, str, array, Spectrum, Dataset or estimate
        Data, as in :func:`diffopt.optimize`.
    solver, steps : optional
        Diffusion sampler; without both, a grid and `langevin` the reverse flow is exact.
    grid : path, result or array, optional
        Noise ratios instead of `steps` and `schedule`.
    samples : float, optional
        Number n of training samples.
    tau, iterations : optional
        Step size and number of steps of the descent on the score-matching loss; without `iterations` its stationary state.
    precondition : bool
        Inputs are scaled to unit variance, so that the step size at a level is tau/(mean eig + sigma^2).
    langevin : float, optional
        Step size gamma of a Langevin chain at `sigma_min`; `steps` of them, or the stationary law.
    minimize, subject_to : optional
        Numbers to optimize (`sigma_min,steps`), and limits (`calls<=20`).
    verify, seed : int, optional
        Repetitions of a simulation of every term.
    progress : callable, optional
        Called with (repetitions done, in all).
    kernel : path, optional
        `.npz` of the kernel matrices: `eigenvalues`, `weights`, and for each random source K (d, d) and its diagonal extra.
    over : {"samples", "steps"}, optional
        What the picture runs over.
    **flags
        The flags of `diffopt error-budget` with underscores.

    Returns
    -------
    BudgetResult
        `.terms`, `.total` (data units squared), `.valid` and the document.

    Raises
    ------
    InputError
        A value that is not allowed; the message names it and what is.
    TypeError
        An unknown keyword, with the nearest one.

    Examples
    --------
    >>> import diffopt
    >>> found = diffopt.budget([1.0], samples=100)
    >>> round(found.terms["generalization"], 6), found.valid
    (0.005, True)
    """
    _refuse_error(flags.pop("score_error", None))
    settings = read("budget", flags, keywords(budget), solver=solver, steps=steps)
    _check_seed(seed, verify)
    data = load_dataset(spectrum, **reading(flags))
    said = {k: v for k, v in {**flags, "solver": solver, "steps": steps}.items() if v is not None}
    if minimize is not None and "steps" in words(minimize) and grid is None and langevin is None:
        said.setdefault("steps", settings.steps)  # steps that are free belong to a sampler with steps
    if kernel is not None:
        check_target(kernel, force)
    knobs = make_knobs(settings, data, said, grid, samples, tau, iterations, precondition, langevin)
    plan = _plan(knobs, minimize, subject_to)
    knobs = knobs if plan is None else plan.knobs
    found = knobs.evaluate()
    document = _document(knobs, found, data, plan, None if plan is None else subject_to)
    if verify is not None:
        document = document.model_copy(update=_simulated(knobs, found, verify, seed or 0, progress))
    if kernel is not None:
        _write_kernel(kernel, found, force)
        document = document.model_copy(update={"kernel": str(kernel)})
    notes = data_notes(data, robust=False)
    if knobs.problem is not None:
        notes += [*problem_notes(knobs.problem), *range_notes(knobs.problem, listed=grid is not None)]
    if data.members is not None:
        notes.append(f"note: the budget is of all data in one, not of the {len(data.members.spectra)} spectra of the file")
    notes += [f"note: not valid: {reason}" for reason in found.reasons]
    return BudgetResult(dump(document), tuple(notes), _curve(knobs, over))


def _refuse_error(rule: Any) -> None:
    """A budget has the score errors of data and training; one that is given has a split elsewhere."""
    if rule is not None:
        raise InputError(
            f"--score-error {rule}: a budget derives the score's error from --samples and --tau; what a given one does, split "
            f"into start, steps and end, says `diffopt evaluate SPECTRUM --schedule karras --score-error {rule}`, or your "
            "grid's file in place of the schedule"
        )


def _check_seed(seed: Any, verify: Any) -> None:
    if seed is None:
        return
    if verify is None:
        raise InputError("--seed has no effect: it is of the simulation; give --verify N, or leave it out")
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise InputError(f"seed = {seed!r} is not allowed: it must be a whole number >= 0")


def _plan(knobs: Knobs, names: Any, limits: str | None) -> BudgetPlan | None:
    if names is None:
        if limits is not None:
            raise InputError("--subject-to needs --minimize, e.g. --minimize sigma_min,steps")
        return None
    found = minimize(_quick(knobs), words(names), parse_limits(limits or ""))
    return replace(found, knobs=replace(found.knobs, spectrum=knobs.spectrum))


def _quick(knobs: Knobs) -> Knobs:
    """On a shorter spectrum, where many budgets are compared."""
    return replace(knobs, spectrum=short(knobs.spectrum, "search")) if knobs.spectrum.eig.size > 60 else knobs


def _document(knobs: Knobs, found: Budget, data: Dataset, plan: BudgetPlan | None, limits: str | None) -> BudgetDocument:
    setting = knobs.setting()
    few = setting.compressed
    part = CompressionPart(eigenvalues=setting.short.eig.size, bound=compression_bound(setting)) if few else None
    return BudgetDocument(
        terms=TermsPart(**found.terms), interaction=found.interaction, total=found.total, valid=found.valid,
        reasons=list(found.reasons), dominant=found.dominant, spread=found.ratio, samples=knobs.samples,
        halving={name: HalvingPart(**row) for name, row in halves(_quick(knobs)).items()},
        training=None if knobs.tau is None
        else TrainingPart(tau=knobs.tau, iterations=knobs.iterations, precondition=knobs.precondition),
        sampler=_sampler(knobs), compression=part,
        plan=None if plan is None
        else PlanPart(free=list(plan.values), subject_to=limits, values=plan.values, evaluations=plan.evaluations),
        spectrum=spectrum_part(data.spectrum, data.facts), diffopt_version=__version__,
    )  # fmt: skip


def _sampler(knobs: Knobs) -> SamplerPart:
    sampler = knobs.sampler()
    if not isinstance(sampler, Diffusion) or knobs.problem is None:
        return SamplerPart(
            name=sampler.name, steps=knobs.steps, denoiser_calls=sampler.calls, sigma_max=knobs.sigma_max,
            sigma_min=knobs.sigma_min or 0.0, gamma=knobs.langevin, start=knobs.start,
        )  # fmt: skip
    etas = sampler.solver.etas(sampler.eta, sampler.grid.steps)
    return SamplerPart(
        name=sampler.name, steps=sampler.grid.steps, denoiser_calls=sampler.calls, process=process_part(knobs.problem),
        sigmas=[finite(s) for s in sampler.grid.sigmas], eta=[float(e) for e in etas], start=sampler.start,
        end="zero" if sampler.grid.sigmas[-1] == 0 else "sigma_min", schedule=knobs.schedule,
    )  # fmt: skip


def _simulated(
    knobs: Knobs, found: Budget, repetitions: int, seed: int, progress: Callable[[int, int], None] | None
) -> dict[str, Any]:
    """Simulated values; of a few quantiles of the spectrum where it is long."""
    spectrum, where = knobs.spectrum, None
    if spectrum.dim > DIRECTIONS or np.any(spectrum.weight != np.round(spectrum.weight)):
        spectrum, where = _quantiles(spectrum), f"{QUANTILES} quantiles of the spectrum"
        note(f"note: --verify simulates {where}; predictions beside it are for them")
        found = replace(knobs, spectrum=spectrum).evaluate()
    if spectrum.mean is not None:
        spectrum, where = replace(spectrum, mean=None), f"{where or 'the spectrum'} without its mean"
        note("note: --verify simulates covariances and leaves the mean out; predictions beside it are without it")
        found = replace(knobs, spectrum=spectrum).evaluate()
    if found.terms["optimization"] is None:
        raise InputError(f"--verify has nothing to simulate: {found.reasons[0]}")
    seen = verify(replace(knobs, spectrum=spectrum).setting(), repetitions, seed, progress)
    top = knobs.sigma_max if knobs.problem is None else knobs.problem.sigma_max
    floor = ROUNDING * (spectrum.trace + (top**2 if top is not None and np.isfinite(top) else 0.0))
    parts = {}
    for name, estimate in seen.items():
        predicted = found.total if name == "total" else found.terms[name]
        near = predicted is not None and abs(predicted - estimate.value) <= RELATIVE * abs(estimate.value) + floor
        inside = near or (predicted is not None and estimate.low <= predicted <= estimate.high)
        parts[name] = SimulatedPart(
            value=estimate.value, low=estimate.low, high=estimate.high, predicted=predicted, inside=inside
        )  # fmt: skip
    return {"simulated": parts, "simulated_on": where or "the spectrum", "repetitions": repetitions}


def _quantiles(spectrum: Spectrum) -> Spectrum:
    """Eigenvalues in the middle of equal shares of the directions."""
    place = np.cumsum(spectrum.weight) / spectrum.dim
    picks = np.searchsorted(place, (np.arange(QUANTILES) + 0.5) / QUANTILES)
    return Spectrum.create(spectrum.eig[np.minimum(picks, spectrum.eig.size - 1)], source=spectrum.source)


def _write_kernel(path: str | Path, found: Budget, force: bool) -> None:
    if Path(path).suffix != ".npz":
        raise InputError(f"--kernel {path}: the kernel is an .npz file")
    arrays = {"eigenvalues": found.spectrum.eig, "weights": found.spectrum.weight}
    for name, kernel in found.kernels.items():
        arrays |= {name: kernel.pairs, f"{name}_own": kernel.own}
    if not found.kernels:
        raise InputError("--kernel needs a random source: --samples or --tau")
    write_atomic(path, write_npz(arrays), force)


def _curve(knobs: Knobs, over: str | None) -> Any:
    """Terms over the samples or the steps, computed when a picture is asked for."""
    if over not in (None, "samples", "steps"):
        raise InputError(f"--over {over}: use samples or steps")
    name = over or ("steps" if knobs.samples is None else "samples")
    here = knobs.value(name)
    if here is None or knobs.fixed(name):
        if over is not None:
            raise InputError(f"--over {over}: it is not given here, or belongs to a given grid")
        return None
    return name, here, knobs
