"""What samples mean: axes of channels, labels, scale and mean, clusters, posterior operators."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from estimation_data import floats, npy_bytes, reference
from reading_helpers import answer, refused, trace
from test_reader_members import as_folder, as_zip

from diffopt.cli.main import main
from diffopt.errors import InputError
from diffopt.estimation import estimate
from diffopt.estimation.ensembles.labels import joined
from diffopt.estimation.readers.base import ReadOptions
from diffopt.estimation.sources.channels import channels_of

# Channels.


@pytest.mark.parametrize(
    ("shape", "axis"),
    [((3, 8, 8), 0), ((8, 8, 3), 2), ((1, 9, 7), 0), ((9, 7, 4), 2), ((16, 4, 4), 0), ((4, 4, 16), 2), ((128, 16, 16), 0),
     ((12, 64, 64), 0), ((8, 8), None), ((32, 64), None), ((5,), None), ((16, 3, 8, 8), 1), ((16, 8, 8, 3), 3)],
)  # fmt: skip
def test_channels_that_are_certain(shape, axis):
    found = channels_of(shape, "auto")
    assert (found.axis, found.doubt) == (axis, None)


@pytest.mark.parametrize(
    "shape",
    [(16, 16, 16), (16, 24, 32), (13, 8, 8), (3, 9, 4), (12, 5000), (2, 400), (4, 16, 8, 8), (16, 4, 8, 8), (3, 16, 8, 8),
     (8, 8, 8, 8), (2, 3, 4, 5, 6)],
)  # fmt: skip
def test_channels_that_have_to_be_asked_for(shape, tmp_path, capsys):
    assert channels_of(shape, "auto").doubt is not None
    np.save(tmp_path / "a.npy", np.random.default_rng(0).standard_normal((3, *shape)).astype("f4"))
    assert "say --channels" in refused(capsys, tmp_path / "a.npy", "--method", "fourier")


@pytest.mark.parametrize(("choice", "axis"), [("first", 0), ("last", 3), ("1", 1), ("2", 2), ("none", None)])
def test_channels_can_be_said(choice, axis):
    assert channels_of((5, 6, 7, 8), choice).axis == axis


@pytest.mark.parametrize(("shape", "choice"), [((5, 6), "2"), ((5,), "first"), ((5, 6), "middle"), ((5, 6), "-1")])
def test_channels_that_are_not_there(shape, choice):
    with pytest.raises(InputError, match="channels"):
        channels_of(shape, choice)


@pytest.mark.parametrize("axis", [0, 1, 3])
def test_independent_channels_give_their_variances(axis, tmp_path, capsys):
    """White fields with a deviation per channel: every eigenvalue is a channel's variance."""
    deviations = np.linspace(0.2, 3, 8)
    shape = [6, 6, 6, 6]
    shape[axis] = 8
    scale = deviations.reshape([-1 if i == axis else 1 for i in range(4)])
    data = np.random.default_rng(7).standard_normal((300, *shape)) * scale
    np.save(tmp_path / "a.npy", data)
    code, found, err = answer(capsys, tmp_path / "a.npy", "--method", "fourier", "--channels", str(axis), "--radial")
    assert code == 0
    assert f"axis {axis} of samples" in err
    right = np.sort(deviations**2)[::-1]
    eig, weight = np.array(found["eigenvalues"]), np.array(found["weights"])
    # Each variance belongs to an eighth of the directions.
    at = np.searchsorted(np.cumsum(weight) / weight.sum(), (np.arange(8) + 0.5) / 8)
    np.testing.assert_allclose(eig[at], right, rtol=0.1)


# Labels.

ROWS = floats(60, (4,)) + 3 * np.arange(60)[:, None] % 7
CLASSES = np.random.default_rng(9).integers(0, 3, 60)
ONE_HOT = np.eye(3, dtype=int)[CLASSES]


def lines(*columns: object, header: str = "", separator: str = ",") -> bytes:
    rows = [separator.join(map(str, row)) for row in zip(*columns, strict=True)]
    return "\n".join([*([header] if header else []), *rows]).encode()


