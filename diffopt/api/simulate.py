"""`diffopt.simulate`: the real sampler with an exact score that is not Gaussian, or with your own denoiser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, Unpack

import numpy as np

from diffopt.api.arguments import Flags, keywords, read, verb
from diffopt.api.likes import CountsLike, Denoiser, FileLike, GridsLike, NumbersLike, ShapeLike, SolversLike, TargetLike
from diffopt.api.results.simulate import SimulationResult
from diffopt.api.runs import Planned, named_runs, plan, reference_grid, reference_name
from diffopt.api.targets import NamedTarget, find_target
from diffopt.documents.build import error_text
from diffopt.documents.schemas import dump
from diffopt.documents.values import number
from diffopt.errors import InputError, UnsupportedError
from diffopt.foundation.arrays import Array
from diffopt.foundation.notes import note
from diffopt.foundation.workers import cores
from diffopt.objectives.problem import Problem
from diffopt.simulation.distance import DISTANCES, PATHWISE, measure
from diffopt.simulation.mixture import Mixture
from diffopt.simulation.run import Batch, run
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.table import Table

#: Multiplications above which two processes are worth their start.
LARGE = 2e11


@verb
def simulate(
    target: TargetLike | None = None,
    grids: GridsLike | None = None,
    solver: SolversLike | None = None,
    steps: CountsLike | None = None,
    *,
    mixture: FileLike | Mixture | None = None,
    samples: FileLike | NumbersLike | None = None,
    denoiser: str | Denoiser | None = None,
    shape: int | ShapeLike | None = None,
    components: int | None = None,
    bandwidth: float | None = None,
    posterior: FileLike | Sequence[Any] | None = None,
    count: int = 1000,
    seed: int = 0,
    workers: int | None = None,
    memory: float = 1.0,
    reference_steps: int = 100,
    progress: Callable[[int, int], None] | None = None,
    **flags: Unpack[Flags],
) -> SimulationResult:
    """Run samplers on data that are not Gaussian and measure how far their samples are off.

    Parameters
    ----------
    target : Target, callable or array, optional
        A law of `diffopt.simulation`, a denoiser f(x, sigma) with x of shape (n, *shape), or samples (m, d...).
    grids : grid or list of grids, optional
        Files, results or lists of noise ratios.
    solver, steps : str or list, optional
        Names and step counts of the named schedules, comma lists; defaults `euler` and 10.
    mixture : path or Mixture, optional
        .npz with `weights` (k,), `means` (k, d), `variances` (k, d) or `covariances` (k, d, d).
    samples : path or array, optional
        Data whose kernel density is sampled; beside a denoiser, the data it was trained on.
    denoiser : str or callable, optional
        `MODULE:FUNCTION` or the function.
    shape : tuple or str, optional
        Shape of one sample of a denoiser.
    components : int, optional
        Fit a mixture of so many Gaussians to the samples instead of the kernel density (scikit-learn).
    bandwidth : float, optional
        Blur of the kernel density, data units; a tenth of the samples' deviation.
    posterior : path or tuple, optional
        Linear measurement (matrix, y, noise): the exact posterior of a mixture or of samples is sampled.
    count, seed : int
        Samples and the seed of everything random.
    workers : int, optional
        Processes; the result does not depend on it.
    memory : float
        Gigabytes that the distances between states and components may take.
    reference_steps : int
        Heun steps of the fine run.
    progress : callable, optional
        Called with (runs of a block done, in all).
    **flags
        The flags of `diffopt simulate` with underscores, such as `schedule="karras,optimized"`.

    Returns
    -------
    SimulationResult
        `.document["rows"]` with a `limit` and a `data` part each: two truths that are not mixed.

    Raises
    ------
    InputError
        No target or several, a denoiser that fails, or numbers that are not allowed.
    TypeError
        An unknown keyword, with the nearest one.

    Examples
    --------
    >>> import diffopt, numpy as np
    >>> two_points = lambda x, sigma: np.tanh(x / sigma**2)
    >>> result = diffopt.simulate(two_points, solver="heun", steps=4, shape=1, count=64, schedule="karras,exponential")
    >>> [row["schedule"] for row in result.document["rows"]]
    ['karras', 'exponential']
    """
    settings = read("simulate", flags, keywords(simulate))
    sizes = {"count": count, "workers": workers, "reference_steps": reference_steps, "seed": seed}
    for name, least in (("count", 4), ("workers", 1), ("reference_steps", 2), ("seed", 0)):
        _whole(sizes[name], name, least)
    limit = number(memory, "memory")
    if not limit > 0:
        raise InputError(f"--memory must be positive, got {limit:g}")
    given = find_target(target, mixture, samples, denoiser, shape, components, bandwidth, posterior, int(limit * 2**30))
    plans = plan(given, settings, flags, grids, solver, steps)
    first = plans[0].problem
    batch = Batch(given.target, int(count), int(seed), _start(given, flags.get("start"), settings.start), first.solver.error)  # type: ignore[arg-type]
    batch.model(0)
    fine = [_table("heun", first, reference_grid(first, n)) for n in (int(reference_steps), int(reference_steps) // 2)]
    tables = [*fine, *(named_runs(p) for p in plans)]
    busy = _workers(given, batch, tables) if workers is None else int(workers)
    if busy > 1 and not given.portable:
        raise InputError("--workers is for exact targets; a denoiser of yours runs in this process")
    ends = run(batch, tables, busy, progress, right=len(fine))
    document = _document(given, batch, plans, tables, ends, int(reference_steps))
    return SimulationResult(document, (), ends[0], {p.name: end for p, end in zip(plans, ends[2:], strict=True)})


def _whole(value: Any, name: str, least: int) -> None:
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if value is not None and not (whole and value >= least):
        raise InputError(f"--{name.replace('_', '-')} must be a whole number from {least}, got {value}")


def _start(given: NamedTarget, said: str | None, default: str) -> str:
    """The initial law: exact where the target can be drawn from, else that of every host."""
    if said is not None:
        return said
    try:
        given.target.draw(1, np.random.default_rng(0))
    except UnsupportedError:
        note("note: a denoiser alone has no samples to start from; start sigma, N(0, sigma_max^2)")
        return "sigma"
    return default


def _table(solver: str, problem: Problem, sigmas: Array) -> Table:
    from diffopt.processes.grid import Grid

    return run_table(SOLVERS[solver](), Grid.create(problem.process, sigmas))


def _workers(given: NamedTarget, batch: Batch, tables: list[Table]) -> int:
    """Two processes where the work is worth their start."""
    work = given.facts.get("components") or 1
    total = float(work) * given.target.dim * batch.count * sum(t.calls for t in tables)
    return 2 if given.portable and batch.blocks > 1 and total > LARGE and cores() > 1 else 1


def _document(
    given: NamedTarget, batch: Batch, plans: list[Planned], tables: list[Table], ends: list[Array], fine: int
) -> dict[str, Any]:
    from diffopt import __version__
    from diffopt.documents.schemas import ProcessPart
    from diffopt.documents.simulation import ReferencePart, SimulationDocument, TargetPart

    truth, first = ends[0], plans[0].problem
    if not np.isfinite(truth).all():
        raise InputError("the fine run overflowed; is the denoiser E[x_0 | x] in the noise-ratio picture?")
    data, other = (_independent(given, batch, k) for k in (1, 2))
    floor = None if data is None or other is None else {k: d(data, other) for k, d in DISTANCES.items()}
    error = PATHWISE["rmse"](truth, ends[1]) if np.isfinite(ends[1]).all() else float("inf")
    if not np.isfinite(error) or error > 0.05 * np.sqrt(np.var(truth, axis=0).sum()):
        note(f"note: the fine run of {fine} steps is not converged (rmse {error:.4g} to half of them); raise --reference-steps")
    reference = ReferencePart(
        solver="heun", schedule=reference_name(first), steps=fine, error=float(np.nan_to_num(error, posinf=1e308)),
        data=_between(truth, data),
    )  # fmt: skip
    rows = [_row(p, t, end, truth, data) for p, t, end in zip(plans, tables[2:], ends[2:], strict=True)]
    process = ProcessPart(
        name=first.process.name, sigma_max=None if np.isinf(first.sigma_max) else first.sigma_max,
        sigma_min=first.sigma_min, **first.process.parameters(), **first.process.origin(),
    )  # fmt: skip
    return dump(SimulationDocument(
        target=TargetPart(**given.facts), process=process, start=batch.start, end=first.end, samples=batch.count,
        seed=batch.seed, score_error=error_text(first.solver), reference=reference, floor=floor, rows=rows,
        diffopt_version=__version__,
    ))  # fmt: skip


def _independent(given: NamedTarget, batch: Batch, part: int) -> Array | None:
    """Independent draws from the target, as many as there are samples; None where there are none."""
    try:
        return given.target.draw(batch.count, np.random.default_rng([batch.seed, 1 << 30, part]))
    except UnsupportedError:
        return None


def _between(samples: Array, data: Array | None) -> Any:
    """Distances between laws to independent data."""
    if data is None:
        return None
    return {name: vars(measure(distance, samples, data, paired=False)) for name, distance in DISTANCES.items()}


def _row(planned: Planned, table: Table, end: Array, truth: Array, data: Array | None) -> Any:
    from diffopt.documents.simulation import SimulationRow

    reason: str | None = None
    limit: Any = None
    to_data: Any = None
    if not np.isfinite(end).all():
        reason = "the run overflowed"
    else:
        distances = DISTANCES if table.stochastic else PATHWISE | DISTANCES
        limit = {name: vars(measure(d, end, truth, paired=not table.stochastic)) for name, d in distances.items()}
        to_data = _between(end, data)
        if table.stochastic:
            reason = "a run with noise of its own has no path to compare along: no rmse, no median"
        if data is None:
            reason = "; ".join(filter(None, [reason, "no samples of the data are known"]))
    return SimulationRow(
        schedule=planned.name, solver=planned.problem.solver.name, steps=planned.problem.steps, denoiser_calls=table.calls,
        sigmas=[None if np.isinf(s) else float(s) for s in planned.sigmas], eta=[float(e) for e in planned.eta],
        limit=limit, data=to_data, reason=reason,
    )  # fmt: skip
