"""Every form of a SPECTRUM argument, every way it can be wrong, and the built-in spectra."""

from __future__ import annotations

import io
import json
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from diffopt.data.builtin import BUILTINS
from diffopt.documents.array_spectrum import FID_SIZE
from diffopt.documents.held_numbers import BY_SUFFIX
from diffopt.documents.number_list import load_list
from diffopt.documents.spectrum_file import builtin_names, load_spectrum
from diffopt.errors import InputError

EIG = [4.0, 2.0, 0.5]
#: A covariance with these eigenvalues and a mean, in a rotated basis.
ROTATION = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
COVARIANCE = ROTATION @ np.diag(EIG) @ ROTATION.T
MEAN = np.array([1.0, -2.0, 0.5])


def save(path, **arrays):
    np.savez(path, **arrays)
    return str(path)


def npy(path, array):
    np.save(path, array)
    return str(path)


def text(path, content):
    path.write_text(content)
    return str(path)


#: For each extension, ways to write the eigenvalues EIG.
FORMS = {
    ".npy": [lambda p: npy(p, np.array(EIG)), lambda p: npy(p, COVARIANCE), lambda p: npy(p, np.array(EIG, "f4"))],
    ".npz": [
        lambda p: save(p, eigenvalues=EIG),
        lambda p: save(p, eig=EIG),
        lambda p: save(p, evals=EIG),
        lambda p: save(p, cov=COVARIANCE),
        lambda p: save(p, covariance=COVARIANCE, other=np.zeros(3)),
    ],
    ".json": [
        lambda p: text(p, json.dumps(EIG)),
        lambda p: text(p, json.dumps({"eigenvalues": EIG, "note": "x"})),
        lambda p: text(p, json.dumps(COVARIANCE.tolist())),
    ],
    ".csv": [
        lambda p: text(p, "4,2,0.5\n"),
        lambda p: text(p, "eig\n4\n2\n0.5\n"),
        lambda p: text(p, "4;2\n0.5"),
        lambda p: text(p, "\n".join(",".join(repr(float(x)) for x in row) for row in COVARIANCE)),
    ],
    ".txt": [lambda p: text(p, "# from somewhere\n4 2\n5e-1  # last\n"), lambda p: text(p, "4\t2\t0.5")],
}


def test_every_reader_is_tried():
    assert set(FORMS) == set(BY_SUFFIX)


@pytest.mark.parametrize(("kind", "form"), [(k, i) for k, forms in FORMS.items() for i in range(len(forms))])
def test_every_form_gives_the_eigenvalues(tmp_path, kind, form):
    path = FORMS[kind][form](tmp_path / f"data{kind}")
    data = load_spectrum(path)
    np.testing.assert_allclose(data.eig, EIG, rtol=1e-6)
    assert data.source == path


@pytest.mark.parametrize(("kind", "form"), [(k, i) for k, forms in FORMS.items() for i in range(len(forms))])
def test_standard_input_is_recognised_by_its_content(tmp_path, monkeypatch, kind, form):
    data = Path(FORMS[kind][form](tmp_path / f"data{kind}")).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    np.testing.assert_allclose(load_spectrum("-").eig, EIG, rtol=1e-6)


@pytest.mark.parametrize("name", ["mean", "mu"])
def test_weights_and_means(tmp_path, name):
    data = load_spectrum(save(tmp_path / "a.npz", eigenvalues=EIG, weights=[1, 2, 3], **{name: MEAN}))
    np.testing.assert_array_equal(data.weight, [1, 2, 3])
    np.testing.assert_array_equal(data.mean, MEAN)
    rotated = load_spectrum(save(tmp_path / "b.npz", cov=COVARIANCE, **{name: MEAN}))
    np.testing.assert_allclose(np.abs(rotated.mean), np.abs(ROTATION.T @ MEAN), rtol=1e-10)
    content = {"eigenvalues": EIG, "weights": [1, 2, 3], name: MEAN.tolist()}
    written = load_spectrum(text(tmp_path / "c.json", json.dumps(content)))
    np.testing.assert_array_equal(written.mean, MEAN)


