"""Numbers that mean no value: named by the caller, by attributes, by a fill value, or suspected where they stand far outside."""

from __future__ import annotations

import base64
import struct

import numpy as np
import pytest
from reading_helpers import answer, refused, trace

from diffopt.errors import InputError
from diffopt.estimation.sources.missing import Missing

DATA = np.round(5 * np.random.default_rng(5).standard_normal((200, 5)), 2)
REST = np.delete(DATA, [3, 150], axis=0)


def holed(mark, dtype="f8"):
    data = DATA.copy()
    data[3, 1] = data[150, 4] = mark
    return data.astype(dtype)


@pytest.mark.parametrize(
    ("mark", "dtype"),
    [(-9999.0, "f8"), (-9999.0, "f4"), (-999.0, "f4"), (1e20, "f4"), (9.969209968386869e36, "f4"), (9.969209968386869e36, "f8"),
     (-3.4028234663852886e38, "f4"), (-1.7976931348623157e308, "f8"), (9999.0, "f8"), (-32768, "i2"), (-2147483648, "i4")],
)  # fmt: skip
def test_a_usual_mark_far_outside_is_asked_about(mark, dtype, tmp_path, capsys):
    """Refused as it stands; left out where it is named; kept where it is said to be a number."""
    np.save(tmp_path / "a.npy", holed(mark, dtype))
    plain = ("--scale", "1")
    said = refused(capsys, tmp_path / "a.npy", *plain)
    assert "looks like a missing value" in said and "--missing none" in said
    rest = np.delete(holed(mark, dtype), [3, 150], axis=0)
    code, found, _ = answer(capsys, tmp_path / "a.npy", *plain, "--missing", str(np.dtype(dtype).type(mark)), "--skip-bad")
    assert (code, found["samples"], found["skipped"]) == (0, 198, 2)
    assert found["trace"] == pytest.approx(trace(rest), rel=1e-9)
    if abs(mark) < 1e30:
        code, found, _ = answer(capsys, tmp_path / "a.npy", *plain, "--missing", "none")
        assert found["trace"] == pytest.approx(trace(holed(mark, dtype)), rel=1e-6)


@pytest.mark.parametrize("mark", [9.96921e36, 1.7e38, -2.5e33])
def test_a_number_that_no_data_reach_is_asked_about(mark, tmp_path, capsys):
    """Written out with fewer digits, a fill value is no longer one of the usual marks."""
    np.savetxt(tmp_path / "a.csv", holed(mark), delimiter=",")
    assert "looks like a missing value" in refused(capsys, tmp_path / "a.csv")
    code, found, _ = answer(capsys, tmp_path / "a.csv", "--missing", str(mark), "--skip-bad")
    assert code == 0 and found["trace"] == pytest.approx(trace(REST), rel=1e-9)


def test_data_that_reach_far_are_data(tmp_path, capsys):
    """Numbers of 1e30 among others like them."""
    data = 1e31 * np.random.default_rng(1).standard_normal((50, 3))
    np.save(tmp_path / "a.npy", data)
    code, found, _ = answer(capsys, tmp_path / "a.npy")
    assert code == 0 and found["trace"] == pytest.approx(trace(data), rel=1e-9)


def test_marks_among_other_numbers_are_numbers(tmp_path, capsys):
    """Where the others reach as far, -9999 is one of them; full-range sound has -32768."""
    data = np.random.default_rng(1).uniform(-9000, 9000, (50, 3))
    data[7, 1] = -9999.0
    np.save(tmp_path / "a.npy", data)
    code, found, _ = answer(capsys, tmp_path / "a.npy")
    assert code == 0 and found["trace"] == pytest.approx(trace(data), rel=1e-9)
    pcm = np.random.default_rng(1).integers(-32000, 32000, (50, 3)).astype("i2")
    pcm[2, 2] = -32768
    np.save(tmp_path / "b.npy", pcm)
    assert answer(capsys, tmp_path / "b.npy")[0] == 0


def test_named_values_are_missing_wherever_they_stand(tmp_path, capsys):
    np.savetxt(tmp_path / "a.csv", holed(-1.0), delimiter=",")
    assert "sample 3 has NaN, infinite or missing values" in refused(capsys, tmp_path / "a.csv", "--missing", "-1,77")
    _, found, _ = answer(capsys, tmp_path / "a.csv", "--missing", "-1,77", "--skip-bad")
    assert found["trace"] == pytest.approx(trace(REST), rel=1e-9)
    assert "expected none, or numbers" in refused(capsys, tmp_path / "a.csv", "--missing", "x")


def test_the_words_of_the_flag():
    assert Missing.parse(None) == Missing((), True)
    assert Missing.parse(" None ") == Missing((), False)
    assert Missing.parse("-9999, 1e20") == Missing((-9999.0, 1e20), False)
    with pytest.raises(InputError):
        Missing.parse("")


@pytest.mark.parametrize("form", [2, 3])
def test_fill_values_of_packed_zarr_arrays_are_missing(form, tmp_path, capsys):
    """xarray keeps _FillValue as the array's fill value in format 2; in format 3 as an attribute in base64."""
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=form)
    packed = np.round(holed(-80.0) / 0.01).astype("i2")
    array = group.create_array("x", shape=packed.shape, chunks=(50, 5), dtype="i2", fill_value=-8000)
    array[:] = packed
    array.attrs["scale_factor"] = 0.01
    assert "sample 3 has" in refused(capsys, tmp_path / "a.zarr")
    _, found, _ = answer(capsys, tmp_path / "a.zarr", "--skip-bad")
    assert found["trace"] == pytest.approx(trace(REST), rel=1e-6)


def test_fill_values_in_base64(tmp_path, capsys):
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=3)
    array = group.create_array("x", shape=DATA.shape, chunks=(50, 5), dtype="f8")
    array[:] = holed(-7.25)
    array.attrs["_FillValue"] = base64.b64encode(struct.pack("<d", -7.25)).decode()
    assert "sample 3 has" in refused(capsys, tmp_path / "a.zarr")
    array.attrs["_FillValue"] = "not base64 =="
    assert "not a number" in refused(capsys, tmp_path / "a.zarr")


def test_chunks_that_nobody_wrote_are_counted(tmp_path, capsys):
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
    array = group.create_array("x", shape=(200, 5), chunks=(50, 5), dtype="f8", fill_value=0.0)
    array[:150] = DATA[:150]
    code, _, err = answer(capsys, tmp_path / "a.zarr")
    assert code == 0 and "1 of 4 chunks are not stored and read as the fill value 0" in err
