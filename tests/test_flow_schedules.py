"""FLUX.2's mu, logit-normal quantiles and bong_tangent against the code that their hosts run."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from diffopt.processes import VE, Flow
from diffopt.processes.span import Span
from diffopt.schedules import SCHEDULES
from diffopt.schedules.fixed.flow import flux2_mu, flux_mu


def times(sigmas):
    """Flow times s = sigma/(1 + sigma), 1 at infinity."""
    finite = np.where(np.isinf(sigmas), 0, sigmas)
    return np.where(np.isinf(sigmas), 1, finite / (1 + finite))


def piece(steps, slope, pivot, start, end):
    """get_bong_tangent_sigmas, as written."""
    smax = ((2 / math.pi) * math.atan(-slope * (0 - pivot)) + 1) / 2
    smin = ((2 / math.pi) * math.atan(-slope * ((steps - 1) - pivot)) + 1) / 2
    rows = [(((2 / math.pi) * math.atan(-slope * (x - pivot)) + 1) / 2 - smin) / (smax - smin) for x in range(steps)]
    return [row * (start - end) + end for row in rows]


@pytest.mark.parametrize("steps", [3, 4, 9, 10, 20, 50])
def test_bong_tangent_is_its_scheduler(steps):
    total = steps + 2
    middle, k = int((total * 0.6 + total * 0.6) / 2), 0.2 / (total / 40)
    wish = piece(middle, k, int(total * 0.6), 1.0, 0.5)[:-1] + piece(total - middle, k, int(total * 0.6) - middle, 0.5, 0.0)
    got = SCHEDULES["bong_tangent"]().grid(Span(Flow(), steps, np.inf, 1e-3))
    np.testing.assert_allclose(times(got.sigmas), wish, atol=1e-14)


@pytest.mark.parametrize(("tokens", "steps"), [(256, 4), (1024, 28), (4096, 10), (4096, 50), (4096, 200), (4300, 8), (8100, 20)])
def test_flux2_mu_is_the_pipelines(tokens, steps):
    """diffusers' compute_empirical_mu, as written; and the grid is its shift of uniform time."""
    a1, b1, a2, b2 = 8.73809524e-05, 1.89833333, 0.00016927, 0.45666666
    m_200, m_10 = a2 * tokens + b2, a1 * tokens + b1
    a = (m_200 - m_10) / 190.0
    wish = m_200 if tokens > 4300 else a * steps + m_200 - 200.0 * a
    assert flux2_mu(tokens, steps) == pytest.approx(wish, rel=1e-12)
    grid = SCHEDULES["flux2_mu"](tokens=tokens).grid(Span(Flow(), steps, np.inf, 1e-3))
    # Linear t down to the smallest level, as the host's scheduler leaves it to the caller.
    shift, last = math.exp(wish), 1e-3 / (math.exp(wish) + 1e-3)
    t = np.linspace(1, last, steps)
    np.testing.assert_allclose(times(grid.sigmas)[:-1], shift * t / (1 + (shift - 1) * t), rtol=1e-9)


def test_flux_mu_has_the_two_anchors_of_its_pipeline():
    assert (flux_mu(256), flux_mu(4096)) == (0.5, pytest.approx(1.15))
    small, large = (SCHEDULES["flux_shift"](tokens=n).grid(Span(Flow(), 5, np.inf, 1e-3)).sigmas[2] for n in (256, 4096))
    assert large > small


@pytest.mark.parametrize(("mu", "std"), [(0.0, 1.0), (1.0, 0.5), (-0.7, 2.0)])
def test_logit_normal_levels_are_equal_shares_of_the_law(mu, std):
    grid = SCHEDULES["logit_normal"](mu=mu, std=std).grid(Span(VE(), 9, 60.0, 0.01, "sigma_min"))
    shares = np.diff(norm.cdf((np.log(grid.sigmas) - mu) / std))
    whole = np.diff(norm.cdf((np.log([60.0, 0.01]) - mu) / std))[0]
    np.testing.assert_allclose(shares, whole / 9, rtol=1e-6)


def test_logit_normal_from_pure_noise_is_ideograms():
    """_logit_normal_sigmas without its clamp, sigmoid(mu + std z) at equal shares of the normal z."""
    got = SCHEDULES["logit_normal"](mu=0.4, std=1.2).grid(Span(Flow(), 8, np.inf, 1e-12))
    u = norm.cdf((np.log(got.sigmas[1:-2]) - 0.4) / 1.2)
    np.testing.assert_allclose(np.diff(u), np.diff(u)[0], rtol=1e-6)
    np.testing.assert_allclose(times(got.sigmas)[1], 1 / (1 + np.exp(-(0.4 + 1.2 * norm.ppf(1 - 1 / 7)))), rtol=1e-6)