def test_key_picks_another_array(tmp_path):
    path = save(tmp_path / "a.npz", eigenvalues=[9.0], mine=EIG, C2=COVARIANCE)
    np.testing.assert_array_equal(load_spectrum(path, key="mine").eig, EIG)
    np.testing.assert_allclose(load_spectrum(path, key="C2").eig, EIG)
    with pytest.raises(InputError, match="no array 'yours'; it holds eigenvalues, mine, C2"):
        load_spectrum(path, key="yours")


def test_rounding_is_clipped_and_reported(tmp_path):
    assert load_spectrum(npy(tmp_path / "a.npy", np.array([1.0, -1e-9]))).clipped == 1


def test_fid_references_need_permission(tmp_path, monkeypatch):
    """2048 x 2048 `mu`/`sigma` are Inception features; with permission a (small) one is read as any other."""
    assert FID_SIZE == 2048
    path = save(tmp_path / "fid.npz", mu=np.zeros(FID_SIZE), sigma=np.eye(FID_SIZE))
    with pytest.raises(InputError, match="--feature-space"):
        load_spectrum(path)
    monkeypatch.setattr("diffopt.documents.array_spectrum.FID_SIZE", 3)
    path = save(tmp_path / "small.npz", mu=MEAN, sigma=COVARIANCE)
    with pytest.raises(InputError, match="--feature-space"):
        load_spectrum(path)
    np.testing.assert_allclose(load_spectrum(path, feature_space=True).eig, EIG)


class Pickled:
    pass


def _nan_matrix():
    matrix = np.eye(3)
    matrix[0, 0] = np.nan
    return matrix


def _garbage(path):
    path.write_bytes(b"\x93NUMPYgarbage")
    return str(path)


def _damaged_zip(path):
    buffer = io.BytesIO()
    np.savez(buffer, eigenvalues=np.arange(1.0, 500.0))
    path.write_bytes(buffer.getvalue()[:-40])
    return str(path)


BAD = {
    "missing": (lambda p: str(p / "none.npy"), "no spectrum file"),
    "folder": (lambda p: str(p), "folder"),
    "kind": (lambda p: text(p / "a.parquet", "1"), "unknown kind"),
    "negative": (lambda p: npy(p / "a.npy", np.array([1.0, -0.5])), "negative"),
    "nan": (lambda p: npy(p / "a.npy", np.array([1.0, np.nan])), "finite"),
    "infinite": (lambda p: npy(p / "a.npy", np.array([1.0, np.inf])), "finite"),
    "complex": (lambda p: npy(p / "a.npy", np.array([1.0, 1j])), "real"),
    "strings": (lambda p: npy(p / "a.npy", np.array(["a"])), "real"),
    "empty": (lambda p: npy(p / "a.npy", np.array([])), "non-empty"),
    "scalar": (lambda p: npy(p / "a.npy", np.array(3.0)), "non-empty"),
    "cube": (lambda p: npy(p / "a.npy", np.ones((2, 2, 2))), "neither eigenvalues nor a covariance"),
    "rectangle": (lambda p: npy(p / "a.npy", np.ones((2, 5))), "2 x 5"),
    "asymmetric": (lambda p: npy(p / "a.npy", np.array([[1.0, 0.5], [0.1, 1.0]])), "not symmetric"),
    "indefinite": (lambda p: npy(p / "a.npy", np.array([[1.0, 2.0], [2.0, 1.0]])), "negative"),
    "nan matrix": (lambda p: npy(p / "a.npy", _nan_matrix()), "NaN"),
    "zero": (lambda p: npy(p / "a.npy", np.zeros(3)), "positive"),
    "pickle": (lambda p: npy(p / "a.npy", np.array([Pickled()], dtype=object)), "pickle"),
    "pickle itself": (lambda p: (p.joinpath("a.npy").write_bytes(pickle.dumps([1.0])), str(p / "a.npy"))[1], "pickle"),
    "pickle inside": (lambda p: save(p / "a.npz", eigenvalues=np.array([{}], dtype=object)), "pickle"),
    "not numpy": (lambda p: text(p / "a.npy", "1 2 3"), "numpy"),
    "garbage": (lambda p: _garbage(p / "a.npy"), "numpy"),
    "damaged zip": (lambda p: _damaged_zip(p / "a.npz"), "read"),
    "nothing known": (lambda p: save(p / "a.npz", weights=[1.0]), "--key"),
    "mean shape": (lambda p: save(p / "a.npz", cov=np.eye(3), mean=np.zeros(2)), "mean has shape"),
    "weights shape": (lambda p: save(p / "a.npz", eigenvalues=EIG, weights=[1.0]), "weights has 1"),
    "bad json": (lambda p: text(p / "a.json", "{"), "not valid JSON"),
    "json nan": (lambda p: text(p / "a.json", "[1, NaN]"), "NaN"),
    "json scalar": (lambda p: text(p / "a.json", "3"), "list of numbers"),
    "json ragged": (lambda p: text(p / "a.json", "[[1, 2], [3]]"), "numbers of equal length"),
    "json strings": (lambda p: text(p / "a.json", '["a", "b"]'), "numbers"),
    "json empty": (lambda p: text(p / "a.json", "{}"), "nothing"),
    "json deep": (lambda p: text(p / "a.json", "[" * 100_000), "JSON"),
    "words": (lambda p: text(p / "a.txt", "1 two 3"), "two"),
    "blank": (lambda p: text(p / "a.csv", "\n\n"), "non-empty"),
    "only a header": (lambda p: text(p / "a.csv", "eig\n"), "eig"),
    "binary text": (lambda p: (p.joinpath("a.txt").write_bytes(b"\xff\xfe\x00"), str(p / "a.txt"))[1], "not text"),
    "builtin": (lambda p: "builtin:nothing", "use one of"),
}


