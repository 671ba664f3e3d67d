"""Arrays as people store them: narrow floats, columns first, packed numbers, statistics instead of samples."""

from __future__ import annotations

import io
import json
import struct
import zipfile

import numpy as np
import pytest
from estimation_data import floats, npy_bytes
from reading_helpers import answer, collected, refused, remarks, trace

DATA = floats(60, (5,)).astype(np.float32)
BITS = (DATA.view("<u4") >> 16).astype("<u2")
#: bfloat16 is the upper half of a float32.
HALVES = (BITS.astype("<u4") << 16).view("<f4")


def safetensors(**tensors: tuple[str, tuple[int, ...], bytes]) -> bytes:
    header, body = {}, b""
    for name, (kind, shape, data) in tensors.items():
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps({"__metadata__": {"a": "b"}, **header}).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def test_bfloat16_of_safetensors(tmp_path, capsys):
    (tmp_path / "a.safetensors").write_bytes(safetensors(x=("BF16", BITS.shape, BITS.tobytes())))
    np.testing.assert_array_equal(collected(tmp_path / "a.safetensors"), HALVES)
    code, found, _ = answer(capsys, tmp_path / "a.safetensors")
    assert (code, found["dtype"]) == (0, "float32")
    assert found["trace"] == pytest.approx(trace(HALVES), rel=1e-9)


def test_bfloat16_of_numpy(tmp_path):
    """numpy writes the arrays of ml_dtypes as two bytes without a type."""
    void = BITS.view("V2")
    np.save(tmp_path / "a.npy", void)
    np.savez(tmp_path / "b.npz", x=void)
    np.savez_compressed(tmp_path / "c.npz", x=np.asfortranarray(void))
    for name in ("a.npy", "b.npz", "c.npz"):
        np.testing.assert_array_equal(collected(tmp_path / name), HALVES)
        assert "read as bfloat16" in remarks(tmp_path / name)


def test_eight_bit_floats(tmp_path, capsys):
    """All finite values against their definition: sign, exponent, mantissa (Micikevicius et al. 2022, table 1)."""
    codes = np.arange(256, dtype=np.uint8)
    for kind, bits, bias in (("F8_E4M3", 3, 7), ("F8_E5M2", 2, 15)):
        right = []
        for code in codes.tolist():
            exponent, mantissa = (code & 127) >> bits, code & ((1 << bits) - 1)
            fraction = mantissa / 2**bits
            size = (1 + fraction) * 2.0 ** (exponent - bias) if exponent else fraction * 2.0 ** (1 - bias)
            right.append(-size if code > 127 else size)
        finite = (codes & 127) < (127 if bits == 3 else 124)
        stored = codes[finite][: 2 * (finite.sum() // 2)].reshape(-1, 2)
        (tmp_path / f"{kind}.safetensors").write_bytes(safetensors(x=(kind, stored.shape, stored.tobytes())))
        found = collected(tmp_path / f"{kind}.safetensors")
        np.testing.assert_array_equal(found, np.array(right, np.float32)[stored])
    bad = np.array([[1, 127], [2, 3], [4, 5]], np.uint8)
    (tmp_path / "nan.safetensors").write_bytes(safetensors(x=("F8_E4M3", bad.shape, bad.tobytes())))
    assert "sample 0 has NaN" in refused(capsys, tmp_path / "nan.safetensors")


@pytest.mark.parametrize("kind", ["F8_E8M0", "F4", "C64", "I128"])
def test_other_number_formats_are_refused_by_name(kind, tmp_path, capsys):
    (tmp_path / "a.safetensors").write_bytes(safetensors(x=(kind, (4, 2), bytes(64))))
    assert f"dtype {kind} is not read" in refused(capsys, tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    ("end", "shape"), [(40, (4, 2)), (33, (4, 2)), (32, (5, 2)), (32, (-4, -2)), (1 << 60, (1 << 57, 1))]
)
def test_tensors_that_lie_are_refused(end, shape, tmp_path, capsys):
    text = json.dumps({"x": {"dtype": "F32", "shape": list(shape), "data_offsets": [0, end]}}).encode()
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(32))
    refused(capsys, tmp_path / "a.safetensors")


def test_columns_first(tmp_path):
    data = np.asfortranarray(floats(40, (3, 4)))
    np.save(tmp_path / "a.npy", data)
    np.savez(tmp_path / "a.npz", x=data)
    np.savez_compressed(tmp_path / "b.npz", x=data)
    (tmp_path / "c.zip").write_bytes(zipped({f"{i}.npy": npy_bytes(np.asfortranarray(x)) for i, x in enumerate(data[:9])}))
    for name in ("a.npy", "a.npz", "b.npz"):
        np.testing.assert_array_equal(collected(tmp_path / name), data)
    np.testing.assert_array_equal(collected(tmp_path / "c.zip"), data[:9])


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.uint16])
def test_stored_integers_of_8_and_16_bits_are_mapped(kind, tmp_path, capsys):
    limits = np.iinfo(kind)
    data = np.random.default_rng(0).integers(limits.min, limits.max, (50, 3), dtype=kind, endpoint=True)
    np.save(tmp_path / "a.npy", data)
    low, high = float(limits.min), float(limits.max) + (limits.min < 0)
    right = 2 * (data.astype(float) - low) / (high - low) - 1
    code, found, _ = answer(capsys, tmp_path / "a.npy")
    assert code == 0
    assert found["trace"] == pytest.approx(trace(right), rel=1e-12)
    assert found["pooled_mean"] == pytest.approx(right.mean(), abs=1e-12)


