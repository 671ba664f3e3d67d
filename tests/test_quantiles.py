"""Quantiles of the normal and the beta law against those of scipy, which share no code with them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import special

from diffopt.foundation.quantiles import beta_quantile, logistic, normal_quantile, normal_share

SHARES = np.concatenate([np.linspace(0, 1, 41), [5e-324, 1e-310, 1e-200, 1e-12, 1e-5, 1 - 1e-10, 1 - 2**-53]])


def test_normal_quantiles():
    ordinary = SHARES != 0.5
    np.testing.assert_allclose(normal_quantile(SHARES)[ordinary], special.ndtri(SHARES)[ordinary], rtol=1e-14)
    assert abs(normal_quantile([0.5])[0]) < 1e-16


def test_normal_shares_have_their_digits_in_the_tail():
    x = np.array([-np.inf, -37.0, -8.0, -1.0, 0.0, 0.3, 9.0, np.inf])
    np.testing.assert_allclose(normal_share(x), special.ndtr(x), rtol=3e-13)
    assert normal_share(0.0).shape == ()


def test_logistic():
    x = np.array([-700.0, -30.0, -1e-9, 0.0, 2.0, 40.0, 1e6])
    np.testing.assert_allclose(logistic(x), special.expit(x), rtol=2e-13)


#: Parameters that a search over the family may try are between 0.01 and 1000.
SIDES = (0.01, 0.1, 0.5, 0.6, 0.7, 1.0, 2.0, 7.0, 30.0, 300.0, 1000.0)


@pytest.mark.parametrize("a", SIDES)
def test_beta_quantiles(a):
    """To twelve digits; of tiny or huge parameters the normalization leaves as many as log Gamma has."""
    # Of numbers below 1e-307 scipy finds two digits.
    shares = SHARES[(SHARES == 0) | (SHARES > 1e-307)]
    for b in SIDES:
        expected, found = special.betaincinv(a, b, shares), beta_quantile(a, b, shares)
        plain = max(a, b) / min(a, b) < 100
        seen = (expected > 1e-290) | (shares == 0)
        np.testing.assert_allclose(found[seen], expected[seen], rtol=1e-12 if plain else 2e-10)
        # Where scipy gives up the law is a power.
        tiny, lost = found[~seen], shares[~seen]
        power = np.log(lost) + np.log(a) + special.betaln(a, b)
        np.testing.assert_allclose(a * np.log(tiny[tiny > 0]), power[tiny > 0], rtol=1e-12)
        assert np.all(power[tiny == 0] / a < -744)


@pytest.mark.parametrize(("a", "b"), list(itertools.product((0.5, 0.6, 0.7, 1.3), repeat=2)))
def test_quantiles_of_the_hosts_laws_have_all_digits(a, b):
    shares = 1 - np.arange(200) / 200
    np.testing.assert_allclose(beta_quantile(a, b, shares), special.betaincinv(a, b, shares), rtol=2e-14)