@pytest.mark.parametrize("case", list(BAD))
def test_bad_input_is_one_clear_line(tmp_path, case):
    make, word = BAD[case]
    with pytest.raises(InputError, match=word) as caught:
        load_spectrum(make(tmp_path))
    assert "\n" not in str(caught.value)


def test_an_unreadable_file_is_an_input_error(tmp_path, monkeypatch):
    path = npy(tmp_path / "a.npy", np.array(EIG))

    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(InputError, match="Permission denied"):
        load_spectrum(path)


def test_a_terminal_is_not_waited_for(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    with pytest.raises(InputError, match="standard input"):
        load_spectrum("-")


# --- built-in spectra -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(BUILTINS))
def test_every_builtin_loads_and_is_plausible(name):
    data = load_spectrum(f"builtin:{name}")
    assert data.source == f"builtin:{name}"
    assert data.clipped == 0
    assert data.eig.min() > 0
    assert 0.01 < data.trace / data.dim < 1.0


def test_builtin_names_are_sorted_and_complete():
    assert builtin_names() == sorted(BUILTINS)


@pytest.mark.parametrize("exponent", [1, 2, 3])
def test_power_laws_are_the_laws_they_name(exponent):
    """eig_k proportional to k^-a, 3072 directions, mean variance 1/4."""
    data = load_spectrum(f"builtin:power{exponent}")
    assert data.dim == 3072
    assert data.trace == pytest.approx(768.0)
    np.testing.assert_allclose(data.eig[9] / data.eig[0], 10.0**-exponent, rtol=1e-12)


def test_photos_fall_like_natural_images():
    """16 x 16 colour patches, first direction far above the last, roughly a power law between."""
    data = load_spectrum("builtin:photos")
    assert data.dim == 16 * 16 * 3
    assert data.max / data.eig[-1] > 1e3
    assert data.max / data.trace > 0.3


# --- number lists -----------------------------------------------------------------------------------


def test_lists_of_numbers(tmp_path):
    wish = [0.9, 0.5, 0.1]
    for path in (
        npy(tmp_path / "a.npy", np.array(wish)),
        text(tmp_path / "a.json", "[0.9, 0.5, 0.1]"),
        text(tmp_path / "a.csv", "0.9,0.5,0.1\n"),
        text(tmp_path / "a.txt", "0.9\n0.5\n0.1"),
    ):
        np.testing.assert_array_equal(load_list(path).values, wish)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.json", "{"), ("a.json", '{"a": 1}'), ("a.json", "[[1, 2]]"), ("a.txt", "one"), ("a.csv", ""), ("a.npy", "x")],
)
def test_bad_lists_of_numbers(tmp_path, name, content):
    with pytest.raises(InputError, match="numbers|JSON|numpy"):
        load_list(text(tmp_path / name, content))
    with pytest.raises(InputError, match="no file"):
        load_list(str(tmp_path / "none"))
