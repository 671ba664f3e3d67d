"""Numbers that are related to eigenvalues and are none: refused by their names, in tables, archives and JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from diffopt.documents.column_meanings import MEANINGS, POWERS
from diffopt.documents.spectrum_file import load_spectrum
from diffopt.errors import InputError

EIG = [4.0, 2.0, 1.0, 0.25]


def column(tmp_path, name, values=EIG):
    path = tmp_path / "a.csv"
    path.write_text("\n".join([name, *map(repr, values)]))
    return str(path)


SPELLED = (
    "Std", "Explained_Variance_Ratio", "singular_values_", "log10(eigenvalue)", "Log Eigenvalue", "sdev", "pc_std", "Std. Dev",
    "std.deviation", "var_ratio", "variance (percent)", "eig_sqrt", "cumulative_variance_explained",
)  # fmt: skip


@pytest.mark.parametrize("name", [*MEANINGS, *SPELLED])
def test_a_column_of_something_else_is_refused(name, tmp_path):
    with pytest.raises(InputError, match="not eigenvalues") as caught:
        load_spectrum(column(tmp_path, name))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["weight", "count", "mean", "mu"])
def test_weights_and_means_alone_are_no_spectrum(name, tmp_path):
    with pytest.raises(InputError, match="no eigenvalues beside it"):
        load_spectrum(column(tmp_path, name))


@pytest.mark.parametrize("name", ["eigenvalue", "Variance", "explained_variance_", "0", "lambda", "x1"])
def test_eigenvalues_by_any_other_name(name, tmp_path):
    assert load_spectrum(column(tmp_path, name)).trace == 7.25


@pytest.mark.parametrize("power", POWERS)
def test_a_power_spectrum_is_no_list_of_eigenvalues(power, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"k,{power}\n" + "\n".join(f"{i},{v}" for i, v in enumerate(EIG, 1)))
    with pytest.raises(InputError, match="synthesize radial"):
        load_spectrum(str(path))


@pytest.mark.parametrize("key", ["sigma", "cov", "covariance", "C"])
def test_a_list_is_no_covariance(key, tmp_path):
    np.savez(tmp_path / "a.npz", **{key: np.sqrt(EIG), "mu": np.zeros(4)})
    (tmp_path / "a.json").write_text(json.dumps({key: EIG}))
    for name in ("a.npz", "a.json"):
        with pytest.raises(InputError, match="no covariance matrix"):
            load_spectrum(str(tmp_path / name))


def test_a_key_in_the_singular(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"eigenvalue": EIG}))
    assert load_spectrum(str(tmp_path / "a.json")).trace == 7.25


def test_true_and_false_are_no_numbers(tmp_path):
    np.save(tmp_path / "a.npy", np.array([True, False]))
    with pytest.raises(InputError, match="real numbers"):
        load_spectrum(str(tmp_path / "a.npy"))


def test_a_covariance_with_names_of_rows_and_columns(tmp_path):
    """As pandas writes df.cov().to_csv()."""
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 4)))[0]
    cov = turn @ np.diag(EIG) @ turn.T
    lines = [f"{n}," + ",".join(repr(float(v)) for v in row) for n, row in zip("abcd", (cov + cov.T) / 2, strict=True)]
    (tmp_path / "a.csv").write_text(",a,b,c,d\n" + "\n".join(lines))
    np.testing.assert_allclose(load_spectrum(str(tmp_path / "a.csv")).eig, EIG, rtol=1e-12)


@pytest.mark.parametrize("first", ["% eigenvalues\n", "sep=;\n", "# note\n"])
def test_lines_that_are_no_numbers(first, tmp_path):
    (tmp_path / "a.csv").write_text(first + "4\n2\n1\n0.25\n\x1a")
    assert load_spectrum(str(tmp_path / "a.csv")).trace == 7.25


def test_names_of_variables_beside_a_covariance_mean_nothing(tmp_path):
    """The rows and columns of a covariance are called as the data are."""
    (tmp_path / "c.csv").write_text(",log_price,sd_ratio\nlog_price,2,0.5\nsd_ratio,0.5,1\n")
    assert load_spectrum(str(tmp_path / "c.csv")).trace == 3
    (tmp_path / "d.csv").write_text("log_price,sd_ratio\n2,0.5\n0.5,1\n")
    assert load_spectrum(str(tmp_path / "d.csv")).trace == 3
