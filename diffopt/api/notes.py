"""What was assumed, in sentences: the notes of a result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from diffopt.data.dataset import Dataset
from diffopt.data.sampling import Sampling
from diffopt.data.spectrum import Spectrum
from diffopt.foundation.arrays import Array
from diffopt.objectives.evaluation import Evaluation, evaluate
from diffopt.objectives.problem import Problem
from diffopt.processes.grid import Grid
from diffopt.solvers import Solver

if TYPE_CHECKING:
    from diffopt.api.grids import GivenGrid

#: Share of the variance below the last level of noise that is worth a word.
FINER = 0.1
#: Share of the data's spread that a start from noise may miss at the sigma_max that is advised.
MISSED = 0.01
#: Share of at least so many directions that may be wider than the most noise in data of the right scale: means of channels.
FEW, MANY = 1e-3, 100


def data_notes(data: Dataset, robust: bool = True) -> list[str]:
    """What was done to the data, and what `robust` runs over."""
    notes = []
    if data.spectrum.clipped:
        notes.append(f"note: {data.spectrum.clipped} eigenvalues within rounding of 0 set to 0")
    notes += _zero_note(data)
    sampling = Sampling.of(data.facts, data.spectrum.dim)
    if sampling is not None and (line := sampling.line()):
        notes.append(f"note: {line}")
    if robust and data.members is not None:
        notes.append(f"note: robust runs over the {len(data.members.spectra)} spectra of the file")
    return notes


def _zero_note(data: Dataset) -> list[str]:
    """How many eigenvalues are 0."""
    spectrum = data.spectrum
    zeros = spectrum.dim - spectrum.rank
    if not zeros > 0:
        return []
    text = (
        f"note: {zeros:.10g} of {spectrum.dim:.10g} eigenvalues are 0 (rank {spectrum.rank:.10g}): kl is of the others where the "
        "output has none there either, else infinite"
    )
    return [text]


def error_words(solver: Solver) -> list[str]:
    """The score error in force, if there is one."""
    if solver.error is None:
        return []
    return [f"score error {solver.error.text or 'function'} ({'random' if solver.error.random else 'systematic'})"]


def error_notes(problem: Problem) -> list[str]:
    """A note that every number has a score error in it, if it has."""
    return [f"note: all errors are with {words}" for words in error_words(problem.solver)]


def problem_notes(problem: Problem, free: Iterable[str] = ()) -> list[str]:
    """The defaults in force, so that nobody has to guess; ends of the range among `free` were searched within it."""
    ends = [name for name in ("sigma_max", "sigma_min") if name in set(free)]
    within = f" ({' and '.join(ends)} free within)" if ends else ""
    clock, meaning = problem.solver.clock_name(problem.process), problem.solver.eta_meaning
    parts = [f"solver {problem.solver.name}", f"{problem.steps} steps", *condition_words(problem, within)]
    if clock:
        parts.append(f"clock {clock}")
    parts += error_words(problem.solver)
    if meaning:
        parts.append(f"eta in the sense of {meaning}")
    return ["using " + ", ".join(parts)]


def condition_words(problem: Problem, within: str = "") -> list[str]:
    """Process, range, end and start; `within` is what is said of the range."""
    top = "pure noise" if problem.sigma_max == float("inf") else f"{problem.sigma_max:g}"
    span = f"sigma {top} to {problem.sigma_min:g}{within}"
    return [f"process {problem.process.name}", span, f"end {problem.end}", f"start {problem.start}"]


def assumption_notes(
    problem: Problem, grid: Grid, eta: Array, evaluation: Evaluation, listed: bool = False
) -> list[str]:
    """What the exact start hides, and data that the range does not fit, each with its numbers.

    A grid that was `listed` has its range from no flag.
    """
    return [*range_notes(problem, listed), *start_notes(problem, grid, eta, evaluation.frechet, listed)]


#: What is said of a range that does not hold the data, and of a mean that noise does not hide.
UNCOVERED, OFF_CENTRE = "noise does not cover them", "beyond their spread"


def range_notes(problem: Problem, listed: bool = False, mean: float | None = None) -> list[str]:
    """Data that the range does not fit: wider than the most noise, finer than the least, far from 0.

    `mean` is the length of a mean that the spectrum does not have.
    """
    spectrum, top = problem.spectrum, problem.sigma_max
    notes = []
    wide, spread = float(np.sqrt(spectrum.max)), float(np.sqrt(spectrum.trace))
    left_out = "" if mean is not None else " (robust leaves it out)"
    if mean is None:
        mean = _length(spectrum)
    if wide > top:
        above = float(spectrum.weight[spectrum.eig > top**2].sum())
        count = f"{_counted(above)} of {_counted(spectrum.dim)} directions"
        said = f"note: the data's largest standard deviation {wide:.4g} is above sigma_max {top:g} ({count})"
        if mean <= spread and (part := _mean_part(problem)):
            said += f", and their mean, of length {mean:.4g}, adds up to {part:.4g} to the error of a start from noise"
            # Eq. (34) has the variances alone.
            said += ", though not to robust"
        if problem.process.of_latents and spectrum.dim >= MANY and above <= max(1, FEW * spectrum.dim):
            notes.append(f"{said}: usually the overall brightness of a latent, normal; the model's own start is that far off too")
        else:
            # A mean beyond the spread is spoken of on its own, and is to be subtracted.
            short = problem.compressed().spectrum
            counted = replace(short, mean=None) if mean > spread else short
            missed = f"misses {100 * MISSED:g} % of their spread"
            advice = " or ".join([_rescale(problem), *_higher(problem, counted, listed, MISSED * spread, missed)])
            notes.append(f"{said}: {UNCOVERED}; {advice}")
    elif mean <= spread:
        notes += _mean_note(problem)
    notes += _low_note(problem, listed)
    if mean > spread:
        notes.append(
            f"note: the data's mean has length {mean:.4g}, {OFF_CENTRE} {spread:.4g}; subtract it if the model does{left_out}"
        )
    return notes


def _length(spectrum: Spectrum) -> float:
    """Length of the mean."""
    return 0.0 if spectrum.mean is None else float(np.sqrt(spectrum.weight @ spectrum.mean**2))


def _mean_part(problem: Problem) -> float:
    """What a start from noise that lacks the mean adds at most, 0 where that is next to nothing (eq. 440)."""
    spectrum = problem.spectrum
    if spectrum.mean is None or not np.isfinite(problem.sigma_max):
        return 0.0
    from diffopt.studies.covering import mean_error

    found = mean_error(spectrum, problem.sigma_max)
    return found if found > MISSED * np.sqrt(spectrum.trace) else 0.0


def _mean_note(problem: Problem) -> list[str]:
    """That a start from noise lacks the mean, where that is more than what it lacks of the variances."""
    if problem.start == "exact" or not (part := _mean_part(problem)):
        return []
    from diffopt.studies.covering import start_error

    if part <= start_error(replace(problem.compressed().spectrum, mean=None), problem.sigma_max, problem.start):
        return []
    return [
        f"note: the data's mean, of length {_length(problem.spectrum):.4g}, is not in a start from noise: at sigma_max "
        f"{problem.sigma_max:g} that adds up to {part:.4g} to frechet, more than the variances do, and nothing to robust; "
        "subtract it if the model does"
    ]


def raw_notes(problem: Problem, mean: float, listed: bool = False) -> list[str]:
    """Notes on the range for samples or a mixture: there are no flags for their scale, so the way is named."""
    notes = range_notes(problem, listed, mean)
    if not notes:
        return []
    return [
        *notes, "note: samples and mixtures are taken as they are: save them first in the numbers that the network sees; "
        "for samples diffopt spectrum estimate --standardize 0.5 prints such a map, x * scale + shift",
    ]  # fmt: skip


def _rescale(problem: Problem) -> str:
    """What to do about the scale: where a trained model says the range, its own numbers are not to be changed."""
    if not problem.process.of_latents:
        return "scale the data"
    off = "the model's own start is that far off, and no grid without noise mends it"
    return f"check that they have the network's scale: if so {off}"


def _counted(value: float) -> str:
    """A number of directions; one that stands for others is about that many."""
    return f"{value:.0f}" if value == round(value) else f"about {max(value, 1):.0f}"


def _higher(problem: Problem, spectrum: Spectrum, listed: bool, allowed: float, what: str) -> list[str]:
    """How to begin at more noise, where the process goes that far: at which, and what that does."""
    limit = problem.process.sigma_limits[0]
    if not problem.sigma_max < limit * (1 - 1e-9):
        return []
    # Ranges that fit, as most do, need no number.
    from diffopt.studies.covering import covering_sigma

    found = covering_sigma(spectrum, "sigma", allowed)
    verb = "begin the grid at" if listed else "raise --sigma-max to"
    if found is None or found >= limit:
        return [f"{verb} {limit:.6g}, the most that the process has"] if np.isfinite(limit) else []
    # A process with an end was trained up to it, and a flow to pure noise.
    trained = "" if np.isfinite(limit) or problem.process.flow else ", if the network was trained there"
    return [f"{verb} {found:g}, where such a start {what}{trained}"] if found > problem.sigma_max else []


def _low_note(problem: Problem, listed: bool) -> list[str]:
    """How much of the data is finer than the last level of noise."""
    spectrum, low = problem.spectrum, problem.sigma_min
    below = spectrum.eig < low**2
    share = float(spectrum.weight[below] @ spectrum.eig[below]) / spectrum.trace if spectrum.trace > 0 else 0.0
    if share < FINER:
        return []
    what = "one step to 0 makes them" if problem.end == "zero" else "the grid ends before they are made"
    advice = ["scale the data"]
    limit = problem.process.sigma_limits[1]
    if limit < low * (1 - 1e-9):
        fine = max(_fine(spectrum), limit)
        what_for = f"where it is less than {100 * FINER:g} %" if fine > limit else "the least that the process has"
        advice.append(f"{'end the grid at' if listed else 'lower --sigma-min to'} {fine:.2g}, {what_for}")
    return [
        f"note: {100 * share:.3g} % of the data's variance is in directions with a standard deviation below sigma_min {low:g}: "
        f"{what}; {' or '.join(advice)}"
    ]


def _fine(spectrum: Spectrum) -> float:
    """A noise ratio of two digits, rounded down, below which there is no more of the variance than is worth a word."""
    order = np.argsort(spectrum.eig)
    shares = np.cumsum((spectrum.weight * spectrum.eig)[order]) / spectrum.trace
    value = float(np.sqrt(spectrum.eig[order][int(np.argmax(shares >= FINER))]))
    unit = 10.0 ** (np.floor(np.log10(value)) - 1)
    return float(f"{np.floor(value / unit * (1 + 1e-12)) * unit:.2g}")


def start_notes(problem: Problem, grid: Grid, eta: Array, frechet: float | None, listed: bool = False) -> list[str]:
    """How much a start from noise alone would add, where that is more than the error that is printed."""
    if problem.start != "exact" or not np.isfinite(problem.sigma_max):
        return []
    hosts = replace(problem.compressed(), start="sigma")
    found = evaluate(hosts, grid, eta, expand=False).initialization
    if found is None or frechet is None or found <= frechet:
        return []
    part = _mean_part(problem)
    mean, centre = "", []
    if part > found / 2:
        mean = f", {part:.4g} of it by their mean of length {_length(hosts.spectrum):.4g}"
        centre = ["subtract the mean if the model does"]
    # Data wider than the range are told a number already.
    wide = problem.spectrum.max > problem.sigma_max**2
    higher = [] if wide else _higher(problem, problem.compressed().spectrum, listed, frechet / 4, "adds a quarter of frechet")
    return [
        f"note: frechet {frechet:.4g} assumes a start from the exact marginal; a start from N(0, sigma_max^2), as hosts do, "
        f"adds up to {found:.4g}{mean} ({', or '.join([*centre, 'see --start sigma', *higher])})"
    ]


def mismatch_notes(grid: GivenGrid, problem: Problem, given: Iterable[str], data: bool = True) -> list[str]:
    """Where a grid meets another spectrum (`data`), solver, process or start than it was made for: the values of both."""
    document = grid.document
    if document is None:
        return []
    found = []
    made_for = document.spectrum_values().get("sha256")
    if data and isinstance(made_for, str) and made_for != problem.spectrum.sha256:
        source = document.spectrum_values().get("source", "?")
        ours = f"{problem.spectrum.source} ({problem.spectrum.sha256[:8]})"
        found.append(f"spectrum {source} ({made_for[:8]}), evaluated on {ours}")
    if document.solver is not None and document.solver != problem.solver.name:
        found.append(f"solver {document.solver}, evaluated with {problem.solver.name}")
    process = document.process_values()
    if process.get("name") not in (None, problem.process.name):
        found.append(f"process {process['name']}, evaluated on {problem.process.name}")
    else:
        numbers = problem.process.parameters()
        found += [
            f"{name} {process[name]:g}, evaluated with {value:g}"
            for name, value in numbers.items()
            if isinstance(process.get(name), int | float) and process[name] != value
        ]
    if document.start is not None and "start" in given and document.start != problem.start:
        found.append(f"start {document.start}, evaluated from {problem.start}")
    return [f"note: {grid.label} was made for {item}" for item in found]