# Packed numbers of netCDF, HDF5, zarr.

REAL = 5 * floats(50, (5,)) + 280
PACKED = np.round((REAL - 280) / 0.01).astype("i2")
UNPACKED = PACKED * 0.01 + 280.0
ATTRIBUTES = {"scale_factor": 0.01, "add_offset": 280.0, "_FillValue": np.int16(-32768)}


def write(tmp_path, kind: str, data: np.ndarray, attributes: dict, fill: object = None):
    if kind in ("h5", "nc"):
        import h5py

        with h5py.File(tmp_path / f"a.{kind}", "w") as file:
            made = file.create_dataset("t2m", data=data)
            made.attrs.update(attributes)
            file.create_dataset("time_bnds", data=np.zeros((len(data), 2)))
            for name in ("time", "latitude"):
                file[name] = np.arange(data.shape[("time", "latitude").index(name)])
                file[name].make_scale(name)
            made.dims[0].attach_scale(file["time"])
        return tmp_path / f"a.{kind}"
    import zarr

    form = 2 if kind == "zarr2" else 3
    group = zarr.open_group(str(tmp_path / f"{kind}.zarr"), mode="w", zarr_format=form)
    options = {} if fill is None else {"fill_value": fill}
    made = group.create_array("t2m", shape=data.shape, dtype=data.dtype, chunks=(7, 5), **options)
    made[:] = data
    made.attrs.update({k: v.item() if hasattr(v, "item") else v for k, v in attributes.items()})
    return tmp_path / f"{kind}.zarr"


@pytest.mark.parametrize("kind", ["h5", "nc", "zarr2", "zarr3"])
def test_packed_numbers_are_unpacked(kind, tmp_path, capsys):
    path = write(tmp_path, kind, PACKED, ATTRIBUTES)
    np.testing.assert_allclose(collected(path), UNPACKED, rtol=1e-15)
    code, found, err = answer(capsys, path)
    assert code == 0
    assert found["trace"] == pytest.approx(trace(UNPACKED), rel=1e-9)
    assert "unpacked as stored * 0.01 + 280" in err
    # --range comes after unpacking.
    scaled = answer(capsys, path, "--range", "280,281:0,1")[1]
    assert scaled["pooled_mean"] == pytest.approx((UNPACKED - 280).mean(), rel=1e-9)


