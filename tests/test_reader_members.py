"""Folders and archives: what belongs together is read together, what does not is asked for, the rest is counted."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from estimation_data import floats, npy_bytes, pixels, png_bytes
from reading_helpers import answer, collected, refused, remarks, trace
from test_reader_arrays import safetensors

DATA = floats(40, (4,))
Writer = Callable[[Path, dict[str, bytes]], Path]


def tarred(members: dict[str, bytes], mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def as_tar(place: Path, members: dict[str, bytes]) -> Path:
    (place / "a.tar").write_bytes(tarred(members))
    return place / "a.tar"


def as_tgz(place: Path, members: dict[str, bytes]) -> Path:
    (place / "a.tar.gz").write_bytes(tarred(members, "w:gz"))
    return place / "a.tar.gz"


def as_zip(place: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(place / "a.zip", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return place / "a.zip"


def as_folder(place: Path, members: dict[str, bytes]) -> Path:
    for name, content in members.items():
        (place / "d" / name).parent.mkdir(parents=True, exist_ok=True)
        (place / "d" / name).write_bytes(content)
    return place / "d"


WRITERS: dict[str, Writer] = {"tar": as_tar, "tar.gz": as_tgz, "zip": as_zip, "folder": as_folder}


@pytest.fixture(params=WRITERS)
def pack(request, tmp_path):
    return lambda members: WRITERS[request.param](tmp_path, members)


# Archives one after the other.


def parts() -> list[bytes]:
    return [tarred({f"{i:03}.npy": npy_bytes(DATA[i]) for i in range(k, k + 20)}) for k in (0, 20)]


@pytest.mark.parametrize("padding", [0, 512, 10240, 7 * 512])
@pytest.mark.parametrize("compress", [False, True])
def test_concatenated_archives_are_read_to_the_end(padding, compress, tmp_path):
    first, second = parts()
    if compress:
        content = gzip.compress(first + bytes(padding)) + gzip.compress(second)
    else:
        content = first.rstrip(b"\0").ljust(-(-len(first.rstrip(b"\0")) // 512) * 512, b"\0") + bytes(1024 + padding) + second
    name = "all.tar.gz" if compress else "all.tar"
    (tmp_path / name).write_bytes(content)
    np.testing.assert_array_equal(collected(tmp_path / name), DATA)
    assert "2 archives one after the other" in remarks(tmp_path / name)


def test_what_is_no_archive_after_the_end_mark_is_refused(tmp_path, capsys):
    (tmp_path / "a.tar").write_bytes(parts()[0] + b"hello " * 200)
    assert "follow the end mark" in refused(capsys, tmp_path / "a.tar")
    (tmp_path / "b.tar").write_bytes(parts()[0] + parts()[1][:7000])
    refused(capsys, tmp_path / "b.tar")


# Several members of one sample.


def components() -> dict[str, bytes]:
    members = {}
    for i in range(20):
        members |= {f"{i:03}.latent.npy": npy_bytes(DATA[i]), f"{i:03}.cond.npy": npy_bytes(100 * DATA[i + 20])}
    return members


def test_several_members_of_a_sample_are_asked_for(pack, capsys):
    path = pack(components())
    message = refused(capsys, path)
    assert "cond.npy" in message
    assert "latent.npy" in message
    assert "--key" in message
    np.testing.assert_array_equal(collected(path, key="latent.npy"), DATA[:20])
    np.testing.assert_array_equal(collected(path, key="cond.npy"), 100 * DATA[20:])
    assert "no member is called .other.npy" in refused(capsys, path, "--key", "other.npy")


def test_members_in_the_order_of_their_kind_are_asked_for_too(tmp_path, capsys):
    members = components()
    ordered = {n: members[n] for n in sorted(members, key=lambda n: n.partition(".")[2])}
    assert "several files have the same name" in refused(capsys, as_tar(tmp_path, ordered))


def test_images_beside_arrays_of_the_same_name_are_asked_for(pack, capsys):
    members = {}
    for i, image in enumerate(pixels(8)):
        members |= {f"{i}.png": png_bytes(image), f"{i}.npy": npy_bytes(DATA[i]), f"{i}.txt": b"a cat"}
    path = pack(members)
    assert "choose one with --key" in refused(capsys, path)
    np.testing.assert_array_equal(collected(path, key="npy"), DATA[:8])
    np.testing.assert_array_equal(collected(path, key="png"), pixels(8))


def test_dots_in_names_are_no_components(pack):
    members = {f"seed_{i}.5_cfg_{i}.0.npy": npy_bytes(DATA[i]) for i in range(9)}
    members |= {f"0.{i}_b.npy": npy_bytes(DATA[i]) for i in range(9)}
    assert len(collected(pack(members))) == 18


# Caches of latents: one archive an image.


def npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


LATENTS = floats(12, (4, 8, 6)).astype(np.float32)
SIZE = np.array([64, 48])
CACHES = {
    "npz, key latents": (".npz", [npz(latents=x, original_size=SIZE, crop_ltrb=np.zeros(4)) for x in LATENTS]),
    "npz, key with the size": (".npz", [npz(latents_8x6=x, original_size_8x6=SIZE, latents_flipped_8x6=x[..., ::-1])
                                        for x in LATENTS]),
    "npz, another key": (".npz", [npz(z=x, size=SIZE) for x in LATENTS]),
    "npz, compressed": (".npz", [npz(latents=np.asfortranarray(x)) for x in LATENTS]),
    "npz, batch of one": (".npz", [npz(latents=x[None]) for x in LATENTS]),
    "npy, batch of one": (".npy", [npy_bytes(x[None]) for x in LATENTS]),
    "safetensors": (".safetensors", [safetensors(latents_8x6_fp32=("F32", x.shape, x.tobytes())) for x in LATENTS]),
    "safetensors with a mask": (".safetensors", [safetensors(latents_8x6=("F32", x.shape, x.tobytes()),
                                                             alpha_mask_8x6=("F32", (8, 6), bytes(192))) for x in LATENTS]),
}  # fmt: skip


@pytest.mark.parametrize("name", CACHES)
def test_latents_one_file_an_image(name, pack):
    suffix, files = CACHES[name]
    path = pack({f"img{i:02}_0064x0048_sd{suffix}": content for i, content in enumerate(files)})
    np.testing.assert_array_equal(collected(path), LATENTS)


def test_bfloat16_latents_one_file_an_image(pack):
    bits = (LATENTS.view("<u4") >> 16).astype("<u2")
    files = [safetensors(latents_8x6_bf16=("BF16", x.shape, x.tobytes())) for x in bits]
    path = pack({f"{i:02}.safetensors": content for i, content in enumerate(files)})
    np.testing.assert_array_equal(collected(path), (bits.astype("<u4") << 16).view("<f4"))


def test_two_arrays_in_a_cache_are_asked_for_and_a_key_may_be_short(pack, capsys):
    path = pack({f"{i:02}.npz": npz(first_8x6=x, second_8x6=-x) for i, x in enumerate(LATENTS)})
    assert "several arrays" in refused(capsys, path)
    np.testing.assert_array_equal(collected(path, key="second"), -LATENTS)
    np.testing.assert_array_equal(collected(path, key="first_8x6"), LATENTS)


# What is left out.


def test_files_of_other_kinds_are_counted(pack, capsys):
    members = {f"{i}.png": png_bytes(x) for i, x in enumerate(pixels(6))}
    members |= {f"{i}.heic": b"x" for i in range(3)} | {f"{i}.txt": b"x" for i in range(2)} | {".hidden": b"x"}
    code, found, err = answer(capsys, pack(members))
    assert (code, found["samples"]) == (0, 6)
    assert "5 files of other kinds left out (.heic 3, .txt 2); convert the images to PNG" in err


def test_images_of_any_suffix_are_read(tmp_path):
    from PIL import Image

    images = pixels(10, (6, 6, 3))
    for i, x in enumerate(images):
        suffix, form = (("png", "PNG"), ("tga", "TGA"), ("bmp", "BMP"), ("webp", "WEBP"))[i % 4]
        options = {"lossless": True} if form == "WEBP" else {}
        Image.fromarray(x).save(tmp_path / f"{i}.{suffix}", form, **options)
    for i in range(3):
        Image.fromarray(np.full((6, 6, 3), 90, np.uint8)).save(tmp_path / f"z{i}.jfif", "JPEG")
    found = collected(tmp_path)
    np.testing.assert_array_equal(found[:10], images)
    assert len(found) == 13
    np.testing.assert_allclose(found[10:].astype(float), 90, atol=2)


@pytest.mark.parametrize(
    ("suffix", "hint"),
    [(".flac", "convert the sound to WAV"), (".mp3", "convert the sound to WAV"), (".pt", "pickles are never loaded"),
     (".parquet", "save the numbers as .npy"), (".mp4", "save the frames"), (".mat", "save the numbers")],
)  # fmt: skip
def test_known_formats_that_are_not_read_get_a_hint(suffix, hint, tmp_path, capsys):
    (tmp_path / f"a{suffix}").write_bytes(b"x")
    assert hint in refused(capsys, tmp_path / f"a{suffix}")
    assert hint in refused(capsys, tmp_path)


# Links.


def test_links_are_followed_and_loops_end(tmp_path):
    data = as_folder(tmp_path, {f"a/{i}.npy": npy_bytes(DATA[i]) for i in range(5)})
    linked = tmp_path / "l"
    linked.mkdir()
    os.symlink(data, linked / "train")
    os.symlink(linked, linked / "again")
    os.symlink(data / "a" / "0.npy", linked / "b.npy")
    np.testing.assert_array_equal(collected(linked), DATA[[0, 0, 1, 2, 3, 4]])
    assert "read once" in remarks(linked)


def test_unreadable_folders_are_refused_not_left_out(tmp_path, capsys, monkeypatch):
    """The system's refusal is put in the way, since a superuser may read everything."""
    data = as_folder(tmp_path, {f"{c}/{i}.npy": npy_bytes(DATA[i]) for c in "ab" for i in range(5)})
    scan = os.scandir

    def guarded(path):
        if str(path).endswith("/a"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", guarded)
    assert "Permission denied" in refused(capsys, data)


def test_a_trace_from_every_container(pack, capsys):
    path = pack({f"{i:02}.npy": npy_bytes(DATA[i]) for i in range(40)})
    assert answer(capsys, path)[1]["trace"] == pytest.approx(trace(DATA), rel=1e-9)
