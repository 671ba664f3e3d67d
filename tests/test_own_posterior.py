"""From samples to a posterior on pixels: the covariance of an estimate, its file, and what is said on the way."""

from __future__ import annotations

import numpy as np
import pytest

import diffopt
from diffopt.cli.main import main
from diffopt.estimation.correction.covariance import ALONG_SAMPLES
from diffopt.estimation.correction.shrinkage import SHRINKAGE

SHAPE, DIM = (4, 5), 20
MIX = np.random.default_rng(1).normal(size=(DIM, DIM)) / 4


def fields(count: int, offset: float = 0.0) -> np.ndarray:
    """Correlated fields (count, 4, 5) around a mean that is not 0."""
    return (np.random.default_rng(0).normal(size=(count, DIM)) @ MIX + offset * np.arange(DIM)).reshape(count, *SHAPE)


def conditioned(covariance: np.ndarray, kept: np.ndarray, noise: float) -> np.ndarray:
    """Eigenvalues of Sigma - Sigma A'(A Sigma A' + s^2)^-1 A Sigma, descending."""
    a = np.eye(DIM)[kept]
    gain = covariance @ a.T @ np.linalg.inv(a @ covariance @ a.T + noise**2 * np.eye(len(a)))
    return np.linalg.eigvalsh(covariance - gain @ a @ covariance)[::-1]


@pytest.mark.parametrize("count", [15, 300])
@pytest.mark.parametrize("rule", ALONG_SAMPLES)
def test_the_covariance_has_the_eigenvalues_and_trace_of_the_spectrum_and_the_samples_own_directions(rule, count):
    data = fields(count).reshape(count, DIM)
    found = diffopt.estimate(fields(count), covariance=True, shrinkage=rule)
    plain = diffopt.estimate(fields(count), shrinkage=rule, method="pca")
    values = np.linalg.eigvalsh(found.covariance)[::-1]
    np.testing.assert_allclose(values, np.repeat(plain.eigenvalues, plain.weights.astype(int)), atol=1e-12)
    sample = np.cov(data.T)
    np.testing.assert_allclose(found.covariance @ sample, sample @ found.covariance, atol=1e-10)
    if rule == "none":
        np.testing.assert_allclose(found.covariance, sample, atol=1e-12)
    if rule in ("oas", "ledoit_wolf"):
        # On a line between the sample covariance and its mean variance.
        off = ~np.eye(DIM, dtype=bool)
        part = found.covariance[off] / sample[off]
        np.testing.assert_allclose(part, part[0], rtol=1e-8)
        assert 0 < part[0] < 1


def test_every_rule_is_one_of_directions_or_refused():
    assert set(SHRINKAGE) - set(ALONG_SAMPLES) == {"population"}
    with pytest.raises(diffopt.InputError, match="analytical"):
        diffopt.estimate(fields(30), covariance=True, shrinkage="population")
    with pytest.raises(diffopt.InputError, match="pca"):
        diffopt.estimate(fields(30), covariance=True, method="lanczos")


@pytest.mark.parametrize("way", ["object", "file", "array"])
def test_inpainting_of_ones_own_fields_is_the_conditioned_gaussian(way, tmp_path):
    made = diffopt.estimate(fields(300, 0.3), covariance=True)
    made.save(tmp_path / "cov.npz")
    prior = {"object": made, "file": tmp_path / "cov.npz", "array": np.cov(fields(300, 0.3).reshape(300, DIM).T)}[way]
    mask = diffopt.posterior(np.eye(DIM), "inpainting:0.5", 1.0, shape=SHAPE).posterior
    # Where the unit prior is halved, a pixel is measured.
    kept = np.flatnonzero(np.isclose(np.einsum("ij,j,ij->i", mask.basis, mask.spectrum.eig, mask.basis), 0.5))
    assert len(kept) == DIM // 2
    found = diffopt.posterior(prior, "inpainting:0.5", 0.1, shape=SHAPE)
    np.testing.assert_allclose(found.eigenvalues, conditioned(np.cov(fields(300).reshape(300, DIM).T), kept, 0.1), atol=1e-12)


def test_the_file_knows_its_shape_and_its_mean_in_pixels(tmp_path):
    diffopt.estimate(fields(300, 0.3), covariance=True).save(tmp_path / "cov.npz")
    blurred = diffopt.posterior(tmp_path / "cov.npz", "blur:1.0", 0.1)
    said = diffopt.posterior(tmp_path / "cov.npz", "blur:1.0", 0.1, shape="4,5")
    np.testing.assert_array_equal(blurred.eigenvalues, said.eigenvalues)
    # A measurement that is the mean itself, with an operator that sees everything, is answered by the mean.
    mean = fields(300, 0.3).reshape(300, DIM).mean(axis=0)
    told = diffopt.posterior(tmp_path / "cov.npz", "diagonal:1.0", 0.1, measurement=mean)
    np.testing.assert_allclose(told.posterior.mean, mean, atol=1e-10)


