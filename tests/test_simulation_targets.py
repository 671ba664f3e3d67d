"""Targets: denoisers and scores against sums of scipy densities, differences, and conditioning on a grid."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from diffopt.errors import InputError, UnsupportedError
from diffopt.simulation.empirical import Empirical
from diffopt.simulation.fit import fit_mixture
from diffopt.simulation.gaussian import Gaussian
from diffopt.simulation.mixture import Mixture
from diffopt.simulation.target import Target
from diffopt.simulation.user import UserDenoiser, find_function

RNG = np.random.default_rng(3)
WEIGHTS, MEANS = np.array([0.2, 0.5, 0.3]), RNG.standard_normal((3, 2))
FACTORS = RNG.standard_normal((3, 2, 2)) * 0.4
COVARIANCES = FACTORS @ FACTORS.transpose(0, 2, 1) + 0.05 * np.eye(2)
VARIANCES = RNG.uniform(0.05, 0.5, (3, 2))
POINTS = RNG.standard_normal((6, 2))

#: Name -> (target, component covariances by the same order as MEANS).
MIXTURES = {
    "diagonal": (Mixture.create(WEIGHTS, MEANS, variances=VARIANCES), np.stack([np.diag(v) for v in VARIANCES])),
    "full": (Mixture.create(WEIGHTS, MEANS, covariances=COVARIANCES), COVARIANCES),
    "shared": (Mixture.create(WEIGHTS, MEANS, covariances=np.stack([COVARIANCES[0]] * 3)), np.stack([COVARIANCES[0]] * 3)),
}
LEVELS = [(1.0, 0.7), (0.6, 0.8), (0.3, 0.05), (1.0, 80.0), (0.0, 1.0)]


def literal(z: np.ndarray, alpha: float, noise: float, covariances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Posterior mean and score of one state by a sum over components."""
    shares, means, scores = [], [], []
    for p, mean, covariance in zip(WEIGHTS, MEANS, covariances, strict=True):
        total = alpha**2 * covariance + noise**2 * np.eye(2)
        gap = np.linalg.solve(total, z - alpha * mean)
        shares.append(p * multivariate_normal(alpha * mean, total).pdf(z))
        means.append(mean + alpha * covariance @ gap)
        scores.append(-gap)
    return np.average(means, axis=0, weights=shares), np.average(scores, axis=0, weights=shares)