WORDS = np.array(["cat", "dog", "owl"])[CLASSES]
#: Name: suffix, content; all say CLASSES, in words or numbers.
LABELS = {
    "list": (".txt", lines(CLASSES)),
    "list with a name": (".csv", lines(CLASSES, header="label")),
    "list with another name": (".csv", lines(CLASSES, header="species")),
    "words": (".txt", lines(WORDS)),
    "words with a name": (".csv", lines(WORDS, header="class")),
    "byte order mark": (".csv", b"\xef\xbb\xbf" + lines(CLASSES, header="label")),
    "UTF-16": (".csv", lines(WORDS, header="label").decode().encode("utf-16")),
    "number and label": (".csv", lines(range(60), CLASSES, header="id,label")),
    "number and label without names": (".csv", lines(range(1, 61), CLASSES)),
    "label and more": (".csv", lines(range(60), WORDS, range(60), header="id,class,age")),
    "semicolons": (".csv", lines(range(60), WORDS, header="id;label", separator=";")),
    "tabs": (".tsv", lines(range(60), WORDS, header="id\tlabel", separator="\t")),
    "index of a table": (".csv", lines(range(60), WORDS, header=",label")),
    "one-hot text": (".csv", lines(*ONE_HOT.T)),
    "one-hot with names": (".csv", lines(*ONE_HOT.T, header="a,b,c")),
    "list of numpy": (".npy", npy_bytes(CLASSES)),
    "column of numpy": (".npy", npy_bytes(CLASSES[:, None])),
    "floats of numpy": (".npy", npy_bytes(CLASSES.astype(float))),
    "words of numpy": (".npy", npy_bytes(WORDS)),
    "one-hot numpy": (".npy", npy_bytes(ONE_HOT)),
    "one-hot booleans": (".npy", npy_bytes(ONE_HOT.astype(bool))),
    "one-hot floats": (".npy", npy_bytes(ONE_HOT.astype("f4"))),
    "JSON list": (".json", json.dumps(CLASSES.tolist()).encode()),
    "dataset.json": (".json", json.dumps({"labels": [[f"{i}.png", int(c)] for i, c in enumerate(CLASSES)]}).encode()),
}  # fmt: skip


@pytest.mark.parametrize("name", LABELS)
def test_labels_as_people_have_them(name, tmp_path, capsys):
    suffix, content = LABELS[name]
    np.save(tmp_path / "x.npy", ROWS)
    (tmp_path / f"l{suffix}").write_bytes(content)
    code, found, err = answer(capsys, tmp_path / "x.npy", "--labels", str(tmp_path / f"l{suffix}"))
    assert code == 0, err
    traces = [np.dot(m["eigenvalues"], m["weights"]) for m in found["members"]]
    np.testing.assert_allclose(traces, [trace(ROWS[CLASSES == c]) for c in range(3)], rtol=1e-9)
    np.testing.assert_allclose([m["probability"] for m in found["members"]], np.bincount(CLASSES) / 60)


NOT_LABELS = {
    "too few": (".csv", lines(CLASSES[:-1], header="label"), "59 labels for 60 samples"),
    "too many": (".csv", lines([*CLASSES, 1]), "61 labels for 60 samples"),
    "no column named": (".csv", lines(range(60), CLASSES, CLASSES, header="a,b,c"), "none called label or class"),
    "two ones": (".npy", npy_bytes(ONE_HOT + ONE_HOT[:, ::-1]), "a single 1 each"),
    "numbers out of order": (".csv", lines(range(59, -1, -1), CLASSES, header="id,label"), "in order"),
    "other names": (".csv", lines([f"f{i}" for i in range(60)], CLASSES, header="file,label"), "not those of"),
    "missing": (".csv", lines(range(60), ["" if i == 7 else "a" for i in range(60)], header="id,label"), "empty cell"),
    "NaN": (".npy", npy_bytes(np.where(CLASSES == 1, np.nan, CLASSES)), "NaN"),
    "nulls": (".json", json.dumps([None] * 60).encode(), "no label"),
    "labels null": (".json", b'{"labels": null}', "no list"),
    "archive": (".npz", b"x", "save the list as .npy"),
}