def test_as_a_spectrum_the_file_is_the_estimate_without_a_matrix(tmp_path):
    plain = diffopt.estimate(fields(300, 0.3), method="pca")
    diffopt.estimate(fields(300, 0.3), covariance=True).save(tmp_path / "cov.npz")
    read = diffopt.read_spectrum(tmp_path / "cov.npz").spectrum
    np.testing.assert_array_equal(read.eig, plain.eigenvalues)
    np.testing.assert_array_equal(read.mean, plain.spectrum.mean)


@pytest.mark.parametrize("form", ["json", "csv", "npy"])
def test_forms_that_hold_no_matrix_are_refused(form, tmp_path):
    with pytest.raises(diffopt.InputError, match=r"\.npz"):
        diffopt.estimate(fields(30), covariance=True).save(tmp_path / f"c.{form}")
    assert not list(tmp_path.iterdir())


#: Ways that end, and the words of the command.
ENDS = [
    ("population", ["--operator", "inpainting:0.5"]), ("none", ["--operator", "inpainting:0.5"]),
    ("none", ["--operator", "blur:1.5", "--shape", "4,5"]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "words"), ENDS)
def test_what_a_spectrum_cannot_answer_names_the_command_that_can(rule, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("fields.npy", fields(30))
    assert main(["spectrum", "estimate", "fields.npy", "--shrinkage", rule, "-o", "s.npz", "-q"]) == 0
    assert main(["spectrum", "posterior", "s.npz", "--noise", "0.1", *words]) == 2
    err = capsys.readouterr().err
    told = "diffopt spectrum estimate SAMPLES --covariance -o cov.npz"
    assert told in err
    assert main([*told.replace("SAMPLES", "fields.npy").split()[1:], "-q"]) == 0
    assert main(["spectrum", "posterior", "cov.npz", "--noise", "0.1", *words, "-o", "p.npz"]) == 0
    assert main(["optimize", "p.npz", "-n", "3", "-o", "g.json", "-q"]) == 0


def test_few_samples_are_said_of_the_posterior_too(tmp_path):
    few = diffopt.estimate(fields(15), covariance=True, shrinkage="analytical")
    few.save(tmp_path / "few.npz")
    for prior in (few, tmp_path / "few.npz"):
        notes = diffopt.posterior(prior, "inpainting:0.5", 0.1).notes
        assert any("few samples, 15 for 20 numbers" in note for note in notes), notes
        assert not any("rank" in note for note in notes)
    bare = diffopt.posterior(np.cov(fields(15).reshape(15, DIM).T), "inpainting:0.5", 0.1)
    assert any("rank 14 of 20" in note and "15 samples" in note and "covariance" in note for note in bare.notes)
    # What has no variance has none after a measurement, and not 1e-50.
    assert np.count_nonzero(bare.eigenvalues) == 14
    assert bare.eigenvalues[13] > 1e-6
    enough = diffopt.posterior(diffopt.estimate(fields(5000), covariance=True), "inpainting:0.5", 0.1)
    assert not any("few" in note or "rank" in note for note in enough.notes)


def test_small_noise_keeps_its_digits():
    # 1/(1/e + 1/s^2) for a measurement of everything: s^2 to relative rounding, far below the rounding of e.
    eig = np.array([4.0, 1.0, 1e-3])
    found = diffopt.posterior(np.diag(eig), np.eye(3), 1e-12)
    np.testing.assert_allclose(found.eigenvalues, 1 / (1 / eig + 1e24), rtol=1e-9)


@pytest.mark.parametrize(("std", "said"), [(1.0, "--sigma-max 160"), (0.5, None), (0.25, "--sigma-max 40")])
def test_data_of_another_deviation_than_edm_s_come_with_its_range(std, said):
    data = np.random.default_rng(0).normal(size=(4000, 3)) * std
    text = " ".join(diffopt.estimate(data).notes).replace("sigma_max=", "--sigma-max ")
    assert ("for a network with sigma_data 0.5 say" in text) is (said is not None)
    if said is not None:
        found = float(text.split("--sigma-max ")[1].split()[0])
        # Data and noise levels scale together: 80 belongs to 0.5.
        assert found == pytest.approx(80 * std / 0.5, rel=0.05)
