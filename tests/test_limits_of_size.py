"""Limits of size: every one has a flag, the message names it, and with the flag the same input is read."""

from __future__ import annotations

import gzip
import json
import re

import numpy as np
import pytest

from diffopt.cli.main import main
from diffopt.data.posterior.posterior import Prior, posterior
from diffopt.documents.operator_text import parse_operator
from diffopt.foundation.limits import expanding

EIG = 1.0 / np.arange(1, 301)
VERBS = {
    "show": ["spectrum", "show"], "convert": ["spectrum", "convert"], "evaluate": ["evaluate", "--schedule", "karras", "-n", "2"],
    "posterior": ["spectrum", "posterior", "--operator", "diagonal:1", "--noise", "1"],
}  # fmt: skip


def archive(folder):
    np.savez_compressed(folder / "a.npz", eigenvalues=EIG)


def text(folder):
    (folder / "a.txt.gz").write_bytes(gzip.compress("\n".join(map(repr, EIG.tolist())).encode()))


def words(verb, path):
    command = VERBS[verb]
    return [*command[: 1 + (command[0] == "spectrum")], str(path), *command[1 + (command[0] == "spectrum") :]]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(("make", "name"), [(archive, "a.npz"), (text, "a.txt.gz")])
def test_arrays_of_compressed_files(verb, make, name, tmp_path, capsys):
    make(tmp_path)
    call = words(verb, tmp_path / name)
    assert main([*call, "--max-member", "1e-6"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "raise --max-member" in err
    assert main([*call, "--max-member", "0.001"]) == 0
    assert json.loads(capsys.readouterr().out)
    assert main([*call, "--max-member", "-1"]) == 2
    assert "must be positive gigabytes" in capsys.readouterr().err


def test_the_message_says_how_far(tmp_path, capsys):
    archive(tmp_path)
    call = ["spectrum", "show", str(tmp_path / "a.npz")]
    main([*call, "--max-member", "1e-6"])
    wanted = re.search(r"raise --max-member (\S+)", capsys.readouterr().err)
    assert wanted is not None
    assert main([*call, "--max-member", wanted.group(1)]) == 0


def test_a_limit_ends_with_its_block():
    with pytest.raises(ZeroDivisionError), expanding(5.0):
        1 / 0  # noqa: B018
    from diffopt.foundation.limits import most_expanded

    assert most_expanded() == 1 << 30


@pytest.mark.parametrize("prior", ["power:2", "builtin:power2"])
def test_dense_posteriors(prior, capsys):
    shape = ["--shape", "8,8"] if prior == "power:2" else []
    call = ["spectrum", "posterior", prior, "--operator", "compressed_sensing:3", "--noise", "0.1", *shape]
    assert main([*call, "--dense", "63"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "(limit 63)" in err and "raise --dense" in err
    if shape:
        assert main([*call, "--dense", "64"]) == 0


def test_eigenvalues_without_eigenvectors():
    """What is left out saves time and changes no number; against the formula with inverses."""
    prior, tool = Prior.power_law((5, 6), 2.0), parse_operator("compressed_sensing:7")
    quick, whole = (posterior(prior, tool, 0.1, basis=b) for b in (False, True))
    assert quick.basis is None and whole.basis is not None
    a, cov = tool.matrix((5, 6)), prior.dense()
    right = cov - cov @ a.T @ np.linalg.inv(a @ cov @ a.T + 0.01 * np.eye(7)) @ a @ cov
    for found in (quick, whole):
        np.testing.assert_allclose(found.spectrum.eig, np.linalg.eigvalsh(right)[::-1], rtol=1e-10)


@pytest.mark.parametrize("shape", [(7,), (4, 5), (2, 3, 4)])
def test_roots_of_priors(shape):
    """R R^T is the covariance, of fields by their Fourier modes one by one, of directions by their variances."""
    power = np.random.default_rng(0).uniform(0.1, 2, shape)
    power = (power + np.roll(np.flip(power), 1, range(len(shape)))) / 2  # as real fields have it
    prior = Prior(shape, None, power)
    modes = np.fft.fftn(np.eye(power.size).reshape(-1, *shape), axes=range(1, len(shape) + 1)).reshape(power.size, -1)
    modes /= np.sqrt(power.size)
    right = (modes.conj().T @ np.diag(power.ravel()) @ modes).real
    np.testing.assert_allclose(prior.dense(), right, atol=1e-12)
    np.testing.assert_allclose(prior.root() @ prior.root().T, right, atol=1e-12)


def test_few_samples_of_many_numbers_name_the_smaller_memory(tmp_path, capsys):
    """The inner products of 4 samples take far less than Krylov vectors; with what the message names it runs."""
    data = np.random.default_rng(0).standard_normal((4, 100_000)).astype("f4")
    np.save(tmp_path / "a.npy", data)
    call = ["spectrum", "estimate", str(tmp_path / "a.npy"), "--memory"]
    assert main([*call, "0.002"]) == 2
    wanted = re.search(r"inner products of the 4 samples --memory (\S+) is enough", capsys.readouterr().err)
    assert wanted is not None
    assert main([*call, wanted.group(1)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["trace"] == pytest.approx(float(data.astype(float).var(axis=0, ddof=1).sum()), rel=1e-9)
