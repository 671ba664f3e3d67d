"""Every reader gives back what another package has written."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from estimation_data import WRITERS, floats, npy_bytes, pixels, png_bytes, reference

from diffopt.errors import InputError, MissingExtraError
from diffopt.estimation import estimate
from diffopt.estimation.facts import facts
from diffopt.estimation.readers import READERS, open_source
from diffopt.estimation.readers.base import ReadOptions
from diffopt.estimation.sources.channels import channels_of
from diffopt.estimation.sources.source import Log
from diffopt.foundation.guard import require


def collected(source, start=0, stop=None, size=7):
    blocks = list(source.rows(start, stop, size))
    return np.concatenate([b for _, b in blocks]), blocks[-1][0]


def test_every_reader_has_a_writer():
    assert list(WRITERS) == list(READERS)


@pytest.mark.parametrize("name", READERS)
def test_reads_all_samples_in_order(name, tmp_path):
    path, data = WRITERS[name](tmp_path)
    source = open_source(path)
    assert source.shape == data.shape[1:]
    rows, after = collected(source)
    np.testing.assert_array_equal(rows, data)
    assert after == len(data)
    assert source.count in (len(data), None)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_reads_any_range(name, size, tmp_path):
    path, data = WRITERS[name](tmp_path)
    start, stop = len(data) // 3, len(data) - 1
    rows, after = collected(open_source(path), start, stop, size)
    np.testing.assert_array_equal(rows, data[start:stop])
    assert after == stop


@pytest.mark.parametrize("name", [n for n in READERS if n != "wav"])
def test_estimates_the_covariance_of_what_was_written(name, tmp_path):
    path, data = WRITERS[name](tmp_path)
    numbers = data.astype(np.float64)
    if data.dtype == np.uint8:
        numbers = numbers / 127.5 - 1
    expected = reference(numbers)
    found = estimate(path, "pca", block=5)
    eig = np.repeat(found.spectrum.eig, found.spectrum.weight.astype(int))
    np.testing.assert_allclose(eig, expected, atol=1e-10 * expected[0])
    assert found.raw.pooled_std == pytest.approx(numbers.std(), rel=1e-12)
    assert facts(found)["samples"] == len(data)


@pytest.mark.parametrize("name", READERS)
def test_reader_can_be_named_by_force(name, tmp_path):
    path, data = WRITERS[name](tmp_path)
    assert open_source(path, reader=name).shape == data.shape[1:]


@pytest.mark.parametrize(
    ("shape", "choice", "axis"),
    [((3, 8, 8), "auto", 0), ((8, 8, 3), "auto", 2), ((8, 8), "auto", None), ((2, 9), "first", 0),
     ((9, 2), "last", 1), ((3, 8, 8), "none", None), ((16, 8, 8), "auto", 0), ((12,), "auto", None)],
)  # fmt: skip
def test_channel_axis(shape, choice, axis):
    assert channels_of(shape, choice).axis == axis


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_bad_members_are_named_or_skipped_and_counted(kind, tmp_path):
    data = pixels()
    members = {f"{i:03d}.png": png_bytes(image) for i, image in enumerate(data)}
    members["004.png"] = members["004.png"][:40]
    members["005.png"] = png_bytes(pixels(1, (9, 9, 3))[0])
    path = tmp_path / f"data.{kind}"
    write_archive(path, members)
    with pytest.raises(InputError, match=r"004\.png"):
        estimate(path)
    found = estimate(path, read=ReadOptions(log=Log(skip=True)))
    kept = np.delete(data, [4, 5], axis=0) / 127.5 - 1
    assert facts(found)["skipped"] == 2
    assert facts(found)["skipped_names"] == ["004.png", "005.png"]
    expected = reference(kept)
    eig = np.repeat(found.spectrum.eig, found.spectrum.weight.astype(int))
    np.testing.assert_allclose(eig, expected, atol=1e-10 * expected[0])


def write_archive(path: Path, members: dict[str, bytes]) -> None:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        return
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def test_arrays_in_archives_are_samples_too(tmp_path):
    data = floats(20, (3, 2))
    write_archive(tmp_path / "latents.tar", {f"{i}.npy": npy_bytes(x) for i, x in enumerate(data)})
    rows, _ = collected(open_source(tmp_path / "latents.tar"))
    np.testing.assert_array_equal(rows, data)


def test_a_folder_of_shards_is_read_shard_after_shard(tmp_path):
    data = floats(20, (3, 2))
    for shard in (0, 1):
        part = {f"{i}.npy": npy_bytes(x) for i, x in enumerate(data[10 * shard : 10 * shard + 10])}
        write_archive(tmp_path / f"shard-{shard}.tar", part)
    rows, _ = collected(open_source(tmp_path))
    np.testing.assert_array_equal(rows, data)


def test_nan_samples_are_named_or_skipped(tmp_path):
    data = floats(40)
    data[17, 3] = np.nan
    np.save(tmp_path / "a.npy", data)
    with pytest.raises(InputError, match="sample 17"):
        estimate(tmp_path / "a.npy", block=8)
    found = estimate(tmp_path / "a.npy", block=8, read=ReadOptions(log=Log(skip=True)))
    expected = reference(np.delete(data, 17, axis=0))
    np.testing.assert_allclose(found.spectrum.eig, expected, atol=1e-10 * expected[0])
    assert facts(found)["skipped"] == 1


def test_windows_of_sound_overlap_by_the_hop(tmp_path):
    path, _ = WRITERS["wav"](tmp_path)
    import scipy.io.wavfile

    sound = scipy.io.wavfile.read(path)[1]
    rows, _ = collected(open_source(path, ReadOptions(window=1000, hop=250)))
    np.testing.assert_array_equal(rows[5], sound[1250:2250].T)
    assert len(rows) == (len(sound) - 1000) // 250 + 1


def test_missing_package_is_one_line():
    with pytest.raises(MissingExtraError, match=r"pip install 'diffopt\[arrays\]'"):
        require("a_package_that_is_not_there", "h5py", "arrays", "reading HDF5")
