"""Grids of the shape of another one: with more steps, or down to a smaller noise."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Array


def refined(sigmas: Array, factor: float) -> Array:
    """So many times the steps between the same levels, log sigma linear in the index (theory.md, eq. 442).

    Pure noise before and 0 behind the positive levels stay.
    """
    inner = _inner(sigmas)
    logs = np.log(sigmas[inner])
    count = round(factor * (sigmas.size - 1)) + 1 - (sigmas.size - logs.size)
    place = np.linspace(0, logs.size - 1, max(count, 1))
    return np.concatenate([sigmas[: inner.start], np.exp(np.interp(place, np.arange(logs.size), logs)), sigmas[inner.stop :]])


def stretched(sigmas: Array, factor: float) -> Array:
    """The last positive level times a factor, the first as it is, the others in proportion in log sigma (eq. 443)."""
    inner = _inner(sigmas)
    logs = np.log(sigmas[inner])
    width = logs[0] - logs[-1]
    levels = np.exp(logs[0] + (1 - np.log(factor) / width) * (logs - logs[0])) if width else sigmas[inner] * factor
    return np.concatenate([sigmas[: inner.start], levels, sigmas[inner.stop :]])


def _inner(sigmas: Array) -> slice:
    """Places of the positive finite levels."""
    return slice(int(np.isinf(sigmas[0])), sigmas.size - int(sigmas[-1] == 0))