@pytest.mark.parametrize("name", MIXTURES)
@pytest.mark.parametrize(("alpha", "noise"), LEVELS)
def test_mixture_against_its_components(name: str, alpha: float, noise: float) -> None:
    """Eqs. (150)-(152)."""
    target, covariances = MIXTURES[name]
    states = alpha * POINTS + noise * RNG.standard_normal(POINTS.shape)
    for z, mean, score in zip(
        states, target.denoise(states, alpha, noise), target.score(states, alpha, noise), strict=True
    ):
        expected = literal(z, alpha, noise, covariances)
        np.testing.assert_allclose(mean, expected[0], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(score, expected[1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", MIXTURES)
def test_chunks_change_nothing(name: str) -> None:
    target = MIXTURES[name][0]
    small = Mixture(target.weights, target.means, target.eig, target.basis, memory=1)
    np.testing.assert_allclose(small.denoise(POINTS, 0.9, 0.4), target.denoise(POINTS, 0.9, 0.4), rtol=1e-13)


@pytest.mark.parametrize("name", MIXTURES)
def test_covariance_and_draws_agree(name: str) -> None:
    target, covariances = MIXTURES[name]
    gaps = MEANS - WEIGHTS @ MEANS
    exact = np.einsum("k,kij->ij", WEIGHTS, covariances) + np.einsum("k,ki,kj->ij", WEIGHTS, gaps, gaps)
    np.testing.assert_allclose(target.covariance(), exact, rtol=1e-12)
    drawn = target.draw(200_000, np.random.default_rng(0))
    np.testing.assert_allclose(np.cov(drawn.T), exact, atol=0.02)
    np.testing.assert_allclose(drawn.mean(axis=0), WEIGHTS @ MEANS, atol=0.01)


def test_two_point_mixture_is_a_hyperbolic_tangent() -> None:
    """Two points at +-1, variances 0: D(x) = tanh(x/sigma^2), from sigma 1e-3 to 1e3 without overflow."""
    target = Mixture.create([0.5, 0.5], [[-1.0], [1.0]], variances=[[0.0], [0.0]])
    points = Empirical.create([[-1.0], [1.0]], 0.0)
    for sigma in (1e-3, 0.1, 1.0, 30.0, 1e3):
        x = np.linspace(-2, 2, 9)[:, None]
        for law in (target, points):
            np.testing.assert_allclose(law.denoise(x, 1.0, sigma), np.tanh(x / sigma**2), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("alpha", "noise"), LEVELS)
def test_kernel_density_is_a_mixture_of_its_samples(alpha: float, noise: float) -> None:
    """Eq. (155) against the mixture with one component per sample."""
    data = RNG.standard_normal((7, 3))
    target = Empirical.create(data, 0.3)
    mixture = Mixture.create(np.ones(7), data, variances=np.full((7, 3), 0.09))
    z = RNG.standard_normal((5, 3))
    np.testing.assert_allclose(target.denoise(z, alpha, noise), mixture.denoise(z, alpha, noise), rtol=1e-10)
    np.testing.assert_allclose(target.score(z, alpha, noise), mixture.score(z, alpha, noise), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(target.covariance(), mixture.covariance(), rtol=1e-12, atol=1e-15)
    chunked = Empirical.create(data, 0.3, memory=1)
    np.testing.assert_allclose(chunked.denoise(z, alpha, noise), target.denoise(z, alpha, noise), rtol=1e-12)


@pytest.mark.parametrize("name", MIXTURES)
def test_posterior_is_bayes_on_a_grid(name: str) -> None:
    """Eqs. (153), (154): prior times likelihood, normalized on a fine grid, against the new mixture's density."""
    target, covariances = MIXTURES[name]
    matrix, value, noise = np.array([[1.0, -0.5]]), np.array([0.4]), 0.3
    posterior = target.posterior(matrix, value, noise)
    axis = np.linspace(-12, 12, 961)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
    prior = sum(p * multivariate_normal(m, c).pdf(grid) for p, m, c in zip(WEIGHTS, MEANS, covariances, strict=True))
    density = prior * np.exp(-0.5 * ((grid @ matrix[0] - value[0]) / noise) ** 2)
    density /= density.sum()
    mean = np.einsum("ij,ijk->k", density, grid)
    square = np.einsum("ij,ijk,ijl->kl", density, grid, grid) - np.outer(mean, mean)
    np.testing.assert_allclose(posterior.weights @ posterior.means, mean, atol=1e-8)
    np.testing.assert_allclose(posterior.covariance(), square, atol=1e-8)


@pytest.mark.parametrize(
    "target", [MIXTURES["full"][0], Empirical.create(POINTS, 0.4), Gaussian.create(np.array([2.0, 0.1]))], ids=repr
)
def test_score_is_a_gradient_of_the_denoiser_s_potential(target: Target) -> None:
    """Tweedie: D = (z + noise^2 S)/alpha; and the Jacobian product against differences along an axis."""
    alpha, noise = 0.8, 0.5
    z = RNG.standard_normal((4, 2))
    tweedie = (z + noise**2 * target.score(z, alpha, noise)) / alpha
    np.testing.assert_allclose(target.denoise(z, alpha, noise), tweedie, rtol=1e-9, atol=1e-12)
    direction = RNG.standard_normal((4, 2))
    h = 1e-5
    slope = (target.denoise(z + h * direction, alpha, noise) - target.denoise(z - h * direction, alpha, noise)) / (2 * h)
    np.testing.assert_allclose(target.jacobian(z, alpha, noise, direction), slope, rtol=1e-5, atol=1e-7)


def test_fitted_mixture_finds_two_clusters() -> None:
    rng = np.random.default_rng(0)
    data = np.concatenate([rng.normal(-3, 0.5, (600, 2)), rng.normal(2, 0.2, (300, 2))])
    fit = fit_mixture(data, 2)
    order = np.argsort(fit.means[:, 0])
    np.testing.assert_allclose(fit.weights[order], [2 / 3, 1 / 3], atol=0.01)
    np.testing.assert_allclose(fit.means[order], [[-3, -3], [2, 2]], atol=0.1)
    np.testing.assert_allclose(fit.eig[order].mean(axis=1), [0.25, 0.04], rtol=0.15)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1.0], [[0.0], [1.0]], [[1.0], [1.0]]), "one mean per weight"),
        (([1.0, -0.5], [[0.0], [1.0]], [[1.0], [1.0]]), "weights must be >= 0"),
        (([1.0], [[0.0]], [[-1.0]]), "variances must be >= 0"),
        (([1.0], [[0.0]]), "either variances"),
        (([np.nan], [[0.0]], [[1.0]]), "finite"),
        (([1.0], [[0.0, 0.0]], None, [[[1.0, 0.5], [0.0, 1.0]]]), "symmetric"),
        (([1.0], [[0.0, 0.0]], None, [[[1.0, 2.0], [2.0, 1.0]]]), "negative eigenvalues"),
        (([1.0], [[0.0, 0.0]], None, [[[1.0]]]), "shape"),
    ],
)
def test_mixtures_that_are_none_are_refused(arguments: tuple, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Mixture.create(*arguments)


FAULTS = {
    "shape": (lambda x, s: x[:, :1], "returned shape"),
    "nan": (lambda x, s: x * np.nan, "NaN"),
    "raises": (lambda x, s: 1 / 0, "raised ZeroDivisionError"),
    "nothing": (lambda x, s: None, "real numbers"),
    "complex": (lambda x, s: x + 1j, "real numbers"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faulty_denoisers_are_one_line(name: str) -> None:
    function, words = FAULTS[name]
    with pytest.raises(InputError, match=words) as caught:
        UserDenoiser(function, (2, 3)).denoise(np.zeros((4, 6)), 1.0, 2.0)
    assert "\n" not in str(caught.value)


def test_user_denoisers_see_the_noise_ratio_picture() -> None:
    """The Gaussian denoiser written for x = z/alpha, against the one in the process's coordinates."""
    exact = Gaussian.create(np.array([3.0, 0.2]), np.array([1.0, -1.0]))
    user = UserDenoiser(lambda x, s: exact.mean + exact.eig / (exact.eig + s**2) * (x - exact.mean), (2,))
    z = RNG.standard_normal((5, 2))
    np.testing.assert_allclose(user.denoise(z, 0.3, 0.9), exact.denoise(z, 0.3, 0.9), rtol=1e-12)
    np.testing.assert_allclose(user.score(z, 0.3, 0.9), exact.score(z, 0.3, 0.9), rtol=1e-12)
    with pytest.raises(UnsupportedError, match="start sigma"):
        user.draw(3, RNG)
    with pytest.raises(UnsupportedError, match="finite --sigma-max"):
        user.denoise(z, 0.0, 1.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("numpy", "MODULE:FUNCTION"),
        ("no_such_module_here:f", "does not import"),
        ("numpy:no_such_name", "has no"),
        ("numpy:pi", "not a function"),
        ("no_such_file.py:f", "does not import"),
    ],
)
def test_functions_that_cannot_be_found(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        find_function(text)
    assert "\n" not in str(caught.value)


def test_functions_are_found_by_module_and_by_file(tmp_path) -> None:
    (tmp_path / "own_model.py").write_text("class net:\n    @staticmethod\n    def f(x, sigma):\n        return x * 0\n")
    assert find_function(f"{tmp_path}/own_model.py:net.f")(np.ones(2), 1.0).tolist() == [0, 0]
    assert find_function("numpy.linalg:norm") is np.linalg.norm


def test_a_module_may_change_the_directory(tmp_path, monkeypatch):
    (tmp_path / "moves_away.py").write_text("import os\nos.chdir('/')\ndef f(x, sigma):\n    return x * 0\n")
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    assert find_function("moves_away:f")(np.ones(2), 1.0).tolist() == [0, 0]
    assert sys.path == before
