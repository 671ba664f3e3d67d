"""`diffopt.shift`: the flow shift that the data ask for."""

from __future__ import annotations

from typing import Unpack

import numpy as np

from diffopt import __version__
from diffopt.api.arguments import Flags, keywords, loaded, read, verb
from diffopt.api.likes import NumberLike, SpectrumLike, WholeLike
from diffopt.api.notes import data_notes
from diffopt.api.results.recommend import ShiftResult
from diffopt.data.dataset import Dataset
from diffopt.documents.build import finite, spectrum_part
from diffopt.documents.chosen import make_objective
from diffopt.documents.question import make_problem
from diffopt.documents.recommendation import ShiftDocument, ShiftRow
from diffopt.documents.schemas import dump
from diffopt.documents.values import number, one
from diffopt.errors import InputError
from diffopt.objectives.problem import Problem
from diffopt.schedules.fixed.flow import flux2_mu, flux_mu
from diffopt.studies.shift import at_size, best_shift, closed_mu, leading_mu, own_tokens, value_at


@verb
def shift(
    spectrum: SpectrumLike,
    steps: WholeLike | None = None,
    *,
    tokens: WholeLike | None = None,
    frames: WholeLike | None = None,
    frame_correlation: NumberLike | None = None,
    **flags: Unpack[Flags],
) -> ShiftResult:
    """Find the shift of uniform rectified-flow time that is best for the data.

    Parameters
    ----------
    spectrum : path, str, array, Spectrum, Dataset or estimate
        Spectrum of one frame in the units the model is trained in, as in :func:`diffopt.optimize`.
    steps : int
        Number of solver steps; default 28.
    tokens : int, optional
        Image tokens of one frame: the spectrum is continued to this size. Default: its own, by the shape of the samples
        (2 x 2 places a token) where the file says it, else the number of eigenvalues.
    frames : int, optional
        Frames of a video; default 1.
    frame_correlation : float, optional
        Correlation of neighbouring frames; default 0.9.
    **flags
        `solver` (default euler), `objective` (default frechet), `key`.

    Returns
    -------
    ShiftResult
        `.shift`, `.mu`, `.rows()`.

    Raises
    ------
    InputError
        A value that is not allowed.

    Examples
    --------
    >>> import diffopt
    >>> found = diffopt.shift([4.0, 1.0, 0.25], 28)
    >>> 0.5 < found.shift < 5
    True
    """
    if flags.pop("scheduler_config", None) is not None:
        raise InputError(
            "shift takes no --scheduler-config: it finds the shift of the data for any flow model, at --tokens N; what the "
            "model's own shift costs says `diffopt compare-schedules SPECTRUM --scheduler-config FILE`, row own"
        )
    given = {**flags, "objective": flags.get("objective") or "frechet"}
    settings = read("shift", given, keywords(shift), steps=28 if steps is None else steps)
    settings = settings.replace(process="flow")
    data = loaded(spectrum, {**flags, "process": "flow"})
    size = max(1, round(data.spectrum.dim))
    shape = tuple(data.facts.get("shape") or ())
    native = own_tokens(data)
    own = native or size
    count = own if tokens is None else one(tokens, "tokens")
    films = 1 if frames is None else one(frames, "frames")
    kept = 0.9 if frame_correlation is None else number(frame_correlation, "frame_correlation")
    resized = Dataset.of(at_size(data.spectrum, count / own, films, kept))
    problem, objective = make_problem(settings, resized), make_objective(settings.objective)
    best = best_shift(problem, objective)
    rows = [_row(problem, "optimum", best.mu, f"smallest {objective.name} among shifts of uniform time")]
    rows += [_row(problem, *law) for law in _laws(problem, count * films, problem.steps)]
    document = ShiftDocument(
        solver=problem.solver.name, steps=problem.steps, objective=objective.name, tokens=count, frames=films,
        frame_correlation=kept, rows=rows, spectrum=spectrum_part(data.spectrum, data.facts), diffopt_version=__version__,
    )  # fmt: skip
    notes = (*data_notes(data, robust=False), *_notes(size, own, count, films, kept, tokens is not None, shape if native else ()))
    return ShiftResult(dump(document), notes, problem)


def _notes(
    size: int, own: int, count: int, films: int, kept: float, said: bool, shape: tuple[int, ...]
) -> tuple[str, ...]:
    notes = ["note: the spectrum must be in the model's own units (latents as the model sees them, one entry a token or channel)"]
    notes.append(
        "note: the grid is the times 1 - i/N, shifted once, with 0 at the end: ComfyUI's simple at that shift, diffusers' Flux "
        "pipelines at that mu; set_timesteps(N) with a static shift (SD3) shifts twice, which compare-schedules judges with "
        "--scheduler-config FILE (row own)"
    )
    if shape:
        sides = " x ".join(map(str, shape))
        notes.append(
            f"note: latents of {sides} are {own} tokens of 2 x 2 places, as FLUX, SD3 and Wan count; --tokens N gives another "
            "size, and continues the spectrum to it"
        )
    elif not said:
        notes.append(
            f"note: {count} tokens is the number of eigenvalues, channels counted, and FLUX's rows take it so; a token of FLUX "
            "or SD3 holds 2 x 2 places of all channels; --tokens N gives the model's, and continues the spectrum to that size"
        )
    if count != own:
        one_each = "" if shape else "; a token is taken as one entry, as the file does not say the shape of its samples"
        notes.append(
            f"note: the spectrum of {size} entries is continued to {size * count / own:.6g}: the same picture, its own power law"
            f"{one_each}"
        )
    if films > 1:
        notes.append(f"note: frames are assumed to be correlated as {kept:g}^lag in every mode")
    return tuple(notes)


#: Shifts that models ship whatever the size. References: ComfyUI, supported_models.SD3, and Esser et al. (2024),
#: arXiv:2403.03206; Wan-Video/Wan2.1 1fea12c, generate.py, _validate_args.
SHIPPED = (
    ("sd3", 3.0, "Stable Diffusion 3: shift 3"),
    ("wan_480p", 3.0, "Wan 2.1, image to video at 480p: shift 3"),
    ("wan_720p", 5.0, "Wan 2.1, text to video at any size and image to video at 720p: shift 5"),
    ("wan_frames", 16.0, "Wan 2.1, between a first and a last frame: shift 16"),
)


def _laws(problem: Problem, tokens: int, steps: int) -> list[tuple[str, float, str]]:
    spectrum = problem.spectrum
    return [
        ("leading_order", leading_mu(spectrum), "minimum of the leading-order error of many Euler steps"),
        ("closed_law", closed_mu(spectrum), "mu = 1/4 log mean(eig^2)"),
        ("flux", flux_mu(tokens), "FLUX.1: line in the tokens, 0.5 at 256, 1.15 at 4096"),
        ("flux2", flux2_mu(tokens, steps), "FLUX.2: fitted to tokens and steps"),
        *((name, float(np.log(shift)), sentence) for name, shift, sentence in SHIPPED),
    ]


def _row(problem: Problem, name: str, mu: float, sentence: str) -> ShiftRow:
    short = problem.compressed("design")
    errors = {key: finite(value_at(short, make_objective(key), mu)) for key in ("frechet", "robust")}
    return ShiftRow(name=name, mu=mu, shift=float(np.exp(mu)), sentence=sentence, **errors)
