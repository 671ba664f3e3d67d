"""Multistep weights that fit the exact trajectory of a spectrum: a least-squares problem a step (theory.md, eq. 132)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.foundation.arrays import Array, Numbers
from diffopt.processes.points import Points
from diffopt.solvers.rules.adams import RULES, back, lagrange_weights, start_up


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Exact trajectory of every eigenvalue along a grid, in the noise-ratio picture.

    Attributes
    ----------
    root : ndarray, shape (..., N + 1, d)
        sqrt(eig + sigma^2), the size of the state.
    output : ndarray, shape (..., N, d)
        eig/root, the size of the denoiser's output at the start of each step; 0 at pure noise.
    share : ndarray, shape (..., N, d)
        Weight of a squared defect: weight eig/(eig + sigma'^2), carried to the data by the exact flow.
    """

    root: Numbers
    output: Numbers
    share: Numbers

    @classmethod
    def create(cls, points: Points, eig: Array, weight: Array) -> Trajectory:
        """Sizes along `points` for positive eigenvalues."""
        finite = np.isfinite(points.sigma.real)[..., None]
        variance = eig + np.where(finite, points.sigma[..., None], 1) ** 2
        root = np.sqrt(variance)
        output = np.where(finite[..., :-1, :], eig / root[..., :-1, :], 0)
        return cls(root, output, weight * eig / variance[..., 1:, :])


#: Most outputs that the centre of the prior uses.
CENTRE = 3


def even_weights(points: Points, outputs: int) -> Numbers:
    """Centre of the prior: exact exponential weights of polynomials in the number of the step (theory.md, eq. 292)."""
    orders = start_up(points, min(outputs, CENTRE), euler_end=True, through_noise=False)
    ratio = points.ratio
    inner = (ratio.real > 0) & ~points.unbounded
    h = -np.log(np.where(inner, ratio, 0.5))
    xi, share = RULES[32]
    shares = share * h[..., None] * np.exp(h[..., None] * (xi - 1)) / -np.expm1(-h)[..., None]
    places = np.arange(points.steps) + 0 * h
    return lagrange_weights(places, orders, outputs, places[..., None] + xi, shares, lambda number: number)


def fitted_weights(points: Points, ensemble: Spectrum, outputs: int, ridge: float, prior: float) -> Numbers:
    """Weights w of the last outputs, shape (..., N, outputs), summing to 1 (theory.md, eq. 132)."""
    path = Trajectory.create(points, ensemble.eig, ensemble.weight)
    gain = (1 - points.ratio)[..., None]
    there = start_up(points, outputs, euler_end=False, through_noise=False)
    centre = even_weights(points, outputs)
    columns = [gain * _back(path.output, j) for j in range(outputs)]
    moved = np.where(points.unbounded[:, None], 0, points.ratio[..., None] * path.root[..., :-1, :])
    rest = moved - path.root[..., 1:, :] + sum(centre[..., j, None] * columns[j] for j in range(outputs))
    apart = np.stack([column - columns[0] for column in columns[1:]], axis=-2)
    weighted = apart * path.share[..., None, :]
    matrix = weighted @ np.swapaxes(apart, -1, -2)
    right = -(weighted @ rest[..., None])[..., 0]
    size = (path.share * columns[0] ** 2).sum(axis=-1)[..., None]
    # The first output's weight is what the others leave: |d|^2 = d (1 + 1 1^T) d in the others' deviations.
    matrix = matrix + (ridge**2 + prior**2) * size[..., None] * (np.eye(outputs - 1) + 1)
    right = right - ridge**2 * size * (centre[..., 1:] - centre[..., :1])
    known = np.arange(1, outputs) < there[:, None]
    both = known[:, :, None] & known[:, None, :]
    matrix = np.where(both, matrix, np.eye(outputs - 1))
    change = np.linalg.solve(matrix, np.where(known, right, 0)[..., None])[..., 0]
    return centre + np.concatenate([-change.sum(axis=-1, keepdims=True), change], axis=-1)


def _back(values: Numbers, lag: int) -> Numbers:
    return np.moveaxis(back(np.moveaxis(values, -1, 0), lag, 0.0), 0, -1)
