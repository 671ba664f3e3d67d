"""Spectra from denoising-error curves: known spectra come back, and so do their grids."""

from __future__ import annotations

import numpy as np
import pytest

from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError
from diffopt.estimation.from_loss import spectrum_from_loss
from diffopt.objectives import OBJECTIVES
from diffopt.objectives.problem import Problem
from diffopt.processes import VE
from diffopt.search.descent import optimize
from diffopt.simulation.mixture import Mixture
from diffopt.solvers import SOLVERS, run_table

SIGMAS = np.geomspace(0.01, 80, 32)
EIG = 50.0 * np.arange(1, 201.0) ** -2


def curve(eig: np.ndarray, sigma: np.ndarray = SIGMAS) -> np.ndarray:
    return np.array([(eig * s**2 / (eig + s**2)).sum() for s in sigma])


def test_the_fit_reproduces_curve_trace_and_count() -> None:
    """Eq. (160) at levels between those given; the trace; and the directions above the noise."""
    fit = spectrum_from_loss(SIGMAS, curve(EIG))
    between = np.sqrt(SIGMAS[1:] * SIGMAS[:-1])
    again = (fit.spectrum.weight * fit.spectrum.eig * between[:, None] ** 2 / (fit.spectrum.eig + between[:, None] ** 2)).sum(1)
    np.testing.assert_allclose(again, curve(EIG, between), rtol=5e-3)
    assert fit.spectrum.trace == pytest.approx(EIG.sum(), rel=5e-3)
    assert fit.used == fit.given == 32
    assert fit.misfit < 1e-3


def test_two_eigenvalues_are_found_where_they_are() -> None:
    eig, weight = np.array([9.0, 0.04]), np.array([3.0, 20.0])
    m = (weight * eig * SIGMAS[:, None] ** 2 / (eig + SIGMAS[:, None] ** 2)).sum(1)
    found = spectrum_from_loss(SIGMAS, m).spectrum
    for value, count in zip(eig, weight, strict=True):
        near = np.abs(np.log(found.eig / value)) < np.log(2)
        assert found.weight[near].sum() == pytest.approx(count, rel=0.03)
        assert (found.weight * found.eig)[near].sum() == pytest.approx(count * value, rel=0.03)


def test_errors_per_dimension_are_the_same_spectrum_with_its_null_space() -> None:
    summed = spectrum_from_loss(SIGMAS, curve(EIG)).spectrum
    each = spectrum_from_loss(SIGMAS, curve(EIG) / 500, dim=500).spectrum
    assert each.dim == pytest.approx(500)
    np.testing.assert_allclose(each.eig[each.eig > 0], summed.eig)
    np.testing.assert_allclose(each.weight[each.eig > 0], summed.weight, rtol=1e-6)


def test_a_model_s_own_error_makes_no_eigenvalues() -> None:
    """Eq. (161): an error of 0.7 % of sigma in 1000 dimensions is found, and no curve without one gets any."""
    noisy = curve(EIG) + 1000 * (0.007 * SIGMAS) ** 2
    fit = spectrum_from_loss(SIGMAS, noisy)
    assert fit.model_error == pytest.approx(1000 * 0.007**2, rel=0.05)
    assert fit.spectrum.trace == pytest.approx(EIG.sum(), rel=0.02)
    assert spectrum_from_loss(SIGMAS, curve(EIG)).model_error == 0


@pytest.mark.parametrize("own", [0.0, 0.1])
def test_flat_stretches_below_the_data_are_not_its_end(own: float) -> None:
    """Eq. (350): a gap between eigenvalues, and a model that removes nothing at the smallest levels, cap no eigenvalue."""
    eig, weight = np.array([100.0, 1e-3]), np.array([1.0, 5000.0])
    gap = (weight * eig * SIGMAS[:, None] ** 2 / (eig + SIGMAS[:, None] ** 2)).sum(1) + own * SIGMAS**2
    fit = spectrum_from_loss(SIGMAS, gap)
    assert fit.spectrum.trace == pytest.approx(105.0, rel=0.02)
    assert fit.model_error == pytest.approx(own, rel=0.02)
    floor = curve(EIG) + 0.3 + own * SIGMAS**2
    fit = spectrum_from_loss(SIGMAS, floor)
    assert fit.spectrum.trace == pytest.approx(EIG.sum() + 0.3, rel=0.02)
    assert fit.model_error == pytest.approx(own, rel=0.02)


@pytest.mark.parametrize("solver", ["euler", "heun", "dpmpp_2m"])
def test_grids_from_a_curve_are_grids_from_the_spectrum(solver: str) -> None:
    """On the full spectrum the default objective of the curve's grid is within 2 % of the optimum."""
    spectrum, fitted = Spectrum.create(EIG), spectrum_from_loss(SIGMAS, curve(EIG)).spectrum
    objective, values = OBJECTIVES["robust"](), []
    prepared = objective.prepare(spectrum)
    for data in (spectrum, fitted):
        grid = optimize(Problem.create(data, VE(), SOLVERS[solver](), 8), objective).grid
        values.append(objective.value(run_table(SOLVERS[solver](), grid), prepared, "exact"))
    assert values[1] == pytest.approx(values[0], rel=0.02)


def test_a_mixture_s_curve_gives_its_within_cluster_variances() -> None:
    """Monte Carlo errors of an exact mixture: below the gap between clusters the inner variance decides."""
    rng = np.random.default_rng(0)
    target = Mixture.create([0.5, 0.5], [[-5.0] * 4, [5.0] * 4], variances=[[0.25] * 4] * 2)
    x = target.draw(20_000, rng)
    sigma = np.geomspace(0.05, 1.5, 16)
    mse = [np.mean(np.sum((target.denoise(x + s * rng.standard_normal(x.shape), 1.0, s) - x) ** 2, axis=1)) for s in sigma]
    found = spectrum_from_loss(sigma, mse).spectrum
    assert found.trace == pytest.approx(1.0, rel=0.1)
    assert (found.weight * found.eig)[np.abs(np.log(found.eig / 0.25)) < 0.7].sum() == pytest.approx(1.0, rel=0.15)


@pytest.mark.parametrize(
    ("sigma", "mse", "options", "words"),
    [
        ([1.0], [0.5], {}, "at least 2 points"),
        ([1.0, 2.0], [0.5, -0.1], {}, "mse must be positive"),
        ([1.0, 2.0], [0.5, 0.0], {}, "mse must be positive"),
        ([0.0, 2.0], [0.5, 0.7], {}, "sigma must be positive"),
        ([1.0, np.nan], [0.5, 0.7], {}, "sigma must be positive"),
        ([1.0, 1.0], [0.5, 0.7], {}, "twice"),
        ([1.0, 2.0, 3.0], [0.5, 0.7], {}, "one error per sigma"),
        ([1.0, 2.0], [0.5, 0.7], {"dim": -1}, "dim must be positive"),
        ([1.0, 2.0], [5.0, 7.0], {"dim": 1e308}, "leaves the range of doubles"),
        ([1.0, 2.0], [0.5, 0.7], {"sigma_cap": 1.5}, "leaves 1 of 2"),
        ([1.0, 2.0], [0.5, 0.7], {"eig_cap": 0.01}, "eigenvalue cap"),
    ],
)
def test_curves_that_are_none_are_refused(sigma, mse, options, words) -> None:
    with pytest.raises(InputError, match=words) as caught:
        spectrum_from_loss(sigma, mse, **options)
    assert "\n" not in str(caught.value)
