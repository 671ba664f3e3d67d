"""Shrinkage, bootstrap bands and ensembles against independent implementations and known truths."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from estimation_data import WRITERS, floats, reference
from sklearn.covariance import OAS, LedoitWolf

from diffopt.data.ensemble import Ensemble
from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError, UnsupportedError
from diffopt.estimation import estimate
from diffopt.estimation.bootstrap import Bands, at_ranks, bands, grid_bands
from diffopt.estimation.correction.population import companion, population
from diffopt.estimation.correction.shrinkage import SHRINKAGE, carry_mean
from diffopt.estimation.engines.local import Local
from diffopt.estimation.ensembles.label_file import read_labels
from diffopt.estimation.ensembles.labels import cluster
from diffopt.estimation.ensembles.partition import by_bands, by_labels, by_tiles
from diffopt.estimation.methods.raw_spectrum import RawSpectrum
from diffopt.estimation.readers import open_source
from diffopt.estimation.readers.base import ReadOptions
from diffopt.solvers import SOLVERS
from diffopt.studies.resampling import functions

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from euler_grid import frechet, optimize


def gaussian(eig: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, len(eig))) * np.sqrt(eig)


def loss(eig: np.ndarray, found: Spectrum, steps: int = 8) -> float:
    """Relative excess error, under the true spectrum, of the grid optimized from the found one."""
    ones = np.ones(len(eig))
    best = frechet(eig, ones, optimize(eig, ones, steps))
    return frechet(eig, ones, optimize(np.array(found.eig), np.array(found.weight), steps)) / best - 1


@pytest.mark.parametrize("name", SHRINKAGE)
@pytest.mark.parametrize("count", [30, 80, 400])
def test_every_rule_keeps_the_dimension_and_positivity(name, count):
    data = floats(count, (60,)) + 1
    found = estimate(data, "pca", shrinkage=name).spectrum
    assert found.dim == pytest.approx(60)
    assert np.all(found.eig >= 0)
    assert found.mean is not None
    mean = data.mean(axis=0)
    assert found.weight @ found.mean**2 == pytest.approx(mean @ mean, rel=1e-6)


@pytest.mark.parametrize(("name", "estimator"), [("ledoit_wolf", LedoitWolf), ("oas", OAS)])
@pytest.mark.parametrize("count", [10, 25, 60, 500])
def test_linear_rules_are_those_of_scikit_learn(name, estimator, count):
    data = floats(count, (24,)) + 5
    shrunk = estimator().fit(data)
    expected = np.linalg.eigvalsh(shrunk.covariance_)[::-1] * count / (count - 1)
    found = estimate(data, "pca", shrinkage=name).spectrum
    eig = np.repeat(found.eig, np.rint(found.weight).astype(int))
    np.testing.assert_allclose(eig, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("count", [100, 400])
def test_analytical_rule_estimates_the_variance_along_sample_eigenvectors(count):
    truth = np.concatenate([np.full(100, 1.0), np.full(100, 3.0)])
    data = gaussian(truth, count)
    vectors = np.linalg.eigh(np.cov(data.T))[1]
    oracle = np.sort(np.einsum("ji,j,ji->i", vectors, truth, vectors))[::-1]
    found = estimate(data, "pca", shrinkage="analytical").spectrum
    raw = estimate(data, "pca").spectrum
    distance = [np.sum((np.repeat(s.eig, s.weight.astype(int)) - oracle) ** 2) for s in (found, raw)]
    assert distance[0] < 0.1 * distance[1]


@pytest.mark.parametrize("ratio", [0.2, 0.8, 2.0])
def test_population_recovers_two_levels(ratio):
    dim = 400
    truth = np.concatenate([np.full(dim // 2, 4.0), np.full(dim // 2, 0.5)])
    data = gaussian(truth, int(dim / ratio))
    found = estimate(data, "pca", shrinkage="population").spectrum
    assert found.trace == pytest.approx(estimate(data, "pca").spectrum.trace)
    ranks = np.array([0.1, 0.25, 0.4, 0.6, 0.75, 0.9])
    np.testing.assert_allclose(at_ranks(found, ranks), np.where(ranks < 0.5, 4.0, 0.5), rtol=0.25)


def test_population_inverts_the_equation_of_marchenko_and_pastur():
    """Exact quantiles of the law of white noise in, one level out."""
    dim, freedom = 500, 1000
    c = dim / freedom
    x = np.linspace((1 - np.sqrt(c)) ** 2, (1 + np.sqrt(c)) ** 2, 200_001)
    density = np.sqrt(np.maximum((x[-1] - x) * (x - x[0]), 0)) / (2 * np.pi * c * x)
    cumulative = np.cumsum(density) * (x[1] - x[0])
    eig = np.interp((np.arange(dim) + 0.5) / dim, cumulative / cumulative[-1], x)
    z = np.array([-1.0 + 0j, 1.0 + 1.0j])
    v = companion(z, eig, np.ones(dim), c)
    np.testing.assert_allclose(-1 / v + c / (1 + v), z, rtol=2e-3)
    found, weight = population(eig, np.ones(dim), freedom, dim)
    assert weight.sum() == pytest.approx(dim)
    assert np.sum(weight[np.abs(found - 1) < 0.2]) > 0.98 * dim


SPECTRA = {
    "white": np.full(200, 0.25),
    "two levels": np.concatenate([np.full(100, 1.0), np.full(100, 0.01)]),
    "power law": 100.0 / np.arange(1, 201),
}


@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("count", [100, 400])
def test_correction_halves_the_loss_of_the_grid_at_least(name, count):
    truth = SPECTRA[name]
    data = gaussian(truth, count, seed=1)
    plain = loss(truth, estimate(data, "pca").spectrum)
    corrected = loss(truth, estimate(data, "pca", shrinkage="population").spectrum)
    assert corrected < 0.5 * plain


def test_wide_stationary_data_give_the_grid_of_the_truth():
    """Both methods for many dimensions lose less than one percent of exact error."""
    k = np.minimum(np.arange(8000), 8000 - np.arange(8000))
    truth = 1 / (1 + (k / 3.0) ** 2)
    truth *= 2000 / truth.sum()
    noise = np.fft.fft(np.random.default_rng(0).standard_normal((500, 8000)), axis=1)
    data = np.fft.ifft(noise * np.sqrt(truth), axis=1).real
    for method, rule in (("fourier", "none"), ("lanczos", "population")):
        assert abs(loss(truth, estimate(data, method, shrinkage=rule).spectrum)) < 0.01


def test_carried_mean_keeps_its_length_and_its_order():
    eig, weight = np.array([4.0, 2.0, 1.0]), np.array([1.0, 2.0, 1.0])
    raw = RawSpectrum(eig, weight, np.array([3.0, 0.0, 1.0]), 10, 9.0, 0, 1, 10)
    carried = carry_mean(raw, np.array([1.0, 5.0]), np.array([3.0, 1.0]))
    np.testing.assert_allclose(carried, [np.sqrt(1 / 3), 3.0])


def test_bands_contain_the_truth_about_as_often_as_they_say():
    truth = np.array([9.0, 4.0, 1.0, 0.25])
    hits = []
    for seed in range(40):
        found = estimate(gaussian(truth, 300, seed), "pca")
        band = bands(found, Local(), 60, seed)
        index = (band.quantiles * 4).astype(int)
        hits.append((band.low <= truth[index]) & (truth[index] <= band.high))
    assert 0.8 <= np.mean(hits) <= 0.98


def test_bands_of_the_grid_and_what_they_cost():
    truth = 10.0 / np.arange(1, 31) ** 2
    found = estimate(gaussian(truth, 100), "pca")
    band = bands(found, Local(), 5)
    result = grid_bands(
        found.spectrum,
        band,
        lambda s: optimize(np.array(s.eig), np.array(s.weight), 5),
        lambda s, g: frechet(np.array(s.eig), np.array(s.weight), g),
    )
    low, own, high = (np.array(result[k]) for k in ("low", "sigmas", "high"))
    assert np.all(low <= high)
    assert own.shape == (6,)
    assert 0 <= result["loss_median"] <= result["loss_95"]


def test_a_bootstrap_without_a_finite_error_says_so():
    """A step over ninety decades blows up: there is no error that replicates could lose, and it is not 0."""
    _, error = functions(SOLVERS["heun_sde"](), 2)
    with pytest.raises(UnsupportedError, match="heun_sde"):
        error(Spectrum.create([1.0, 0.1]), np.array([1e90, 1.0, 0.0]))


def test_bootstrap_is_repeatable_and_refuses_what_it_cannot_do():
    data = floats(50)
    first, second = (bands(estimate(data, "pca"), Local(), 4, seed=7) for _ in range(2))
    np.testing.assert_array_equal(first.low, second.low)
    with pytest.raises(InputError, match="at least 2"):
        bands(estimate(data, "pca"), Local(), 1)
    with pytest.raises(InputError, match="read again"):
        bands(estimate(iter([data]), "pca"), Local(), 3)


@pytest.mark.parametrize("method", ["pca", "lanczos"])
def test_labels_make_the_spectra_of_the_classes(method):
    data = floats(90, (10,))
    labels = np.array(["a", "b", "c"])[np.random.default_rng(0).integers(0, 3, 90)]
    ensemble = by_labels(estimate(data, method, block=7), labels, Local())
    assert ensemble.labels == ("a", "b", "c")
    for label, probability, member in zip(
        ensemble.labels, ensemble.probabilities, ensemble.spectra, strict=True
    ):
        expected = reference(data[labels == label])
        np.testing.assert_allclose(member.eig[:10], expected, atol=1e-9 * expected[0])
        assert probability == pytest.approx(np.mean(labels == label))


def test_tiles_are_the_cut_outs():
    data = floats(50, (2, 6, 4))
    ensemble = by_tiles(estimate(data, "pca", read=ReadOptions(channels="first")), 2, Local())
    assert len(ensemble.spectra) == 6
    expected = reference(data[:, :, 2:4, 0:2])
    member = ensemble.spectra[ensemble.labels.index("tile 1,0")]
    np.testing.assert_allclose(member.eig, expected, atol=1e-10 * expected[0])


def test_frequency_bands_share_the_trace_and_the_dimension():
    whole = estimate(floats(50, (3, 16, 12)), "fourier")
    ensemble = by_bands(whole, 3)
    assert sum(s.trace for s in ensemble.spectra) == pytest.approx(whole.spectrum.trace)
    assert sum(s.dim for s in ensemble.spectra) == pytest.approx(whole.spectrum.dim)
    assert ensemble.probabilities.sum() == pytest.approx(1)


def test_clusters_find_separate_groups():
    data = np.concatenate([floats(40) - 50, floats(60, seed=1) + 50])
    whole = estimate(data, "pca")
    labels = cluster(whole.samples, Local(), 2, seed=0)
    assert len(set(labels[:40])) == len(set(labels[40:])) == 1
    assert labels[0] != labels[-1]


def test_labels_of_the_edm_layout_are_matched_by_name(tmp_path):
    path, data = WRITERS["zip"](tmp_path)
    source = open_source(path)
    names = list(reversed(source.names))
    pairs = [[name, int(name[-5]) % 2] for name in names]
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": pairs}))
    labels = read_labels(tmp_path / "dataset.json", source)
    assert list(labels) == [str(int(name[-5]) % 2) for name in source.names]
    assert len(labels) == len(data)
    (tmp_path / "names.json").write_text('{"a.png": 0, "a.png": 1}')
    with pytest.raises(InputError, match="a.png.*twice|twice.*a.png"):
        read_labels(tmp_path / "names.json", source)


def test_ensembles_refuse_nonsense():
    one = Spectrum.create([1.0])
    for spectra, chances, names in (([], None, None), ([one], [0.0], None), ([one], [np.nan], None),
                                    ([one, one], [1.0], None), ([one, one], None, ["a", "a"])):  # fmt: skip
        with pytest.raises(InputError):
            Ensemble.create(spectra, chances, names)


def test_grids_without_any_error_lose_nothing():
    spectrum = Spectrum.create([1.0])
    result = grid_bands(spectrum, Bands(*(np.ones(1),) * 4, (spectrum, spectrum)), lambda s: [2.0, 1.0, 0.0], lambda s, grid: 0.0)
    assert (result["error"], result["loss_median"], result["loss_95"]) == (0.0, 0.0, 0.0)
