"""Pixels keep their numbers: every mode of pillow, every depth, against the numbers that were written."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from reading_helpers import answer, collected, refused, remarks, trace

RNG = np.random.default_rng(0)
UNIT = (0.5 + 0.15 * RNG.standard_normal((30, 6, 5))).clip(0, 1)
WIDE = np.round(UNIT * 65535).astype(np.uint16)
BYTES = np.round(UNIT * 255).astype(np.uint8)
COLOURS = RNG.integers(0, 256, (30, 6, 5, 3)).astype(np.uint8)


def tiff(pixels: np.ndarray, sample_format: int, order: str = "<", photometric: int = 1) -> bytes:
    """A grey TIFF of one strip, written tag by tag (TIFF 6.0, section 3)."""
    data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    height, width = pixels.shape
    bits = 8 * pixels.dtype.itemsize
    short, long = 3, 4
    tags = [(256, short, width), (257, short, height), (258, short, bits), (259, short, 1), (262, short, photometric),
            (273, long, 134), (277, short, 1), (278, short, height), (279, long, len(data)),
            (339, short, sample_format)]  # fmt: skip
    entries = b""
    for number, kind, value in tags:
        packed = struct.pack(order + ("H2x" if kind == short else "I"), value)
        entries += struct.pack(order + "HHI", number, kind, 1) + packed
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(tags))
    return head + entries + struct.pack(order + "I", 0) + data


def png16(pixels: np.ndarray, colour: int) -> bytes:
    """A 16-bit PNG, written chunk by chunk (grey: colour type 0, RGB: 2)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def folder(tmp_path: Path, suffix: str, files: list[bytes]) -> Path:
    place = tmp_path / "images"
    place.mkdir(parents=True)
    for i, content in enumerate(files):
        (place / f"{i:03}{suffix}").write_bytes(content)
    return place


