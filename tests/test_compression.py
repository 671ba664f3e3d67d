"""Compression: moments kept, its bound true, and the optimum it gives close to the full one."""

from __future__ import annotations

import gc
import tracemalloc
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from problems import EXAMPLES, make

from diffopt.data.compression import WIDTHS, compress, short
from diffopt.data.scaled_copies import scaled_copies
from diffopt.data.spectrum import Spectrum
from diffopt.law.law import Law
from diffopt.processes.grid import Grid
from diffopt.solvers import run_table


def long_spectrum(n=4000, seed=0):
    rng = np.random.default_rng(seed)
    eig = np.exp(rng.normal(-3, 2, n))
    return Spectrum.create(eig, rng.uniform(0.5, 2, n), rng.normal(size=n))


@pytest.mark.parametrize("width", [0.05, 0.25, 1.0])
def test_weight_moments_and_mean_are_conserved(width):
    """Total weight and sums of log eig, its square and its cube; the sum of squared means."""
    full = long_spectrum()
    few = compress(full, width).spectrum
    assert few.eig.size < full.eig.size / 5
    for k in range(4):
        a, b = (s.weight @ np.log(s.eig) ** k for s in (full, few))
        assert b == pytest.approx(a, rel=1e-11)
    assert few.weight @ few.mean**2 == pytest.approx(full.weight @ full.mean**2, rel=1e-12)
    assert np.all(few.weight > 0)
    assert np.all(np.diff(few.eig) <= 0)


@pytest.mark.parametrize("width", [0.25, 1.0, 2.0])
@pytest.mark.parametrize("rate", [0.3, 1.0, 2.0])
def test_error_stays_below_the_bound(width, rate):
    """Functions of x = log eig with known fourth derivatives: cos(rate x), |f''''| <= rate^4; x^4 meets it exactly."""
    full = long_spectrum()
    result = compress(full, width)
    few = result.spectrum
    gap = abs(full.weight @ np.cos(rate * np.log(full.eig)) - few.weight @ np.cos(rate * np.log(few.eig)))
    assert 0 < gap <= result.coefficient * rate**4
    # The remainder of two-point Gauss is f''''(xi)/4! times one number per bin, so a quartic attains it.
    quartic = full.weight @ np.log(full.eig) ** 4 - few.weight @ np.log(few.eig) ** 4
    assert quartic == pytest.approx(24 * result.coefficient, rel=1e-6)


def test_sparse_parts_are_kept_as_they_are():
    full = Spectrum.create([1e4, 1e3, 900.0, 1.0, 0.99, 0.98, 0.97])
    few = compress(full, 0.25).spectrum
    np.testing.assert_allclose(few.eig[:3], [1e4, 1e3, 900.0], rtol=1e-12)
    assert few.eig.size == 5
    assert few.dim == pytest.approx(7.0)


def test_zeros_stay_one_entry_with_their_weight_and_mean():
    full = Spectrum.create([1.0, 0.0, 0.0, 0.0], None, [1.0, 3.0, 0.0, 4.0])
    few = compress(full).spectrum
    np.testing.assert_array_equal(few.eig, [1.0, 0.0])
    np.testing.assert_array_equal(few.weight, [1.0, 3.0])
    assert few.weight[1] * few.mean[1] ** 2 == pytest.approx(25.0)


def test_equal_eigenvalues_become_one_entry_exactly():
    result = compress(Spectrum.create(np.repeat([2.0, 0.5], 1000)))
    np.testing.assert_allclose(result.spectrum.eig, [2.0, 0.5], rtol=1e-15)
    np.testing.assert_array_equal(result.spectrum.weight, [1000.0, 1000.0])
    assert result.coefficient == 0.0


@given(eig=st.lists(st.floats(1e-8, 1e6), min_size=1, max_size=60), width=st.floats(0.05, 3.0))
def test_any_spectrum_keeps_weight_range_and_first_moment(eig, width):
    full = Spectrum.create(eig)
    result = compress(full, width)
    few = result.spectrum
    assert few.dim == pytest.approx(full.dim, rel=1e-12)
    assert few.weight @ np.log(few.eig) == pytest.approx(full.weight @ np.log(full.eig), rel=1e-9, abs=1e-9)
    assert few.eig.max() <= full.max * np.exp(width)
    assert np.all(few.weight >= 0)
    assert result.coefficient >= 0


def test_errors_of_a_sampler_survive_compression():
    """Sum of squared deviations of a real run: full against short spectrum to 1e-4."""
    full = long_spectrum()
    for solver in ("euler", "heun", "ddpm"):
        table = run_table(make(solver), Grid.create(EXAMPLES["ve"], [*np.geomspace(80, 0.002, 12), 0.0]))
        sums = []
        for data in (full, compress(full, 0.1).spectrum):
            law = Law(table, data, "exact")
            sums.append(data.weight @ (np.sqrt(law.variance) - np.sqrt(data.eig)) ** 2)
        assert sums[1] == pytest.approx(sums[0], rel=1e-4)


def test_nothing_as_long_as_the_spectrum_is_made():
    spectrum = Spectrum.create(np.arange(1, 2_000_001) ** -1.3)
    tracemalloc.start()
    try:
        compress(spectrum, 0.02)
        assert tracemalloc.get_traced_memory()[1] < spectrum.eig.nbytes
    finally:
        tracemalloc.stop()


def test_short_spectra_are_remembered_no_longer_than_their_spectrum():
    full = long_spectrum()
    found = short(full, "search")
    copies = scaled_copies(found, -0.2)
    assert short(full, "search") is found and scaled_copies(found, -0.2) is copies
    # Its bins hold two entries at most, so it stands for itself at every finer accuracy.
    assert all(short(found, name) is found for name, width in WIDTHS.items() if width <= WIDTHS["search"])
    kept = [weakref.ref(thing) for thing in (full, found, copies, short(copies, "search"))]
    del full, found, copies
    gc.collect()
    assert [ref() for ref in kept] == [None] * 4
