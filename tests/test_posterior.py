"""Posterior spectra against dense algebra and a simulated posterior sampler (theory.md, eqs. 90-93)."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

import diffopt
from diffopt.cli.main import main
from diffopt.data.posterior.operators import OPERATORS
from diffopt.data.posterior.posterior import Prior, posterior
from diffopt.data.spectrum import Spectrum
from diffopt.documents.operator_text import parse_operator
from diffopt.documents.spectrum_file import load_spectrum
from diffopt.errors import InputError
from diffopt.law.law import Law
from diffopt.processes import PROCESSES
from diffopt.processes.grid import Grid
from diffopt.solvers import SOLVERS, run_table
from diffopt.solvers.loop import sample

SHAPE = (4, 6)
D = 24


def examples(folder: Path) -> dict[str, str]:
    np.save(folder / "a.npy", np.random.default_rng(3).standard_normal((9, D)))
    return {
        "inpainting": "inpainting:0.4",
        "blur": "blur:1.2",
        "super_resolution": "super_resolution:2",
        "compressed_sensing": "compressed_sensing:7",
        "diagonal": "diagonal:0.7",
        "matrix": f"matrix:{folder / 'a.npy'}",
    }


def image_prior() -> Prior:
    rng = np.random.default_rng(1)
    root = rng.standard_normal((D, D)) * np.geomspace(1, 0.01, D)
    return Prior(SHAPE, root @ root.T, None, rng.standard_normal(D))


@pytest.mark.parametrize("kind", ["image", "field"])
@pytest.mark.parametrize("name", OPERATORS)
def test_agrees_with_the_textbook_formula(name: str, kind: str, tmp_path: Path) -> None:
    """Eqs. (90)-(93): (Sigma^-1 + A^T A/s^2)^-1 and the normal equations, to 1e-10."""
    prior = image_prior() if kind == "image" else Prior.power_law(SHAPE, 2.0)
    operator, noise = parse_operator(examples(tmp_path)[name]), 0.3
    matrix = operator.matrix(SHAPE)
    y = np.random.default_rng(2).standard_normal(matrix.shape[0])
    precision = np.linalg.inv(prior.dense()) + matrix.T @ matrix / noise**2
    covariance = np.linalg.inv(precision)
    start = np.zeros(D) if prior.mean is None else prior.mean
    mean = covariance @ (np.linalg.solve(prior.dense(), start) + matrix.T @ y / noise**2)
    result = posterior(prior, operator, noise, y)
    truth = np.linalg.eigvalsh(covariance)[::-1]
    np.testing.assert_allclose(result.spectrum.eig, truth, atol=1e-10 * truth[0])
    np.testing.assert_allclose(result.mean, mean, atol=1e-8)
    assert np.sum(result.spectrum.mean**2) == pytest.approx(np.sum(mean**2))
    if result.basis is not None:
        rebuilt = (result.basis * result.spectrum.eig) @ result.basis.T
        np.testing.assert_allclose(rebuilt, covariance, atol=1e-10 * truth[0])


def test_examples_cover_the_table(tmp_path: Path) -> None:
    assert set(examples(tmp_path)) == set(OPERATORS)


def test_fourier_and_dense_agree() -> None:
    """Eq. (92) against eqs. (90), (91) for a convolution on a stationary field."""
    prior, y = Prior.power_law(SHAPE, 1.5), np.random.default_rng(0).standard_normal(D)
    free, dense = (posterior(prior, parse_operator("blur:0.8"), 0.1, y, m) for m in ("fourier", "dense"))
    assert (free.method, dense.method) == ("fourier", "dense")
    np.testing.assert_allclose(free.spectrum.eig, dense.spectrum.eig, atol=1e-12)
    np.testing.assert_allclose(free.mean, dense.mean, atol=1e-10)


def test_blur_is_the_convolution_its_gains_say() -> None:
    operator = parse_operator("blur:0.9")
    matrix = operator.matrix(SHAPE)
    x = np.random.default_rng(0).standard_normal(SHAPE)
    offsets = [np.minimum(np.arange(n), n - np.arange(n)) for n in SHAPE]
    kernel = operator.apply(np.eye(D)[:1].reshape(1, *SHAPE), SHAPE).reshape(SHAPE)
    assert kernel.sum() == pytest.approx(1.0)
    assert kernel[0, 1] == pytest.approx(kernel[0, -1])
    assert len(offsets) == 2
    direct = sum(kernel[i, j] * np.roll(x, (i, j), (0, 1)) for i in range(4) for j in range(6))
    np.testing.assert_allclose(matrix @ x.ravel(), direct.ravel(), atol=1e-12)


def test_super_resolution_averages_blocks() -> None:
    x = np.arange(24.0).reshape(1, *SHAPE)
    out = parse_operator("super_resolution:2").apply(x, SHAPE)
    np.testing.assert_allclose(out.reshape(2, 3)[0, 0], np.mean([0, 1, 6, 7]))


def test_large_fields_stay_matrix_free() -> None:
    result = posterior(Prior.power_law((256, 256), 2.0), parse_operator("blur:2"), 0.05)
    assert result.method == "fourier"
    assert result.spectrum.dim == 65536


@pytest.mark.parametrize("name", OPERATORS)
def test_simulated_posterior_sampler_has_the_predicted_errors(name: str, tmp_path: Path) -> None:
    """Eq. (93), the real loop with the exact posterior denoiser in pixels."""
    prior, noise = image_prior(), 0.5
    operator = parse_operator(examples(tmp_path)[name])
    matrix = operator.matrix(SHAPE)
    y = np.random.default_rng(4).standard_normal(matrix.shape[0])
    result = posterior(prior, operator, noise, y)
    covariance = np.linalg.inv(np.linalg.inv(prior.covariance) + matrix.T @ matrix / noise**2)

    def denoiser(z, alpha, level):
        gain = alpha * covariance @ np.linalg.inv(alpha**2 * covariance + level**2 * np.eye(D))
        return result.mean + (z - alpha * result.mean) @ gain.T

    table = run_table(SOLVERS["euler_ancestral"](), Grid.create(PROCESSES["ve"](), [20.0, 5.0, 1.0, 0.3, 0.05]))
    rng, count = np.random.default_rng(5), 40_000
    start = result.mean + rng.standard_normal((count, D)) @ np.linalg.cholesky(covariance).T
    start = start + 20.0 * rng.standard_normal((count, D))
    end = (sample(table, denoiser, start, rng) - result.mean) @ result.basis
    law = Law(table, result.spectrum, "exact")
    np.testing.assert_allclose(end.var(axis=0), law.variance, rtol=5 * np.sqrt(2 / count))


@pytest.mark.parametrize(
    ("text", "word"),
    [("nonsense", "unknown"), ("blur:-1", "positive"), ("blur:x", "cannot be read"), ("inpainting:2", "at most 1"),
     ("super_resolution:5", "does not divide"), ("compressed_sensing", "cannot be read"),
     ("matrix:none.npy", "none.npy")],
)  # fmt: skip
def test_bad_operators_say_so(text: str, word: str) -> None:
    with pytest.raises(InputError, match=word):
        posterior(Prior.power_law(SHAPE, 2.0), parse_operator(text), 0.1)


@pytest.mark.parametrize("noise", [0.0, -1.0, float("nan")])
def test_noise_must_be_positive(noise: float) -> None:
    with pytest.raises(InputError, match="noise"):
        posterior(Prior.power_law(SHAPE, 2.0), parse_operator("blur:1"), noise)


@pytest.mark.parametrize("suffix", ["json", "npz"])
def test_command_writes_a_spectrum(suffix: str, tmp_path: Path) -> None:
    target = tmp_path / f"p.{suffix}"
    flags = ["spectrum", "posterior", "power:2", "--shape", "8,8", "--operator", "blur:1", "--noise", "0.1", "-o", str(target)]
    assert main(flags) == 0
    expected = posterior(Prior.power_law((8, 8), 2.0), parse_operator("blur:1"), 0.1).spectrum
    np.testing.assert_allclose(load_spectrum(str(target)).eig, expected.eig)
    assert main(flags) == 2


def test_command_reads_covariances_and_spectra(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prior = image_prior()
    np.savez(tmp_path / "c.npz", cov=prior.covariance, mean=prior.mean)
    np.save(tmp_path / "y.npy", np.ones(9))
    text = examples(tmp_path)["matrix"]
    flags = ["spectrum", "posterior", str(tmp_path / "c.npz"), "--shape", "4,6", "--operator", text, "--noise", "0.3", "-q"]
    assert main([*flags, "--measurement", str(tmp_path / "y.npy")]) == 0
    truth = posterior(prior, parse_operator(text), 0.3, np.ones(9))
    np.testing.assert_allclose(json.loads(capsys.readouterr().out)["eigenvalues"], truth.spectrum.eig)
    np.save(tmp_path / "e.npy", np.array([3.0, 1.0, 0.5]))
    assert main(["spectrum", "posterior", str(tmp_path / "e.npy"), "--operator", "diagonal:2", "--noise", "1", "-q"]) == 0
    np.testing.assert_allclose(json.loads(capsys.readouterr().out)["eigenvalues"], [3 / 13, 1 / 5, 0.5 / 3])


def covariance_files(folder: Path, covariance: np.ndarray) -> dict[str, Path]:
    """One covariance in every kind of file."""
    listed = covariance.tolist()
    np.save(folder / "a.npy", covariance)
    for name in ("cov", "covariance", "C", "sigma"):
        np.savez(folder / f"{name}.npz", **{name: covariance})
    np.savez(folder / "both.npz", cov=covariance, eigenvalues=np.linalg.eigvalsh(covariance))
    np.savetxt(folder / "a.csv", covariance, delimiter=",", fmt="%.17g")
    np.savetxt(folder / "a.txt", covariance, fmt="%.17g")
    (folder / "list.json").write_text(json.dumps(listed))
    (folder / "named.json").write_text(json.dumps({"cov": listed}))
    (folder / "a.npy.gz").write_bytes(gzip.compress((folder / "a.npy").read_bytes()))
    (folder / "none").write_bytes((folder / "a.npy").read_bytes())
    (folder / "CAPITALS.NPY").write_bytes((folder / "a.npy").read_bytes())
    return {path.name: path for path in folder.iterdir()}


def test_a_covariance_stands_in_pixels_whatever_file_it_is_in(tmp_path: Path) -> None:
    """An operator that sees one pixel tells pixels from eigenvectors; eqs. (90)-(93) by the textbook's inverse."""
    root = np.random.default_rng(6).standard_normal((4, 4))
    covariance, matrix = root @ root.T, np.array([[1.0, 0.0, 0.0, 0.0]])
    covariance = (covariance + covariance.T) / 2
    truth = np.linalg.eigvalsh(np.linalg.inv(np.linalg.inv(covariance) + matrix.T @ matrix / 0.01))[::-1]
    files = covariance_files(tmp_path, covariance)
    for name, prior in {**{k: str(v) for k, v in files.items()}, "array": covariance, "list": covariance.tolist()}.items():
        found = diffopt.posterior(prior, matrix, 0.1).eigenvalues
        np.testing.assert_allclose(found, truth, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(
    ("prior", "word"),
    [(np.array([[2.0, 5.0], [0.0, 1.0]]), "symmetric"), (np.ones((2, 3)), "2 x 3"), (np.eye(2) * np.nan, "NaN"),
     (np.eye(2) * 1j, "real"), (np.zeros((0, 0)), "0 x 0")],
)  # fmt: skip
def test_arrays_that_are_no_covariance_are_refused(prior: np.ndarray, word: str) -> None:
    with pytest.raises(InputError, match=word):
        diffopt.posterior(prior, np.eye(2), 1.0)


@pytest.mark.parametrize("mean", [[1.0], [1.0, 2.0, 3.0], [1.0, np.inf]])
def test_a_mean_that_does_not_fit_its_covariance_is_refused(mean: list[float], tmp_path: Path) -> None:
    np.savez(tmp_path / "c.npz", cov=np.eye(2), mean=np.array(mean))
    with pytest.raises(InputError, match="mean"):
        diffopt.posterior(str(tmp_path / "c.npz"), np.eye(2), 1.0, measurement=np.ones(2))


def test_a_shape_must_have_the_pixels_of_the_covariance() -> None:
    with pytest.raises(InputError, match="4 pixels"):
        diffopt.posterior(np.eye(3), "inpainting:0.5", 1.0, shape=(2, 2))


@pytest.mark.parametrize("data", [[4.0, 1.0], np.array([4.0, 1.0]), Spectrum.create([4.0, 1.0])])
def test_eigenvalues_from_python_are_along_directions_of_their_own(data: object) -> None:
    """v/(1 + v) with unit gain and noise."""
    np.testing.assert_allclose(diffopt.posterior(data, "diagonal:1", 1.0).eigenvalues, [0.8, 0.5])


@pytest.mark.parametrize("text", ["blur:1:3", "super_resolution:2:2", "compressed_sensing:3:9", "inpainting:0.5:box:3", "blur:"])
def test_arguments_that_an_operator_does_not_have_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        parse_operator(text)


def test_spectra_need_whole_directions() -> None:
    with pytest.raises(InputError, match="whole"):
        Prior.from_spectrum(Spectrum.create([1.0], [0.5]))


def test_the_remedy_for_fractional_weights_keeps_the_scale_of_the_estimate(tmp_path) -> None:
    """The command of the message, with its flags, is taken: its covariance has the scale of the refused spectrum."""
    samples = np.random.default_rng(0).normal(3.0, 2.0, (30, 8)) * np.arange(1, 9)
    refused = diffopt.estimate(samples, shrinkage="population", standardize=0.5)
    with pytest.raises(InputError, match="whole") as error:
        diffopt.posterior(refused, "inpainting:0.5", 0.1)
    assert 'covariance=True, shrinkage="analytical", standardize=0.5)' in str(error.value)
    made = diffopt.estimate(samples, covariance=True, shrinkage="analytical", standardize=0.5)
    assert np.trace(made.covariance) == pytest.approx(refused.spectrum.trace, rel=0.2)
    assert diffopt.posterior(made, "inpainting:0.5", 0.1).spectrum.dim == 8