@pytest.mark.parametrize("name", NOT_LABELS)
def test_labels_that_are_not_understood(name, tmp_path, capsys):
    suffix, content, said = NOT_LABELS[name]
    np.save(tmp_path / "x.npy", ROWS)
    (tmp_path / f"l{suffix}").write_bytes(content)
    assert said in refused(capsys, tmp_path / "x.npy", "--labels", str(tmp_path / f"l{suffix}"))


@pytest.mark.parametrize("pack", [as_folder, as_zip])
@pytest.mark.parametrize("form", ["csv", "json"])
def test_labels_are_matched_by_the_names_of_files(pack, form, tmp_path, capsys):
    path = pack(tmp_path, {f"c/img{i:02}.npy": npy_bytes(ROWS[i]) for i in range(60)})
    order = np.random.default_rng(0).permutation(60)
    if form == "csv":
        content = lines([f"img{i:02}.npy" for i in order], CLASSES[order], header="filename,label")
    else:
        content = json.dumps({f"c/img{i:02}.npy": int(CLASSES[i]) for i in order}).encode()
    (tmp_path / f"l.{form}").write_bytes(content)
    code, found, err = answer(capsys, path, "--labels", str(tmp_path / f"l.{form}"))
    assert code == 0, err
    traces = [np.dot(m["eigenvalues"], m["weights"]) for m in found["members"]]
    np.testing.assert_allclose(traces, [trace(ROWS[CLASSES == c]) for c in range(3)], rtol=1e-9)


def test_clusters_of_one_join_their_neighbours(tmp_path, capsys):
    data = floats(80, (6,))
    data[5] += 1000
    data[6] -= 1000
    np.save(tmp_path / "a.npy", data)
    code, found, err = answer(capsys, tmp_path / "a.npy", "--clusters", "8")
    assert code == 0, err
    assert 2 <= len(found["members"]) < 8
    assert "clusters of a single sample were joined" in err


def test_lonely_points_go_to_the_nearest_centre_that_is_left():
    points = np.array([[0.0], [1.0], [10.0], [11.0], [12.0], [100.0]])
    numbers, lonely = joined(points, np.array([[0.5], [11.0], [100.0]]))
    assert (numbers.tolist(), lonely) == ([0, 0, 1, 1, 1, 1], 1)


# Scale and mean.


def test_standardizing_is_said_and_right(tmp_path, capsys):
    data = 320 * floats(50, (3, 4)) + 267.37
    np.save(tmp_path / "a.npy", data)
    code, found, _err = answer(capsys, tmp_path / "a.npy", "--standardize", "0.5")
    right = 0.5 * (data - data.mean()) / data.std()
    assert code == 0
    assert found["trace"] == pytest.approx(trace(right), rel=1e-9)
    assert found["pooled_mean"] == pytest.approx(0, abs=1e-12)
    assert found["pooled_std"] == pytest.approx(0.5, rel=1e-12)
    assert found["scale"]["origin"] == "standardized"
    assert found["scale"]["scale"] == pytest.approx(0.5 / data.std(), rel=1e-12)
    for flags in (["--scale", "2"], ["--shift", "1"], ["--range", "0,1:0,2"]):
        assert "leave out" in refused(capsys, tmp_path / "a.npy", "--standardize", "0.5", *flags)
    for wrong in ("0", "-1", "nan", "inf"):
        assert "--standardize" in refused(capsys, tmp_path / "a.npy", "--standardize", wrong)


def test_a_mean_beside_which_the_spread_is_small_is_said(tmp_path, capsys):
    """Subtracting the mean, then scaling, as two flags are often read, is not what they mean."""
    data = 16.5 * floats(200, (6,)) + 267.37
    np.save(tmp_path / "a.npy", data)
    _, found, err = answer(capsys, tmp_path / "a.npy", "--shift", "-267.37", "--scale", "0.0303")
    right = 0.0303 * data - 267.37
    assert found["pooled_mean"] == pytest.approx(right.mean(), rel=1e-9)
    assert f"the mean {right.mean():.4g} is {abs(right.mean()) / right.std():.3g} standard deviations from 0" in err
    assert "--shift is added after --scale" in err
    _, _, err = answer(capsys, tmp_path / "a.npy", "--standardize", "0.5")
    assert "standard deviations from 0" not in err


