"""The interface of schedules and the six fixed rules, against their formulas and published numbers."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from problems import EXAMPLES

from diffopt.data.spectrum import Spectrum
from diffopt.errors import UnsupportedError
from diffopt.processes import VPLinear
from diffopt.processes.span import ENDS, Span
from diffopt.schedules import SCHEDULES, SLOW
from diffopt.solvers import SOLVERS

DATA = Spectrum.create(4.0 * np.arange(1, 31.0) ** -2)


#: Rules whose levels run from sigma_max to sigma_min exactly; tables of hosts stop where their models do.
CORE = ("karras", "exponential", "uniform_t", "uniform_flow", "vp", "kl_optimal")


def span(steps, end="zero", process="ve", high=80.0, low=0.002):
    return Span(EXAMPLES[process], steps, high, low, end, DATA)


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_every_schedule_gives_a_grid_with_the_right_ends_or_says_why_not(name):
    """steps + 1 values, strictly decreasing, from sigma_max to 0 or sigma_min."""
    for process, end, steps in itertools.product(EXAMPLES, ENDS, (1, 2, 3, 10)):
        asked = span(steps, end, process, 9.0, 0.08)
        try:
            sigmas = SCHEDULES[name]().grid(asked).sigmas
        except UnsupportedError as error:
            assert len(str(error)) > 20
            assert "\n" not in str(error)
            continue
        assert sigmas.size == steps + 1
        assert np.all(np.diff(sigmas) < 0)
        assert sigmas[-1] == (0.0 if end == "zero" else 0.08)
        assert sigmas[sigmas > 0][-1] >= 0.08 * (1 - 1e-12)
        if name in CORE:
            assert sigmas[0] == 9.0
            assert end == "sigma_min" or steps == 1 or sigmas[-2] == 0.08


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_every_schedule_describes_itself(name):
    cls = SCHEDULES[name]
    assert cls.name == name
    assert cls.kind in ("fixed", "table", "spectrum")
    assert cls.status in ("read", "derived")
    assert cls.reference
    assert cls.formula
    assert cls.__doc__
    for parameter in cls.family:
        assert isinstance(getattr(cls(), parameter), float)


def test_karras_as_printed_by_its_authors():
    """The 18 levels of EDM's CIFAR-10 runs, computed digit by digit from eq. 5."""
    sigmas = SCHEDULES["karras"]().grid(span(18)).sigmas
    wish = [(80 ** (1 / 7) + i / 17 * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7 for i in range(18)] + [0.0]
    np.testing.assert_allclose(sigmas, wish, rtol=1e-13)
    assert sigmas[1] == pytest.approx(57.586, abs=5e-4)


def literal(name, u, high=80.0, low=0.002):
    if name == "exponential":
        return math.exp((1 - u) * math.log(high) + u * math.log(low))
    if name == "kl_optimal":
        return math.tan((1 - u) * math.atan(high) + u * math.atan(low))
    if name == "uniform_flow":
        s = (1 - u) * high / (1 + high) + u * low / (1 + low)
        return s / (1 - s)
    if name == "uniform_t":
        return (1 - u) * high + u * low
    times = [(-0.1 + math.sqrt(0.01 + 2 * 19.9 * math.log1p(s**2))) / 19.9 for s in (high, low)]
    t = (1 - u) * times[0] + u * times[1]
    return math.sqrt(math.expm1(19.9 * t**2 / 2 + 0.1 * t))


@pytest.mark.parametrize("name", ["exponential", "kl_optimal", "uniform_flow", "uniform_t", "vp"])
def test_fixed_rules_equal_their_formulas(name):
    sigmas = SCHEDULES[name]().grid(span(9, "sigma_min")).sigmas
    np.testing.assert_allclose(sigmas, [literal(name, k / 9) for k in range(10)], rtol=1e-9)


@pytest.mark.parametrize("process", ["vp_linear", "vp_cosine", "flow"])
def test_uniform_t_is_uniform_in_the_process_time(process):
    grid = SCHEDULES["uniform_t"]().grid(span(7, "sigma_min", process, 9.0, 0.08))
    np.testing.assert_allclose(np.diff(grid.times), np.diff(grid.times)[0], rtol=1e-9)


def test_uniform_t_down_to_the_data_and_from_pure_noise():
    """sigma_min 0 makes N equal steps to the data; flow starts at s = 1."""
    grid = SCHEDULES["uniform_t"]().grid(Span(EXAMPLES["flow"], 4, math.inf, 0.0))
    np.testing.assert_allclose(grid.times, [1, 0.75, 0.5, 0.25, 0], atol=1e-15)
    vp = SCHEDULES["uniform_t"]().grid(Span(VPLinear(), 5, VPLinear().sigma_limits[0], 0.0))
    np.testing.assert_allclose(vp.times, np.linspace(1, 0, 6), atol=1e-12)


@pytest.mark.parametrize("name", ["karras", "exponential", "vp"])
def test_rules_that_need_a_finite_range_say_so(name):
    with pytest.raises(UnsupportedError, match="finite sigma-max"):
        SCHEDULES[name]().grid(Span(EXAMPLES["flow"], 4, math.inf, 0.01))


def test_slow_schedules_are_known_by_name():
    assert {name for name, cls in SCHEDULES.items() if cls.slow} == SLOW


def test_tables_give_every_class_under_its_own_name():
    for table in (SCHEDULES, SOLVERS):
        assert all(cls.name == name for name, cls in table.items())
