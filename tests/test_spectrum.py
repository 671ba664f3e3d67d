"""Spectrum, grid and compression: what they accept, refuse and conserve."""

from __future__ import annotations

import numpy as np
import pytest
from problems import EXAMPLES

from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError
from diffopt.processes.grid import Grid


def test_sorted_descending_with_weights_and_mean_in_step():
    data = Spectrum.create([1.0, 4.0, 2.0], [10.0, 20.0, 30.0], [0.1, 0.2, 0.3], "here")
    np.testing.assert_array_equal(data.eig, [4.0, 2.0, 1.0])
    np.testing.assert_array_equal(data.weight, [20.0, 30.0, 10.0])
    np.testing.assert_array_equal(data.mean, [0.2, 0.3, 0.1])
    assert (data.dim, data.trace, data.max, data.rank, data.source) == (60.0, 150.0, 4.0, 60.0, "here")


def test_integers_and_booleans_are_numbers():
    assert Spectrum.create(np.array([3, 1])).trace == 4.0
    assert Spectrum.create([True, False]).rank == 1.0


def test_rounding_sized_negatives_are_clipped_and_counted():
    data = Spectrum.create([1.0, -1e-9, -1e-7, 0.5])
    assert data.clipped == 2
    assert data.eig.min() == 0.0
    assert data.rank == 2.0


def test_arrays_are_frozen_and_the_input_is_left_alone():
    raw = np.array([1.0, 2.0])
    data = Spectrum.create(raw)
    np.testing.assert_array_equal(raw, [1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        data.eig[0] = 5.0


def test_hash_depends_on_the_numbers_only():
    a = Spectrum.create([2.0, 1.0], source="x")
    assert a.sha256 == Spectrum.create([1.0, 2.0], source="y").sha256
    others = [Spectrum.create([2.0, 1.5]), Spectrum.create([2.0, 1.0], [1, 2]), Spectrum.create([2.0, 1.0], None, [0, 0])]
    assert len({a.sha256, *(o.sha256 for o in others)}) == 4
    assert Spectrum.create([1.0, -0.0]).sha256 == Spectrum.create([1.0, 0.0]).sha256


def test_scaling_is_that_of_the_data():
    data = Spectrum.create([2.0, 1.0], [1.0, 3.0], [0.5, 0.1]).scaled(4.0)
    np.testing.assert_array_equal(data.eig, [8.0, 4.0])
    np.testing.assert_array_equal(data.mean, [1.0, 0.2])


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (([],), "non-empty"),
        ((3.0,), "non-empty"),
        (([[1.0, 2.0]],), "non-empty"),
        (([1.0 + 2j],), "real"),
        ((["a"],), "real"),
        ((np.array([object()]),), "real"),
        (([1.0, np.nan],), "position 1"),
        (([np.inf, 1.0],), "finite"),
        (([1.0, -0.1],), "-0.1 is negative"),
        (([0.0, 0.0],), "positive"),
        (([-1.0],), "positive"),
        (([1.0, 2.0], [1.0]), "weights has 1 values for 2"),
        (([1.0, 2.0], [1.0, 0.0]), "positive"),
        (([1.0, 2.0], [1.0, np.nan]), "finite"),
        (([1.0, 2.0], None, [1.0]), "mean has 1"),
    ],
)
def test_bad_spectra(arguments, word):
    with pytest.raises(InputError, match=word) as caught:
        Spectrum.create(*arguments)
    assert "\n" not in str(caught.value)


def test_grid_knows_its_times():
    grid = Grid.create(EXAMPLES["flow"], [np.inf, 1.0, 0.25, 0.0])
    np.testing.assert_allclose(grid.times, [1.0, 0.5, 0.2, 0.0])
    np.testing.assert_allclose(grid.timesteps, [1000.0, 500.0, 200.0])
    assert grid.steps == 3
    assert Grid.create(EXAMPLES["ve"], [2.0, 1.0]).timesteps is None


@pytest.mark.parametrize(
    ("process", "sigmas", "word"),
    [
        ("ve", [1.0], "at least 2"),
        ("ve", [], "at least 2"),
        ("ve", [[2.0, 1.0]], "at least 2"),
        ("ve", [1.0, 2.0], "1 is followed by 2"),
        ("ve", [2.0, 1.0, 1.0], "position 2"),
        ("ve", [2.0, np.nan], "numbers"),
        ("ve", [2.0, -1.0], "-1"),
        ("ve", [np.inf, 1.0], "finite"),
        ("vp_linear", [200.0, 1.0], "above 152"),
        ("table", [20.0, 1.0], "above 14.6"),
        ("table", [10.0, 0.01], "below"),
        ("table", [10.0, 0.01, 0.0], "below"),
    ],
)
def test_bad_grids(process, sigmas, word):
    with pytest.raises(InputError, match=word):
        Grid.create(EXAMPLES[process], sigmas)