MISSING = {
    "fill value": ({"_FillValue": -9999.0}, -9999.0),
    "missing value": ({"missing_value": 1e20}, np.float32(1e20)),
    "both": ({"_FillValue": -1e30, "missing_value": -5e9}, -5e9),
    "valid range": ({"valid_range": [0.0, 1000.0]}, -0.5),
    "valid minimum": ({"valid_min": 100.0}, 99.0),
    "valid maximum": ({"valid_max": 1000.0}, 2000.0),
}


@pytest.mark.parametrize("name", MISSING)
@pytest.mark.parametrize("kind", ["h5", "zarr3"])
def test_missing_values_are_no_numbers(name, kind, tmp_path, capsys):
    attributes, value = MISSING[name]
    data = REAL.astype(np.float32)
    data[3, 1] = value
    path = write(tmp_path, kind, data, attributes)
    assert "sample 3 has NaN, infinite or missing values" in refused(capsys, path)
    code, found, _ = answer(capsys, path, "--skip-bad")
    assert (code, found["samples"]) == (0, 49)
    assert found["trace"] == pytest.approx(trace(np.delete(data, 3, axis=0)), rel=1e-6)


def test_fill_value_of_zarr_written_by_xarray(tmp_path, capsys):
    data = PACKED.copy()
    data[7, 2] = -32767
    path = write(tmp_path, "zarr2", data, {"scale_factor": 0.01, "_ARRAY_DIMENSIONS": ["time", "x"]}, -32767)
    assert "sample 7 has NaN, infinite or missing" in refused(capsys, path)


def test_unsigned_bits_in_signed_integers(tmp_path):
    stored = np.arange(10, dtype=np.uint8).reshape(5, 2) * 25
    path = write(tmp_path, "h5", stored.view(np.int8), {"_Unsigned": "true", "scale_factor": 2.0})
    np.testing.assert_array_equal(collected(path), 2.0 * stored)


@pytest.mark.parametrize(
    "attributes", [{"scale_factor": [1.0, 2.0]}, {"scale_factor": 0.0}, {"add_offset": "much"}, {"add_offset": np.nan}]
)
def test_packing_that_is_not_understood_is_refused(attributes, tmp_path, capsys):
    assert "attribute" in refused(capsys, write(tmp_path, "h5", PACKED, attributes))


def test_other_conventions_are_named_and_axes_too(tmp_path):
    said = remarks(write(tmp_path, "h5", PACKED, {"slope": 0.5}))
    assert "attribute 'slope' is not applied" in said
    assert "samples along the first axis, 'time'" in said


def test_classic_netcdf_is_refused_with_the_way_out(tmp_path, capsys):
    from scipy.io import netcdf_file

    with netcdf_file(tmp_path / "a.nc", "w") as file:
        file.createDimension("x", 3)
        file.createVariable("v", "f4", ("x",))[:] = 1
    assert "nccopy -k nc4" in refused(capsys, tmp_path / "a.nc")


def test_zarr_in_a_zip_file(tmp_path, capsys):
    import zarr

    data = floats(40, (3, 4)).astype(np.float32)
    store = zarr.storage.ZipStore(tmp_path / "a.zarr.zip", mode="w")
    for name in ("a", "b"):
        made = zarr.create_array(store, name=name, shape=data.shape, chunks=(7, 3, 4), dtype="f4")
        made[:] = data if name == "a" else -1
    store.close()
    np.testing.assert_array_equal(collected(tmp_path / "a.zarr.zip", key="a"), data)
    assert "several arrays (a, b)" in refused(capsys, tmp_path / "a.zarr.zip")


# Statistics instead of samples.


