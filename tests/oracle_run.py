"""What a published loop is given, and the clocks it may step in; nothing here comes from diffopt.

A loop is a function `(run, x)` that returns the state at the end of the run. `x` is the start, an array (samples, 2) in the
coordinates x = z/alpha = x_0 + sigma n of k-diffusion. `run` is a :class:`Run`. A scheme with a clock is run in all four of
them, one after the other (`run.clock`); :func:`in_clock` steps in the clock's own coordinate, so that the loop is written once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Facts:
    """A forward process from its source, by functions of its own time: alpha, noise, alpha'/alpha, g^2, and time(sigma)."""

    alpha: Callable[[float], float]
    noise: Callable[[float], float]
    drift: Callable[[float], float]
    diffusion: Callable[[float], float]
    time: Callable[[float], float]


@dataclass(frozen=True)
class Run:
    """One run to repeat.

    Attributes
    ----------
    target : Mixture
        The data: `denoise(z, alpha, noise)`, `score(z, alpha, noise)`.
    facts : Facts
        The process.
    sigmas : list of float
        Noise ratios noise/alpha of the grid, N + 1 of them, falling; the last may be 0.
    eta : list of float
        eta of every step.
    noises : list of lists of arrays
        `noises[k][s]`, the standard normal numbers of source s in step k; at least two sources are there.
    clock : str or None
        "sigma", "variance", "logsnr", "time"; None where the scheme has no clock.
    options : dict
        The solver's options that the test sets; the others are at their defaults.
    """

    target: Any
    facts: Facts
    sigmas: list[float]
    eta: list[float]
    noises: list[list[Array]]
    clock: str | None = None
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def steps(self) -> range:
        """Numbers k = 0 .. N - 1 of the steps."""
        return range(len(self.sigmas) - 1)

    def denoised(self, x: Array, sigma: float) -> Array:
        """D in the coordinates x = x_0 + sigma n."""
        return self.target.denoise(x, 1.0, sigma)

    def pair(self, k: int) -> tuple[float, float]:
        """Noise ratios before and after step k."""
        return self.sigmas[k], self.sigmas[k + 1]


class Clock:
    """dy/du of the reverse dynamics with coefficient eta, u falling; y = x, or z in the clock `time`."""

    def __init__(self, run: Run) -> None:
        self.run, self.facts, self.name = run, run.facts, run.clock or "sigma"

    def reading(self, sigma: float) -> float:
        """The clock's reading u at a noise ratio."""
        if self.name == "time":
            return self.facts.time(sigma)
        return {"sigma": sigma, "variance": sigma**2}[self.name] if self.name != "logsnr" else math.log(sigma)

    def enter(self, x: Array, sigma: float) -> Array:
        """The clock's coordinate y of x."""
        return self.facts.alpha(self.facts.time(sigma)) * x if self.name == "time" else x

    def leave(self, y: Array, sigma: float) -> Array:
        """x of the clock's coordinate y."""
        return y / self.facts.alpha(self.facts.time(sigma)) if self.name == "time" else y

    def rate(self, y: Array, u: float, eta: float = 0.0) -> Array:
        """dy/du at a reading; eta = 0 is the probability-flow ODE, (x - D)/sigma in the clock `sigma`."""
        half = (1 + eta**2) / 2
        if self.name == "time":
            score = self.run.target.score(y, self.facts.alpha(u), self.facts.noise(u))
            return self.facts.drift(u) * y - half * self.facts.diffusion(u) * score
        sigma, speed = self._speed(u)
        return half * speed * (y - self.run.denoised(y, sigma)) / sigma**2

    def noise_rate(self, u: float) -> float:
        """Variance of the noise that eta = 1 injects per unit of the clock."""
        return self.facts.diffusion(u) if self.name == "time" else self._speed(u)[1]

    def _speed(self, u: float) -> tuple[float, float]:
        """sigma and d(sigma^2)/du."""
        if self.name == "sigma":
            return u, 2 * u
        if self.name == "variance":
            return math.sqrt(u), 1.0
        return math.exp(u), 2 * math.exp(2 * u)


#: (clock, y, reading before the step, reading after it, number of the step) -> y after the step.
Advance = Callable[[Clock, Array, float, float, int], Array]


def in_clock(run: Run, x: Array, advance: Advance) -> Array:
    """The state after `advance` has made every step in the coordinate of the run's clock."""
    clock = Clock(run)
    for k in run.steps:
        sigma, after = run.pair(k)
        y = advance(clock, clock.enter(x, sigma), clock.reading(sigma), clock.reading(after), k)
        x = clock.leave(y, after)
    return x


def euler_last(run: Run, k: int) -> bool:
    """Whether step k is a last one to 0 that is Euler's, as in k-diffusion's Heun.

    Rates blow up at the data, except in the time of a variance-preserving process (g^2(0) = beta(0) > 0), where the last step
    is as the others. No run to 0 is tried in `logsnr`.
    """
    return run.sigmas[k + 1] == 0 and not (run.clock == "time" and run.facts.diffusion(0.0) > 0)
