"""From which noise ratio on a start from noise alone leaves a small error, and down to which a grid has to go."""

from __future__ import annotations

import math

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.law.start import Start
from diffopt.processes import Process
from diffopt.studies.budget.flow import ExactFlow

#: Share of the steps' error that a start may have before a larger noise ratio is worth it (theory.md, eq. 441).
SHARE = 1 / 4
#: Largest noise ratio that is looked at, halvings of the logarithmic range below it, and digits that a number is told with.
HIGH, HALVINGS, DIGITS = 1e9, 60, 2


def start_error(spectrum: Spectrum, top: float, start: Start) -> float:
    """What a start law at a noise ratio leaves at the end of the exact flow without noise, data units (theory.md, eq. 440)."""
    flow = ExactFlow(top, 0.0, start)
    return math.sqrt(flow.output(spectrum).distance(flow.limit(spectrum), spectrum.weight))


def mean_error(spectrum: Spectrum, top: float) -> float:
    """The part of :func:`start_error` that is the data's mean, which a start from noise lacks (second part of eq. 440)."""
    if spectrum.mean is None:
        return 0.0
    return math.sqrt(float(spectrum.weight @ (spectrum.mean**2 * (spectrum.eig / (spectrum.eig + top**2)))))


def covering_sigma(spectrum: Spectrum, start: Start, allowed: float) -> float | None:
    """Least noise ratio, rounded up, at which the start leaves no more than is `allowed`; None where none is.

    The start's error falls as the noise ratio grows (theory.md, eq. 440).
    """
    if not allowed > 0 or start_error(spectrum, HIGH, start) > allowed:
        return None
    low, high = math.log(1 / HIGH), math.log(HIGH)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if start_error(spectrum, math.exp(middle), start) <= allowed else (middle, high)
    return _up(math.exp(high))


def end_error(process: Process, spectrum: Spectrum, low: float) -> float:
    """Distance of the marginal at a noise ratio from the data, data units (theory.md, eq. 444)."""
    alpha = float(np.asarray(process.alpha(process.time(np.array(low)))))
    gap = alpha * np.sqrt(spectrum.eig + low**2) - np.sqrt(spectrum.eig)
    mean = 0.0 if spectrum.mean is None else (1 - alpha) * spectrum.mean
    return math.sqrt(float(spectrum.weight @ (gap**2 + mean**2)))


def finest_sigma(process: Process, spectrum: Spectrum, top: float, allowed: float) -> float:
    """A noise ratio below `top`, rounded down, at which the marginal is no further from the data than is `allowed` (eq. 444)."""
    low, high = math.log(1 / HIGH), math.log(top)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if end_error(process, spectrum, math.exp(middle)) <= allowed else (low, middle)
    return _down(math.exp(low))


def _down(value: float) -> float:
    """The next smaller number of few digits."""
    unit = 10.0 ** (math.floor(math.log10(value)) + 1 - DIGITS)
    return float(f"{math.floor(value / unit * (1 + 1e-12)) * unit:.{DIGITS}g}")


def _up(value: float) -> float:
    """The next number of few digits."""
    unit = 10.0 ** (math.floor(math.log10(value)) + 1 - DIGITS)
    return float(f"{math.ceil(value / unit * (1 - 1e-12)) * unit:.{DIGITS}g}")