@pytest.mark.parametrize("size", [64, 192, 768])
def test_a_mean_beside_a_covariance_is_not_samples(size, tmp_path, capsys):
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((size + 50, size))
    np.savez(tmp_path / "a.npz", mu=rows.mean(0), sigma=np.cov(rows.T))
    for flags in ([], ["--key", "sigma"]):
        assert "'sigma' is a square matrix" in refused(capsys, tmp_path / "a.npz", *flags)


@pytest.mark.parametrize("suffix", ["npy", "npz", "h5", "safetensors", "csv", "zarr"])
def test_a_symmetric_matrix_is_not_samples(suffix, tmp_path, capsys):
    matrix = np.cov(floats(300, (70,)).T)
    path = tmp_path / f"a.{suffix}"
    if suffix == "npy":
        np.save(path, matrix)
    elif suffix == "npz":
        np.savez(path, a=matrix)
    elif suffix == "csv":
        np.savetxt(path, matrix, delimiter=",")
    elif suffix == "safetensors":
        path.write_bytes(safetensors(x=("F64", matrix.shape, matrix.tobytes())))
    elif suffix == "h5":
        import h5py

        with h5py.File(path, "w") as file:
            file["a"] = matrix
    else:
        import zarr

        zarr.create_array(str(path), shape=matrix.shape, dtype="f8")[:] = matrix
    assert "70 x 70 and symmetric: a covariance, not samples" in refused(capsys, path)


def test_square_samples_are_samples(tmp_path, capsys):
    data = floats(70, (70,))
    np.save(tmp_path / "a.npy", data)
    assert answer(capsys, tmp_path / "a.npy")[1]["trace"] == pytest.approx(trace(data), rel=1e-9)


def test_a_choice_among_arrays_is_said_or_asked_for(tmp_path, capsys):
    np.savez(tmp_path / "a.npz", x=DATA, y=DATA[::-1])
    np.testing.assert_array_equal(collected(tmp_path / "a.npz"), DATA)
    assert "array 'x' is read, y beside it not" in remarks(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", a=DATA, b=DATA)
    assert "several arrays (a, b); choose one with --key" in refused(capsys, tmp_path / "b.npz")


def test_a_spectrum_is_no_array_of_samples(tmp_path, capsys):
    np.savez(tmp_path / "a.npz", eigenvalues=np.ones(4), weights=np.ones(4))
    assert "it is a spectrum already" in refused(capsys, tmp_path / "a.npz")


# Limits have a flag, and the message names it.


def test_limits_name_their_flag(tmp_path, capsys):
    (tmp_path / "a.zip").write_bytes(zipped({f"{i}.npy": npy_bytes(x) for i, x in enumerate(floats(5, (30, 30)))}))
    assert "raise --max-member" in refused(capsys, tmp_path / "a.zip", "--max-member", "1e-6")
    assert "raise --max-expanded" in refused(capsys, tmp_path / "a.zip", "--max-expanded", "1e-6")
    path = write(tmp_path, "zarr3", PACKED, {})
    assert "raise --max-member" in refused(capsys, path, "--max-member", "1e-8")
    np.save(tmp_path / "b.npy", floats(5, (3000,)))
    assert "raise --memory" in refused(capsys, tmp_path / "b.npy", "--memory", "1e-6")


def test_members_that_compress_well_are_read(tmp_path, capsys):
    data = np.zeros((6, 300, 300))
    data[np.arange(6), np.arange(6), 7] = 1
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for i, x in enumerate(data):
            archive.writestr(f"{i}.npy", npy_bytes(x))
    code, found, _ = answer(capsys, tmp_path / "a.zip")
    assert code == 0
    assert found["trace"] == pytest.approx(6 * (1 - 1 / 6) / 5, rel=1e-9)


def test_an_array_larger_than_memory_is_refused_before_it_is_read(tmp_path, capsys):
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("x", (4, 10**12), "f8", chunks=(1, 10**6))
    assert "raise --memory" in refused(capsys, tmp_path / "a.h5")
