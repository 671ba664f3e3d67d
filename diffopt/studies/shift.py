"""The shift of rectified-flow time that a spectrum asks for, exact and by closed laws (theory.md, sec. 42)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy

from diffopt.data.dataset import Dataset
from diffopt.data.spectrum import Spectrum, descending
from diffopt.errors import InputError
from diffopt.foundation.arrays import Array
from diffopt.foundation.scalar import minimize_scalar
from diffopt.objectives import Objective
from diffopt.objectives.problem import Problem
from diffopt.processes.grid import Grid
from diffopt.solvers import run_table

#: Range of mu that is searched, and the number of points it is first looked at.
LOW, HIGH, LOOK = -4.0, 7.0, 45


@dataclass(frozen=True)
class Shifted:
    """A shift and the objective of its grid."""

    mu: float
    value: float

    @property
    def shift(self) -> float:
        """s = exp(mu)."""
        return float(np.exp(self.mu))


def closed_mu(spectrum: Spectrum) -> float:
    """mu = 1/4 log mean(eig^2) (theory.md, eq. 137)."""
    return float(np.log((spectrum.weight @ spectrum.eig**2) / spectrum.weight.sum()) / 4)


def leading_mu(spectrum: Spectrum) -> float:
    """Minimum of the leading-order error over the shift: the root of eq. (136)."""
    weight = spectrum.weight / spectrum.weight.sum()
    top = spectrum.max
    eig = spectrum.eig / top
    two, three_halves, half = (float(weight @ eig**p) for p in (2, 1.5, 0.5))

    def slope(mu: float) -> float:
        s = np.exp(mu)
        return float(np.pi / 8 * (s**2 - two / s**2) + half * s / 2 - three_halves / (2 * s))

    return float(scipy.optimize.brentq(slope, -30.0, 5.0)) + float(np.log(top)) / 2


def tokens_of(shape: Sequence[int]) -> int | None:
    """Tokens of latents (channels, height, width) or with channels last: 2 x 2 places of all channels a token.

    Channels are the axis beside two equal sides, else the first or last one if it is the smallest and at most 16; None where
    they cannot be told, or a side is odd. `estimation.sources.channels` doubts axes of 5 to 16 beside unequal sides, since its
    samples may be anything; here they are latents of pictures. Reference: diffusers, pipeline_flux._pack_latents; the patch
    size 2 of SD3 and Wan.
    """
    if len(shape) != 3:
        return None
    first, second, third = shape
    if second == third != first or (second != first and first <= 16 and first == min(shape)):
        sides = (second, third)
    elif first == second != third or (second != third and third <= 16 and third == min(shape)):
        sides = (first, second)
    else:
        return None
    return None if sides[0] % 2 or sides[1] % 2 else sides[0] * sides[1] // 4


def own_tokens(data: Dataset) -> int | None:
    """Tokens of the samples of a spectrum, by the shape that its file says; None where that says none."""
    shape = tuple(data.facts.get("shape") or ())
    return tokens_of(shape) if math.prod(shape) == max(1, round(data.spectrum.dim)) else None


def at_size(spectrum: Spectrum, factor: float, frames: int = 1, correlation: float = 0.9) -> Spectrum:
    """The same picture with `factor` times as many samples, and `frames` of it (theory.md, eq. 138).

    Eigenvalues grow by the factor, since the same amplitude stands in more samples; modes that the finer sampling adds
    follow the power law of the last half of the spectrum, coarser sampling leaves the last modes out. Frames are
    correlated as correlation^|lag| whatever the mode.

    Raises
    ------
    InputError
        A size, number of frames or correlation that is none.
    """
    if not (factor > 0 and frames >= 1 and 0 <= correlation <= 1):
        raise InputError("need tokens > 0, frames >= 1 and a frame correlation in [0, 1]")
    eig, weight = _resampled(spectrum, factor) if factor != 1 else (spectrum.eig, spectrum.weight)
    if frames > 1:
        in_time = np.maximum(np.linalg.eigvalsh(scipy.linalg.toeplitz(correlation ** np.arange(frames))), 0)
        eig, weight = np.outer(in_time, eig).ravel(), np.tile(weight, frames)
    return Spectrum(*descending(np.asarray(eig), np.asarray(weight), None), spectrum.source)


def _resampled(spectrum: Spectrum, factor: float) -> tuple[Array, Array]:
    order = np.argsort(-spectrum.eig)
    eig, weight = spectrum.eig[order], spectrum.weight[order]
    rank = np.cumsum(weight)
    if factor < 1:
        keep = np.clip(factor * rank[-1] - (rank - weight), 0, weight)
        return factor * eig[keep > 0], keep[keep > 0]
    tail = (rank > rank[-1] / 2) & (eig > 0)
    if tail.sum() < 2:
        raise InputError("the spectrum has no falling tail to continue; estimate it at the size you ask for")
    slope, level = np.polyfit(np.log(rank[tail] - weight[tail] / 2), np.log(eig[tail]), 1)
    edges = np.geomspace(rank[-1], factor * rank[-1], 65)
    new = np.exp(level) * np.sqrt(edges[1:] * edges[:-1]) ** slope
    return factor * np.append(eig, new), np.append(weight, np.diff(edges))


def shifted_grid(problem: Problem, mu: float) -> Grid:
    """Uniform time from pure noise to 0, shifted by exp(mu): t_i = 1 - i/N, as the hosts take it."""
    t = np.linspace(1, 0, problem.steps + 1)
    with np.errstate(divide="ignore"):
        sigmas = np.exp(mu) * t / (1 - t)
    return Grid.create(problem.process, sigmas)


def value_at(problem: Problem, objective: Objective, mu: float) -> float:
    """Objective of a shift."""
    table = run_table(problem.solver, shifted_grid(problem, mu))
    prepared = objective.prepare(problem.spectrum, problem.data.members)
    with np.errstate(all="ignore"):
        return float(objective.value(table, prepared, problem.start))


def best_shift(problem: Problem, objective: Objective) -> Shifted:
    """Exact optimum within the family: a look at the whole range, then Brent's method around the lowest point."""
    short = replace(problem, data=problem.data.shortened("design"))
    centre = closed_mu(short.spectrum)
    look = centre + np.linspace(LOW, HIGH, LOOK)
    values = [value_at(short, objective, float(mu)) for mu in look]
    k = int(np.nanargmin(values))
    ends = float(look[max(k - 1, 0)]), float(look[min(k + 1, LOOK - 1)])
    return Shifted(*minimize_scalar(lambda mu: value_at(short, objective, mu), *ends, 1e-5))


__all__ = ["Shifted", "at_size", "best_shift", "closed_mu", "leading_mu", "own_tokens", "tokens_of", "value_at"]
