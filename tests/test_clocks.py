"""Clocks: readings run with the reverse process, are invertible, and describe one and the same dynamics."""

from __future__ import annotations

import numpy as np
import pytest
from problems import EXAMPLES

from diffopt.errors import InputError, UnsupportedError
from diffopt.processes import PROCESSES
from diffopt.processes.clocks import CLOCKS, find_clock

SIGMAS = np.geomspace(9.0, 0.05, 17)
CASES = [(c, p) for c in CLOCKS for p in PROCESSES if c != "time" or EXAMPLES[p].continuous]


@pytest.mark.parametrize(("clock", "process"), CASES)
def test_readings_increase_and_locate_inverts_them(clock, process):
    clock, process = CLOCKS[clock], EXAMPLES[process]
    times = process.time(SIGMAS)
    readings = clock.value(process, SIGMAS, times)
    assert np.all(np.diff(readings) > 0)
    sigma, time = clock.locate(process, readings)
    np.testing.assert_allclose(sigma, SIGMAS, rtol=1e-9)
    np.testing.assert_allclose(time, times, rtol=1e-9)


@pytest.mark.parametrize(("clock", "process"), CASES)
@pytest.mark.parametrize("eta", [0.0, 0.8])
def test_rates_move_gaussian_variances_along_the_marginals(clock, process, eta):
    """Reverse dynamics, any eta, keep alpha^2 eig + noise^2: Lyapunov equation by differences of the reading."""
    clock, process = CLOCKS[clock], EXAMPLES[process]
    eig, h = 0.6, 1e-5
    times = process.time(SIGMAS)
    rates = clock.rates(process, SIGMAS, times, np.array(eta))
    alpha, noise = process.levels(SIGMAS, times)
    v = alpha**2 * eig + noise**2
    # y = scale z: dy = (state y + denoised D + score S) du, D = alpha eig/v z, S = -z/v.
    pull = rates.state + (rates.denoised * alpha * eig / v - rates.score / v) / rates.scale

    def variance_of_y(sigma):
        t = process.time(sigma)
        a, n = process.levels(sigma, t)
        return clock.scale(a) ** 2 * (a**2 * eig + n**2), clock.value(process, sigma, t)

    (up, u), (down, d) = variance_of_y(SIGMAS * (1 - h)), variance_of_y(SIGMAS * (1 + h))
    slope = (up - down) / (u - d)
    y_variance = rates.scale**2 * v
    np.testing.assert_allclose(rates.scale, clock.scale(alpha), rtol=1e-12)
    np.testing.assert_allclose(2 * pull * y_variance + rates.noise, slope, rtol=3e-7, atol=1e-7 * np.abs(slope).max())


def test_finding_clocks():
    for name, clock in CLOCKS.items():
        assert clock.name == name
        assert find_clock(name, EXAMPLES["ve"]) is clock
    for process in EXAMPLES.values():
        assert find_clock(None, process).name == process.default_clock
    with pytest.raises(InputError, match="sigma, variance, logsnr, time"):
        find_clock("sundial", EXAMPLES["ve"])
    with pytest.raises(UnsupportedError, match="no continuous time"):
        find_clock("time", EXAMPLES["table"])