FLOATS = (2 * UNIT - 1).astype(np.float32)
#: Name: suffix, files, the numbers that are right.
KEPT = {
    "16-bit PGM": (".pgm", [b"P5\n5 6\n65535\n" + x.astype(">u2").tobytes() for x in WIDE], WIDE),
    "16-bit PNG": (".png", [png16(x, 0) for x in WIDE], WIDE),
    "16-bit TIFF": (".tif", [tiff(x, 1) for x in WIDE], WIDE),
    "16-bit big-endian TIFF": (".tif", [tiff(x, 1, ">") for x in WIDE], WIDE),
    "signed 16-bit TIFF": (".tif", [tiff((x // 2).astype(np.int16) - 9000, 2) for x in WIDE],
                           (WIDE // 2).astype(np.int16) - 9000),
    "int32 TIFF": (".tif", [tiff(x.astype(np.int32) - 70000, 2) for x in WIDE], WIDE.astype(np.int32) - 70000),
    "uint32 TIFF": (".tif", [tiff(x.astype(np.uint32) + np.uint32(3_000_000_000), 1) for x in WIDE],
                    WIDE.astype(np.uint32) + np.uint32(3_000_000_000)),
    "signed 8-bit TIFF": (".tif", [tiff(x.view(np.int8), 2) for x in BYTES], BYTES.view(np.int8)),
    "float TIFF": (".tiff", [saved(Image.fromarray(x), "TIFF") for x in FLOATS], FLOATS),
    "big-endian float TIFF": (".tiff", [tiff(x, 3, ">") for x in FLOATS], FLOATS),
    "grey PNG": (".png", [saved(Image.fromarray(x), "PNG") for x in BYTES], BYTES),
    "RGB PNG": (".png", [saved(Image.fromarray(x), "PNG") for x in COLOURS], COLOURS),
    "RGB BMP": (".bmp", [saved(Image.fromarray(x), "BMP") for x in COLOURS], COLOURS),
    "RGB TGA": (".tga", [saved(Image.fromarray(x), "TGA") for x in COLOURS], COLOURS),
    "RGB WebP": (".webp", [saved(Image.fromarray(x), "WEBP", lossless=True) for x in COLOURS], COLOURS),
    "RGB PPM": (".ppm", [saved(Image.fromarray(x), "PPM") for x in COLOURS], COLOURS),
    "RGB JPEG 2000": (".jp2", [saved(Image.fromarray(x), "JPEG2000") for x in COLOURS], COLOURS),
    "opaque RGBA": (".png", [saved(Image.fromarray(np.dstack([x, np.full((6, 5), 255, np.uint8)])), "PNG")
                             for x in COLOURS], COLOURS),
    "grey with alpha": (".png", [saved(Image.merge("LA", [Image.fromarray(x), Image.fromarray(255 - x)]), "PNG")
                                 for x in BYTES], BYTES),
    "two tones": (".png", [saved(Image.fromarray(x > 128), "PNG") for x in BYTES], 255 * (BYTES > 128).astype(np.uint8)),
}  # fmt: skip


@pytest.mark.parametrize("name", KEPT)
def test_pixels_keep_their_numbers(name, tmp_path):
    suffix, files, right = KEPT[name]
    found = collected(folder(tmp_path, suffix, files))
    assert found.dtype == right.dtype
    np.testing.assert_array_equal(found, right)


def test_palettes_become_the_colours_they_stand_for(tmp_path):
    palette = RNG.integers(0, 256, (256, 3)).astype(np.uint8)
    files = []
    for x in BYTES:
        image = Image.fromarray(x)
        image.putpalette(palette.tobytes())
        files.append(saved(image, "PNG"))
    np.testing.assert_array_equal(collected(folder(tmp_path, ".png", files)), palette[BYTES])


@pytest.mark.parametrize("name", ["16-bit PGM", "16-bit PNG", "16-bit TIFF", "16-bit big-endian TIFF"])
def test_sixteen_bits_are_mapped_by_their_full_range(name, tmp_path, capsys):
    suffix, files, right = KEPT[name]
    code, found, _ = answer(capsys, folder(tmp_path, suffix, files))
    assert code == 0
    assert found["dim"] == 30
    assert found["trace"] == pytest.approx(trace(2 * right.astype(float) / 65535 - 1), rel=1e-9)


def test_floating_pixels_are_not_scaled(tmp_path, capsys):
    code, found, _ = answer(capsys, folder(tmp_path, ".tiff", KEPT["float TIFF"][1]))
    assert code == 0
    assert (found["dtype"], found["scale"]["origin"]) == ("float32", "none")
    assert found["trace"] == pytest.approx(trace(FLOATS), rel=1e-9)


def test_pixels_of_32_bits_ask_for_their_range(tmp_path, capsys):
    place = folder(tmp_path, ".tif", [tiff(x.astype(np.int32), 2) for x in WIDE])
    assert "--range 0,65535:-1,1" in refused(capsys, place)
    code, found, _ = answer(capsys, place, "--range", "0,65535:-1,1")
    assert code == 0
    assert found["trace"] == pytest.approx(trace(2 * WIDE.astype(float) / 65535 - 1), rel=1e-9)
    assert answer(capsys, place, "--scale", "1")[1]["trace"] == pytest.approx(trace(WIDE), rel=1e-9)


def test_colours_of_16_bits_are_read_with_8_and_it_is_said(tmp_path):
    wide = RNG.integers(0, 65536, (10, 6, 5, 3)).astype(np.uint16)
    place = folder(tmp_path, ".png", [png16(x, 2) for x in wide])
    np.testing.assert_array_equal(collected(place), (wide >> 8).astype(np.uint8))
    assert "10 files: 16-bit colours are read with 8 bits" in remarks(place)


def test_pixels_of_12_bits_are_noticed(tmp_path, capsys):
    place = folder(tmp_path, ".tif", [tiff(x // 16, 1) for x in WIDE])
    assert "--range 0,4095:-1,1" in answer(capsys, place)[2]
    stretched = folder(tmp_path / "pgm", ".pgm", [b"P5\n5 6\n4095\n" + (x // 16).astype(">u2").tobytes() for x in WIDE])
    assert "pixels from 0 to 4095 are stretched" in remarks(stretched)


def test_transparency_that_is_left_out_is_said(tmp_path):
    half = [saved(Image.fromarray(np.dstack([x, x[..., :1]])), "PNG") for x in COLOURS]
    assert "30 files: transparency is left out" in remarks(folder(tmp_path, ".png", half))


@pytest.mark.parametrize(
    ("mode", "form", "suffix"), [("CMYK", "JPEG", ".jpg"), ("LAB", "TIFF", ".tif"), ("YCbCr", "TIFF", ".tif")]
)
def test_other_modes_are_refused_by_name(mode, form, suffix, tmp_path, capsys):
    files = [saved(Image.new(mode, (5, 6)), form) for _ in range(3)]
    place = folder(tmp_path, suffix, files)
    with Image.open(place / f"000{suffix}") as image:
        opened = image.mode
    if opened == "RGB":
        assert collected(place).shape == (3, 6, 5, 3)
    else:
        assert f"pixel mode {opened} is not read" in refused(capsys, place)


@pytest.mark.parametrize("form", ["GIF", "TIFF", "WEBP", "PNG"])
def test_animations_and_pages_are_refused(form, tmp_path, capsys):
    frames = [Image.fromarray(x) for x in COLOURS[:3]]
    place = folder(tmp_path, f".{form.lower()}", [saved(frames[0], form, save_all=True, append_images=frames[1:])] * 2)
    assert "3 frames or pages" in refused(capsys, place)


def test_the_photo_of_a_phone_is_its_first_picture(tmp_path):
    flat = [np.full((16, 16, 3), 20 * i, np.uint8) for i in range(10)]
    files = [saved(Image.fromarray(x), "JPEG", quality=95) for x in flat]
    second = Image.fromarray(np.full((8, 8, 3), 255, np.uint8))
    files[4] = saved(Image.fromarray(flat[4]), "MPO", save_all=True, append_images=[second])
    place = folder(tmp_path, ".jpg", files)
    np.testing.assert_allclose(collected(place).astype(float), np.stack(flat).astype(float), atol=2)
    assert "MPO: the first picture is read" in remarks(place)


def test_grey_among_colours_asks_for_a_mode(tmp_path, capsys):
    grey = {0, 9}
    files = [saved(Image.fromarray(BYTES[i] if i in grey else COLOURS[i]), "PNG") for i in range(30)]
    place = folder(tmp_path, ".png", files)
    assert "--mode RGB or --mode L" in refused(capsys, place)
    assert "28 of 30 samples are bad" in refused(capsys, place, "--skip-bad")
    right = np.stack([np.repeat(BYTES[i][..., None], 3, axis=2) if i in grey else COLOURS[i] for i in range(30)])
    np.testing.assert_array_equal(collected(place, mode="RGB"), right)
    # ITU-R 601-2 luma, as pillow documents it.
    luma = np.round(COLOURS[1] @ np.array([0.299, 0.587, 0.114]))
    np.testing.assert_allclose(collected(place, mode="L")[1], luma, atol=1)


def test_a_mode_of_8_bits_does_not_squeeze_deeper_pixels(tmp_path, capsys):
    place = folder(tmp_path, ".tif", KEPT["16-bit TIFF"][1])
    assert "--mode RGB would lose them" in refused(capsys, place, "--mode", "RGB")
    assert "mode must be L or RGB" in refused(capsys, place, "--mode", "HSV")


def test_what_pillow_does_not_know_is_said(tmp_path, capsys):
    place = folder(tmp_path, ".tiff", [tiff(x, 3) for x in 250 + 50 * UNIT])
    assert "a kind of TIFF that is not read" in refused(capsys, place)
    assert "no image of a known kind" in refused(capsys, folder(tmp_path / "b", ".png", [b"hello"] * 3))


def test_a_single_image_is_refused_for_being_one(tmp_path, capsys):
    (tmp_path / "a.png").write_bytes(KEPT["RGB PNG"][1][0])
    assert "a single image is one sample" in refused(capsys, tmp_path / "a.png")


def test_grey_with_alpha_of_16_bits_stays_grey(tmp_path):
    """Pillow opens it as four channels of 8 bits; the loss is said."""
    grey = np.random.default_rng(0).integers(0, 256, (5, 6, 6)).astype(np.uint16) * 257
    files = [png16(np.stack([g, np.full_like(g, 65535)], -1), 4) for g in grey]
    path = folder(tmp_path, ".png", files)
    np.testing.assert_array_equal(collected(path), grey // 257)
    assert "read with 8 bits" in remarks(path) and "transparency" not in remarks(path)


def test_a_picture_that_asks_to_be_turned_is_said(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 6, 3)).astype("u1")
    path = folder(tmp_path, ".png", [saved(Image.fromarray(p), "PNG", exif=exif) for p in pixels])
    np.testing.assert_array_equal(collected(path), pixels)
    assert "EXIF asks to turn or mirror the picture" in remarks(path)


def test_white_that_is_zero_is_turned_around_or_refused(tmp_path, capsys):
    """Of 8 bits pillow turns the numbers around; those of 16 it would leave, and the mean would have the wrong sign."""
    found = collected(folder(tmp_path / "8", ".tif", [tiff(x, 1, photometric=0) for x in BYTES]))
    np.testing.assert_array_equal(found, 255 - BYTES)
    err = refused(capsys, folder(tmp_path / "16", ".tif", [tiff(x, 1, photometric=0) for x in WIDE]))
    assert "WhiteIsZero" in err and "0.tif" in err
