"""Clocks: the variable in which a clock-dependent scheme takes its step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from diffopt.errors import UnsupportedError
from diffopt.foundation.arrays import Numbers
from diffopt.foundation.names import check_name
from diffopt.processes import Process


@dataclass(frozen=True)
class Rates:
    """Reverse dynamics in a clock u at one noise level, dy = (state y + denoised D + score S) du + noise dW.

    u increases along the reverse process and y = scale * z; `noise` is the variance rate.
    """

    scale: Numbers
    state: Numbers
    denoised: Numbers
    score: Numbers
    noise: Numbers


class Clock(ABC):
    """Coordinate and reverse-time rates (theory.md, eqs. 5 to 9); eta is the diffusion-term coefficient."""

    name: str

    @abstractmethod
    def value(self, process: Process, sigma: Numbers, time: Numbers) -> Numbers:
        """Clock reading u, increasing while sigma falls."""

    @abstractmethod
    def locate(self, process: Process, value: Numbers) -> tuple[Numbers, Numbers]:
        """Noise ratio and time at the clock reading `value` (for stages inside a step)."""

    @abstractmethod
    def rates(self, process: Process, sigma: Numbers, time: Numbers, eta: Numbers) -> Rates:
        """Rates of the reverse dynamics."""

    def to_data(self, process: Process, sigma: Numbers, time: Numbers, eta: Numbers) -> tuple[Numbers, ...]:
        """One Euler step to the data, z' = A z + B D + C S + sqrt(V) xi: the tuple (A, B, C, V) (eq. 101).

        In closed form, so that A is exactly 0 where the scheme lands on the denoiser's output; infinite
        where the clock never reaches the data.
        """
        del process, time, eta
        never = np.full_like(sigma, np.inf)
        return never, never, never, never

    def scale(self, alpha: Numbers) -> Numbers:
        """Factor y/z of the clock's coordinate: 1/alpha, the noise-ratio picture."""
        return 1 / alpha

    def finite_at_data(self, process: Process) -> bool:
        """Whether the rates are finite at the data, so that stages may be evaluated there."""
        del process
        return False


def _ratio_to_data(process: Process, sigma: Numbers, time: Numbers, eta: Numbers, turns: float) -> tuple[Numbers, ...]:
    """Eq. 101 in the noise-ratio picture: `turns` is h kappa/sigma^2 of a step to sigma = 0."""
    alpha, _ = process.levels(sigma, time)
    pull = turns * (1 + eta**2) / 2
    state = np.where(pull == 1, 0, (1 - pull) / alpha)
    return state, pull + 0 * state, 0 * state, np.where(eta == 0, 0, turns * eta**2 * sigma**2)


def _ratio_rates(process: Process, sigma: Numbers, time: Numbers, eta: Numbers, speed: Numbers) -> Rates:
    """Eqs. 6-8: dy = a (y - D)/sigma^2 d(sigma^2) + eta dW with y = z/alpha; `speed` is -d(sigma^2)/du."""
    alpha, _ = process.levels(sigma, time)
    half = (1 + eta**2) / 2
    pull = -half * speed / sigma**2
    return Rates(1 / alpha, pull, -pull, 0 * pull, eta**2 * speed)


class SigmaClock(Clock):
    """u = -sigma."""

    name = "sigma"

    def value(self, process: Process, sigma: Numbers, time: Numbers) -> Numbers:
        """-sigma."""
        return -sigma

    def locate(self, process: Process, value: Numbers) -> tuple[Numbers, Numbers]:
        """sigma = -u."""
        return -value, process.time(-value)

    def rates(self, process: Process, sigma: Numbers, time: Numbers, eta: Numbers) -> Rates:
        """Speed 2 sigma."""
        return _ratio_rates(process, sigma, time, eta, 2 * sigma)

    def to_data(self, process: Process, sigma: Numbers, time: Numbers, eta: Numbers) -> tuple[Numbers, ...]:
        """h = sigma: A = -eta^2."""
        return _ratio_to_data(process, sigma, time, eta, 2)


class VarianceClock(Clock):
    """u = -sigma^2."""

    name = "variance"

    def value(self, process: Process, sigma: Numbers, time: Numbers) -> Numbers:
        """-sigma^2."""
        return -(sigma**2)

    def locate(self, process: Process, value: Numbers) -> tuple[Numbers, Numbers]:
        """sigma = sqrt(-u)."""
        sigma = np.sqrt(-value)
        return sigma, process.time(sigma)

    def rates(self, process: Process, sigma: Numbers, time: Numbers, eta: Numbers) -> Rates:
        """Speed 1."""
        return _ratio_rates(process, sigma, time, eta, np.ones_like(sigma))

    def to_data(self, process: Process, sigma: Numbers, time: Numbers, eta: Numbers) -> tuple[Numbers, ...]:
        """h = sigma^2: A = (1 - eta^2)/2."""
        return _ratio_to_data(process, sigma, time, eta, 1)


class LogSNRClock(Clock):
    """u = -log sigma, half the log signal-to-noise ratio."""

    name = "logsnr"

    def value(self, process: Process, sigma: Numbers, time: Numbers) -> Numbers:
        """-log sigma; infinite at the data."""
        with np.errstate(divide="ignore"):
            return -np.log(sigma)

    def locate(self, process: Process, value: Numbers) -> tuple[Numbers, Numbers]:
        """sigma = exp(-u)."""
        sigma = np.exp(-value)
        return sigma, process.time(sigma)

    def rates(self, process: Process, sigma: Numbers, time: Numbers, eta: Numbers) -> Rates:
        """Speed 2 sigma^2."""
        return _ratio_rates(process, sigma, time, eta, 2 * sigma**2)


class TimeClock(Clock):
    """The process's own time, in its own coordinates: u = -t, y = z."""

    name = "time"

    def value(self, process: Process, sigma: Numbers, time: Numbers) -> Numbers:
        """-t."""
        return -time

    def locate(self, process: Process, value: Numbers) -> tuple[Numbers, Numbers]:
        """t = -u."""
        return process.sigma(-value), -value

    def rates(self, process: Process, sigma: Numbers, time: Numbers, eta: Numbers) -> Rates:
        """The process's own reverse rates (eq. 5; eq. 9 for the straight path of `flow`)."""
        return Rates(np.ones_like(time), *process.reverse_rates(time, eta))

    def to_data(self, process: Process, sigma: Numbers, time: Numbers, eta: Numbers) -> tuple[Numbers, ...]:
        """As the process says."""
        return process.to_data(time, eta)

    def scale(self, alpha: Numbers) -> Numbers:
        """1: the process's own coordinates."""
        return np.ones_like(alpha)

    def finite_at_data(self, process: Process) -> bool:
        """As the process says."""
        return process.finite_at_data


CLOCKS: dict[str, Clock] = {c.name: c for c in (SigmaClock(), VarianceClock(), LogSNRClock(), TimeClock())}


def find_clock(name: str | None, process: Process) -> Clock:
    """Clock by name; None is the process's default.

    Raises
    ------
    InputError
        Unknown name.
    UnsupportedError
        `time` for a process without continuous time.
    """
    chosen = name or process.default_clock
    check_name(chosen, CLOCKS, "clock")
    if chosen == "time" and not process.continuous:
        raise UnsupportedError(f"process {process.name!r} has no continuous time; use --clock sigma, variance or logsnr")
    return CLOCKS[chosen]