def test_skipping_is_for_a_few(tmp_path, capsys):
    data = floats(9, (4,))
    data[:5, 0] = np.nan
    np.save(tmp_path / "a.npy", data)
    assert "5 of 9 samples are bad" in refused(capsys, tmp_path / "a.npy", "--skip-bad")
    data[4, 0] = 1
    np.save(tmp_path / "a.npy", data)
    code, _, err = answer(capsys, tmp_path / "a.npy", "--skip-bad")
    assert code == 0
    assert "4 bad samples skipped" in err
    assert "add --skip-bad" not in err


def test_the_method_is_explained_by_what_it_does(tmp_path, capsys):
    np.save(tmp_path / "a.npy", floats(9, (500,)))
    assert "inner products of 9 samples" in answer(capsys, tmp_path / "a.npy")[2]
    np.save(tmp_path / "b.npy", floats(40, (50,)))
    assert "the matrix of 50 dimensions takes 20 kB" in answer(capsys, tmp_path / "b.npy")[2]


def test_null_directions_are_counted(tmp_path, capsys):
    """Molecules without their centre of mass: three directions have no variance (a sum of zero on each axis)."""
    data = np.random.default_rng(5).standard_normal((500, 6, 3)) * 1.3
    data -= data.mean(1, keepdims=True)
    np.save(tmp_path / "a.npy", data)
    eig = reference(data)
    code, found, err = answer(capsys, tmp_path / "a.npy")
    assert code == 0
    assert found["rank"] == 15
    assert found["condition"] == pytest.approx(eig[0] / eig[14], rel=1e-9)
    assert "3 of 18 directions have no variance" in err


def test_tiles_ask_for_channels(tmp_path, capsys):
    np.save(tmp_path / "a.npy", floats(9, (16, 16, 16)))
    assert "--patches" in refused(capsys, tmp_path / "a.npy", "--patches", "4")
    assert estimate(tmp_path / "a.npy", read=ReadOptions(channels="none")).samples.source.doubt is None


# Posterior operators.


@pytest.mark.parametrize("operator", ["inpainting:0.5", "blur:1", "super_resolution:2"])
def test_operators_on_pixels_are_refused_for_a_spectrum(operator, capsys):
    assert main(["spectrum", "posterior", "builtin:photos", "--operator", operator, "--noise", "0.1"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "acts on pixels" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [["power:2", "--shape", "1000000,1000000", "--operator", "diagonal:1"],
     ["power:nan", "--shape", "8,8", "--operator", "blur:1"],
     ["power:2", "--shape", "8,8", "--operator", "compressed_sensing:1000000000"],
     ["power:2", "--shape", "500,500", "--operator", "inpainting:0.5"], ["power:2", "--shape", "8,8", "--operator", "blur:nan"],
     ["zero.npz", "--operator", "diagonal:1"], ["power:2", "--shape", "8,8", "--operator", "diagonal:inf"]],
)  # fmt: skip
def test_posterior_refuses_what_would_not_fit(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("zero.npz").touch()
    assert main(["spectrum", "posterior", *words, "--noise", "0.1"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_a_blur_without_end_keeps_only_the_mean(capsys):
    """Width infinity: the measurement sees the zero mode alone, whose variance becomes p / (1 + p / noise^2)."""
    assert main(["spectrum", "posterior", "power:2", "--shape", "8,8", "--operator", "blur:1e300", "--noise", "0.1"]) == 0
    found = json.loads(capsys.readouterr().out)
    k = np.hypot(*np.meshgrid(8 * np.fft.fftfreq(8), 8 * np.fft.fftfreq(8)))
    power = np.maximum(k, 1) ** -2.0
    power *= 64 / power.sum()
    right = power.ravel()
    right[0] = 1 / (1 / right[0] + 1 / 0.01)
    repeated = np.repeat(found["eigenvalues"], np.array(found["weights"], int))
    np.testing.assert_allclose(np.sort(repeated), np.sort(right), rtol=1e-12)
