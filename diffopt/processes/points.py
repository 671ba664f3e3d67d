"""The grid as solver authors see it: levels at the start and the end of every step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from diffopt.foundation.arrays import Numbers
from diffopt.processes import Process


@dataclass(frozen=True, eq=False)
class StepEnds:
    """Noise ratio, time and signal scale at the start and at the end of steps, arrays (..., N)."""

    process: Process
    sigma_0: Numbers
    sigma_1: Numbers
    time_0: Numbers
    time_1: Numbers
    alpha_0: Numbers
    alpha_1: Numbers


@dataclass(frozen=True, eq=False)
class Points:
    """Noise ratios, times, signal and noise scales along a grid.

    Arrays have shape (..., N + 1); leading axes carry simultaneous complex perturbations of the same
    grid, or, of real numbers, other grids; so every formula written on `Points` is differentiated for free (theory.md, sec. 7).
    The last axis of what is derived per step has N entries: `..._0` at the start of a step, `..._1`
    at its end.
    """

    process: Process
    sigma: Numbers
    time: Numbers
    alpha: Numbers
    noise: Numbers

    @classmethod
    def create(cls, process: Process, sigma: Numbers) -> Points:
        """Levels at the noise ratios `sigma` (infinite: pure noise), real or complex, shape (..., N + 1)."""
        pure = np.isinf(sigma.real)
        if not pure.any():
            time = process.time(sigma)
            alpha, noise = process.levels(sigma, time)
            return cls(process, sigma, time, alpha, noise)
        finite = np.where(pure, 1.0, sigma)
        time = np.where(pure, process.start_time(), process.time(finite))
        alpha, noise = process.levels(finite, time)
        return cls(process, sigma, time, alpha, noise)

    def ends(self, steps: NDArray[np.intp] | None = None) -> StepEnds:
        """Both ends of some steps, by default of all; those of several grids are counted one after the other."""
        arrays = [a[..., part] for a in (self.sigma, self.time, self.alpha) for part in (slice(None, -1), slice(1, None))]
        if steps is not None:
            arrays = [(a.reshape(-1) if self.several else a)[..., steps] for a in arrays]
        return StepEnds(self.process, *arrays)

    @property
    def several(self) -> bool:
        """Whether leading axes are grids of their own: real ones, not copies of one that are moved by imaginary parts."""
        return self.sigma.ndim > 1 and not np.iscomplexobj(self.sigma)

    @property
    def steps(self) -> int:
        """Number of steps N."""
        return int(self.sigma.shape[-1]) - 1

    @property
    def alpha_0(self) -> Numbers:
        """Signal scale at the start of each step."""
        return self.alpha[..., :-1]

    @property
    def alpha_1(self) -> Numbers:
        """Signal scale at the end of each step."""
        return self.alpha[..., 1:]

    @property
    def noise_0(self) -> Numbers:
        """Noise scale at the start of each step."""
        return self.noise[..., :-1]

    @property
    def noise_1(self) -> Numbers:
        """Noise scale at the end of each step."""
        return self.noise[..., 1:]

    @property
    def time_0(self) -> Numbers:
        """Time at the start of each step."""
        return self.time[..., :-1]

    @property
    def time_1(self) -> Numbers:
        """Time at the end of each step."""
        return self.time[..., 1:]

    @cached_property
    def decay(self) -> Numbers:
        """Ratio noise_1 / noise_0 of the noise scales."""
        return self.noise_1 / self.noise_0

    @cached_property
    def ratio(self) -> Numbers:
        """r = sigma_1 / sigma_0: 0 where a step starts at pure noise or ends at the data."""
        return self.decay * self.alpha_0 / self.alpha_1

    @cached_property
    def unbounded(self) -> np.ndarray:
        """Steps whose log-SNR increment is infinite (r = 0), shape (N,)."""
        ratio = self.ratio.real
        return np.asarray(ratio.reshape(-1, self.steps)[0] == 0.0)

    @cached_property
    def h(self) -> Numbers:
        """log(sigma_0 / sigma_1), the half-log-SNR increment; 1 (unused) where it is unbounded."""
        return -np.log(np.where(self.unbounded, np.exp(-1.0), self.ratio))

    @property
    def ends_at_zero(self) -> bool:
        """Whether the last noise ratio is 0."""
        return bool(np.all(self.noise[..., -1].real == 0))
