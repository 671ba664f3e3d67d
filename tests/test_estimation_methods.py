"""The three methods against dense algebra."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
from estimation_data import floats, reference

from diffopt.errors import InputError
from diffopt.estimation import estimate
from diffopt.estimation.estimate import METHODS, choose
from diffopt.estimation.methods.fourier import half_weights
from diffopt.estimation.methods.lanczos import LanczosOptions, fitted
from diffopt.estimation.readers.base import ReadOptions
from diffopt.estimation.result import MethodOptions
from diffopt.estimation.sources.samples import Samples
from diffopt.estimation.sources.source import ArraySource


def repeated(spectrum) -> np.ndarray:
    return np.repeat(spectrum.eig, np.rint(spectrum.weight).astype(int))


def circulant(eig: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """Periodic Gaussian samples with the given eigenvalues at the wave vectors of the full grid."""
    noise = np.fft.fftn(
        np.random.default_rng(seed).standard_normal((count, *eig.shape)), axes=range(1, eig.ndim + 1)
    )
    return np.fft.ifftn(noise * np.sqrt(eig), axes=range(1, eig.ndim + 1)).real


def symmetric_power(shape: tuple[int, ...]) -> np.ndarray:
    k = np.meshgrid(*(np.fft.fftfreq(n) * n for n in shape), indexing="ij")
    return 1.0 / (1 + sum(x**2 for x in k))


@pytest.mark.parametrize(
    ("count", "dim"), [(500, 30), (31, 30), (30, 30), (20, 30), (10, 30), (2, 30), (3, 1)]
)
def test_pca_is_numpys_eigvalsh(count, dim):
    data = floats(count, (dim,)) * 10 + 100
    expected = np.atleast_1d(reference(data)) if dim > 1 else np.array([data.var(ddof=1)])
    found = repeated(estimate(data, "pca").spectrum)
    np.testing.assert_allclose(found, expected, atol=1e-10 * expected[0])
    assert np.all(found[count - 1 :] == 0)


@pytest.mark.parametrize("block", [1, 2, 7, 64, 1000])
def test_pca_does_not_depend_on_blocks_or_order(block):
    data = floats(300, (40,)) + 50
    whole = estimate(data, "pca").spectrum
    for samples in (data, data[::-1], data[np.random.default_rng(1).permutation(300)]):
        part = estimate(samples, "pca", block=block).spectrum
        np.testing.assert_allclose(part.eig, whole.eig, atol=1e-12 * whole.max)
        np.testing.assert_allclose(part.mean, whole.mean, rtol=1e-9)


@pytest.mark.parametrize("count", [12, 60, 200])
def test_mean_projections_are_those_on_the_eigenvectors(count):
    data = floats(count, (25,)) + np.arange(25)
    vectors = np.linalg.eigh(np.cov(data.T))[1]
    found = estimate(data, "pca").spectrum
    assert found.mean is not None
    expected = np.abs(vectors.T @ data.mean(axis=0))[::-1][: min(count - 1, 25)]
    np.testing.assert_allclose(found.mean[: len(expected)], expected, rtol=1e-7)
    assert found.weight @ found.mean**2 == pytest.approx(data.mean(axis=0) @ data.mean(axis=0), rel=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_a_mean_of_the_size_of_its_noise_is_left_out(method):
    data = np.random.default_rng(0).standard_normal((400, 16))
    assert estimate(data, method).spectrum.mean is None
    assert estimate(data + 1, method).spectrum.mean is not None


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("data", [floats(150, (3, 6, 6)), floats(150, (24,)), floats(20, (1, 30))])
def test_trace_dimension_and_mean_square_are_exact(method, data):
    found = estimate(data + 2, method)
    flat = data.reshape(len(data), -1) + 2
    assert found.spectrum.dim == pytest.approx(flat.shape[1], rel=1e-9)
    assert found.spectrum.trace == pytest.approx(np.trace(np.cov(flat.T)), rel=1e-9)
    mean = flat.mean(axis=0)
    assert found.spectrum.mean is not None
    assert found.spectrum.weight @ found.spectrum.mean**2 == pytest.approx(mean @ mean, rel=1e-9)
    assert found.raw.pooled_std == pytest.approx(flat.std(), rel=1e-9)


@pytest.mark.parametrize("shape", [(8,), (9,), (1,), (4, 6), (5, 7), (4, 4, 3), (3, 2, 5)])
def test_multiplicities_add_up_to_the_grid(shape):
    assert half_weights(shape).sum() == np.prod(shape)


@pytest.mark.parametrize("shape", [(16,), (15,), (6, 8), (4, 5, 6)])
def test_fourier_is_the_average_over_shifts_of_the_covariance(shape):
    """The circulant covariance is the sample covariance averaged over all cyclic shifts of the data."""
    data = floats(60, shape) + 1
    shifted = [np.roll(data, s, axis=tuple(range(1, data.ndim))) for s in np.ndindex(*shape)]
    dense = np.mean([np.cov(x.reshape(60, -1).T) for x in shifted], axis=0)
    expected = np.linalg.eigvalsh(dense)[::-1]
    found = estimate(data, "fourier", read=ReadOptions(channels="none")).spectrum
    np.testing.assert_allclose(np.sort(repeated(found))[::-1], expected, atol=1e-10 * expected[0])


@pytest.mark.parametrize(
    ("shape", "choice", "axes"), [((3, 4, 6), "first", (2, 3)), ((4, 6, 2), "last", (1, 2))]
)
def test_fourier_of_channels_is_the_shift_average_too(shape, choice, axes):
    data = floats(80, shape)
    grid = [data.shape[a] for a in axes]
    shifted = [np.roll(data, s, axis=axes) for s in np.ndindex(*grid)]
    dense = np.mean([np.cov(x.reshape(80, -1).T) for x in shifted], axis=0)
    expected = np.linalg.eigvalsh(dense)[::-1]
    found = estimate(data, "fourier", read=ReadOptions(channels=choice)).spectrum
    np.testing.assert_allclose(np.sort(repeated(found))[::-1], expected, atol=1e-10 * expected[0])


def test_radial_averages_are_the_means_over_shells():
    data = circulant(symmetric_power((12, 15)), 20)
    data -= data.mean(axis=0)
    full = (np.abs(np.fft.fft2(data)) ** 2).sum(axis=0) / (19 * 12 * 15)
    k = [np.fft.fftfreq(12) * 12, np.fft.fftfreq(15) * 12]
    shell = np.rint(np.hypot(k[0][:, None], k[1][None, :]))
    expected = sorted(((full[shell == s].mean(), np.sum(shell == s)) for s in np.unique(shell)), reverse=True)
    options = MethodOptions("fourier", radial=True)
    found = estimate(data, options=options, read=ReadOptions(channels="none")).spectrum
    np.testing.assert_allclose(found.eig, [e for e, _ in expected], rtol=1e-10)
    np.testing.assert_array_equal(found.weight, [n for _, n in expected])


def test_lanczos_of_few_dimensions_is_exact():
    data = floats(400, (60,))
    expected = reference(data)
    found = estimate(data, "lanczos").spectrum
    np.testing.assert_allclose(found.eig[:60], expected, rtol=1e-9)


@pytest.mark.parametrize(("count", "dim"), [(300, 1200), (2500, 900)])
def test_lanczos_top_eigenvalues_and_spectral_sums(count, dim):
    rng = np.random.default_rng(0)
    data = rng.standard_normal((count, dim)) * np.arange(1, dim + 1) ** -0.75
    expected = reference(data)
    found = estimate(data, "lanczos")
    assert found.spectrum.dim == pytest.approx(dim)
    np.testing.assert_allclose(found.spectrum.eig[:10], expected[:10], rtol=1e-7)
    eig, weight = found.spectrum.eig, found.spectrum.weight
    rank = min(count - 1, dim)
    assert weight[eig > 0].sum() == pytest.approx(rank, rel=0.02)
    # Not polynomials: the shape of the errors of a step grid, at scales across the spectrum.
    for scale in (1e-4, 1e-3, 1e-2, 1e-1):
        truth = np.sum(np.maximum(expected, 0) / (np.maximum(expected, 0) + scale))
        assert weight @ (eig / (eig + scale)) == pytest.approx(truth, rel=0.01)


@pytest.mark.parametrize("block", [3, 50, 1000])
def test_lanczos_does_not_depend_on_blocks(block):
    data = np.random.default_rng(0).standard_normal((300, 500)) * np.arange(1, 501) ** -0.5
    first, second = (estimate(data, "lanczos", block=b).spectrum for b in (0, block))
    np.testing.assert_allclose(second.eig[:10], first.eig[:10], rtol=1e-10)
    np.testing.assert_allclose(
        second.weight @ np.sqrt(second.eig), first.weight @ np.sqrt(first.eig), rtol=1e-6
    )


def test_lanczos_shrinks_to_the_memory_or_says_what_it_needs():
    options = LanczosOptions()
    assert fitted(options, 200_000, 2 << 30) == options
    less = fitted(options, 1_000_000, 2 << 30)
    assert less.depth < options.depth
    assert 24 * 1_000_000 * max(less.depth * less.width, less.steps * less.probes) <= 2 << 30
    with pytest.raises(InputError, match="--memory"):
        fitted(options, 100_000_000, 2 << 30)


def test_lanczos_handles_an_eigenvalue_of_high_multiplicity():
    """A block Krylov space sees each eigenvalue at most as often as the block is wide."""
    vectors = scipy.linalg.qr(np.random.default_rng(0).standard_normal((400, 400)))[0]
    eig = np.where(np.arange(100) < 50, 4.0, 1.0)
    data = np.sqrt(399) * vectors[:, :100] * np.sqrt(eig)
    expected = reference(data)
    found = estimate(
        data, "lanczos", options=MethodOptions("lanczos", lanczos=LanczosOptions(width=4))
    ).spectrum
    assert found.trace == pytest.approx(expected.sum())
    assert found.weight[found.eig > 2].sum() == pytest.approx((expected > 2).sum(), rel=0.15)


def test_one_sided_streams():
    data = floats(90, (7,))
    chunks = [data[:3], data[3:50], data[50:51], data[51:]]
    expected = reference(data)
    for stream in (iter(chunks), lambda: iter(chunks), chunks):
        found = estimate(stream, "pca", block=11).spectrum
        np.testing.assert_allclose(found.eig, expected, atol=1e-12 * expected[0])
    with pytest.raises(InputError, match="fresh generator"):
        estimate(iter(chunks), "lanczos")


def test_auto_is_exact_where_it_can_be_and_says_why():
    def chosen(count, dim, memory=2 << 30):
        array = np.broadcast_to(np.float32(1), (count, dim))
        return choose(Samples(ArraySource(array)), MethodOptions(memory=memory))

    assert chosen(10, 3072)[0] == "pca"
    assert chosen(100, 200_000)[0] == "pca"
    assert "inner products" in chosen(100, 200_000)[1]
    assert chosen(10_000, 200_000)[0] == "lanczos"
    assert chosen(10, 3072, memory=1000)[0] == "lanczos"


@pytest.mark.parametrize("method", METHODS)
def test_same_seed_same_bytes(method):
    data = floats(200, (64,))
    first, second = (estimate(data, method, seed=3).spectrum for _ in range(2))
    assert first.sha256 == second.sha256


def test_constant_samples_are_an_error():
    for method in METHODS:
        with pytest.raises(InputError, match="do not vary"):
            estimate(np.ones((10, 4)), method)
