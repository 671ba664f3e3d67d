"""Sound as people have it: every depth and header, in folders and archives."""

from __future__ import annotations

import io
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from reading_helpers import answer, collected, refused, remarks, trace
from test_reader_members import as_folder, as_tar, as_tgz, as_zip

RNG = np.random.default_rng(3)
SOUND = np.clip(0.3 * RNG.standard_normal(6400), -1, 1)
WINDOWS = SOUND.reshape(400, 16)


def pcm(sound: np.ndarray, bits: int, channels: int = 1, rate: int = 16000) -> bytes:
    """A WAV file by Python's own writer; 8 bits are offset by 128."""
    full = 2 ** (bits - 1) - 1
    numbers = np.round(full * sound).astype("<i4")
    if bits == 8:
        data = (numbers + 128).astype(np.uint8).tobytes()
    else:
        data = numbers.view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes()
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(bits // 8)
        file.setframerate(rate)
        file.writeframes(data)
    return buffer.getvalue()


def riff(code: int, bits: int, data: bytes, channels: int = 1, extra: bytes = b"", before: bytes = b"", sizes=None) -> bytes:
    """A WAV file chunk by chunk; `sizes` overrides what the header says of RIFF and data."""
    align = channels * ((bits + 7) // 8)
    form = struct.pack("<HHIIHH", code, channels, 16000, 16000 * align, align, bits) + extra
    whole, part = sizes or (len(form) + len(data) + len(before) + 20, len(data))
    body = b"WAVE" + before + b"fmt " + struct.pack("<I", len(form)) + form
    return b"RIFF" + struct.pack("<I", whole) + body + b"data" + struct.pack("<I", part) + data


def extensible(code: int, valid: int) -> bytes:
    return struct.pack("<HHIH", 22, valid, 4, code) + bytes.fromhex("000000001000800000aa00389b71")


F32, F64 = SOUND.astype("<f4").tobytes(), SOUND.astype("<f8").tobytes()
I24 = (np.round(SOUND * (2**23 - 1)).astype("<i4")).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
LIST = b"LIST" + struct.pack("<I", 5) + b"hello\0"
#: Name: file, and the tolerance of its rounding.
FILES = {
    "8 bits": (pcm(SOUND, 8), 2.0**-7),
    "16 bits": (pcm(SOUND, 16), 2.0**-14),
    "24 bits": (pcm(SOUND, 24), 2.0**-22),
    "32 bits": (pcm(SOUND, 32), 2.0**-30),
    "floats": (riff(3, 32, F32), 1e-7),
    "doubles": (riff(3, 64, F64), 1e-15),
    "extensible floats": (riff(0xFFFE, 32, F32, extra=extensible(3, 32)), 1e-7),
    "extensible 24 bits": (riff(0xFFFE, 24, I24, extra=extensible(1, 24)), 2.0**-22),
    "20 bits in 24": (riff(0xFFFE, 24, I24, extra=extensible(1, 20)), 2.0**-19),
    "other chunks before": (riff(3, 32, F32, before=LIST), 1e-7),
    "other chunks after": (riff(3, 32, F32) + LIST, 1e-7),
    "sizes of a pipe": (riff(3, 32, F32, sizes=(0xFFFFFFFF, 0xFFFFFFFF)), 1e-7),
    "sizes of zero": (riff(3, 32, F32, sizes=(0, 0)), 1e-7),
    "sizes of sox": (riff(3, 32, F32, sizes=(0x7FFFF024, 0x7FFFF000)), 1e-7),
}


@pytest.mark.parametrize("name", FILES)
def test_full_scale_is_one(name, tmp_path, capsys):
    content, rounding = FILES[name]
    (tmp_path / "a.wav").write_bytes(content)
    code, found, _ = answer(capsys, tmp_path / "a.wav", "--window", "16")
    assert (code, found["samples"], found["shape"]) == (0, 400, [1, 16])
    assert found["trace"] == pytest.approx(trace(WINDOWS), rel=4 * rounding + 1e-9)


def test_long_files_have_their_size_elsewhere(tmp_path):
    """RF64 (EBU Tech 3306): sizes of 64 bits in the chunk ds64."""
    plain = riff(3, 32, F32, sizes=(0xFFFFFFFF, 0xFFFFFFFF))
    sizes = b"ds64" + struct.pack("<IQQQI", 28, len(plain), len(F32), 6400, 0)
    (tmp_path / "a.wav").write_bytes(b"RF64" + plain[4:12] + sizes + plain[12:] + LIST)
    np.testing.assert_allclose(collected(tmp_path / "a.wav", window=16)[:, 0], WINDOWS, atol=1e-7)


@pytest.mark.parametrize("name", ["sizes of a pipe", "sizes of zero", "sizes of sox"])
def test_a_header_without_length_is_said(name, tmp_path):
    (tmp_path / "a.wav").write_bytes(FILES[name][0])
    assert "read to the end of the file" in remarks(tmp_path / "a.wav", window=16)


BROKEN = {
    "cut off": (pcm(SOUND, 16)[:-100], "has been cut off"),
    "empty": (riff(1, 16, b""), "has no frames"),
    "empty but for a list": (riff(1, 16, b"", sizes=(50, 0)) + LIST, "has no frames"),
    "A-law": (riff(6, 8, bytes(9999)), "coding A-law is not read; convert it to PCM"),
    "mu-law": (riff(7, 8, bytes(9999)), "coding mu-law"),
    "MP3 inside": (riff(85, 16, bytes(9999)), "coding MP3"),
    "big-endian": (b"RIFX" + pcm(SOUND, 16)[4:], "RIFX"),
    "not sound": (b"hello" * 100, "is not a WAVE file"),
    "12 bits in one byte": (riff(1, 12, bytes(9999))[:32] + b"\1\0" + riff(1, 12, bytes(9999))[34:], "are not read"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_other_codings_and_broken_files_are_refused(name, tmp_path, capsys):
    content, said = BROKEN[name]
    (tmp_path / "a.wav").write_bytes(content)
    assert said in refused(capsys, tmp_path / "a.wav", "--window", "16")


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_stereo_keeps_its_channels(bits, tmp_path):
    both = np.stack([SOUND, -SOUND / 2], axis=1)
    (tmp_path / "a.wav").write_bytes(pcm(both.ravel(), bits, channels=2))
    found = collected(tmp_path / "a.wav", window=64, hop=16).astype(float)
    full = 2.0 ** (bits - 1) - 1
    assert found.shape == (397, 2, 64)
    right = np.round(full * both[16 * 5 : 16 * 5 + 64].T) + (128 if bits == 8 else 0)
    np.testing.assert_array_equal(found[5], right)


LAYOUT = {f"{label}/{i}.wav": pcm(0.1 * RNG.standard_normal(1600), 16) for label in ("no", "yes") for i in range(3)}


@pytest.mark.parametrize("write", [as_folder, as_tar, as_tgz, as_zip])
def test_sound_in_folders_and_archives(write, tmp_path, capsys):
    path = write(tmp_path, LAYOUT)
    right = []
    for content in LAYOUT.values():
        with wave.open(io.BytesIO(content)) as file:
            right.append(np.frombuffer(file.readframes(1600), "<i2").reshape(10, 160))
    np.testing.assert_array_equal(collected(path, window=160)[:, 0], np.concatenate(right))
    code, found, err = answer(capsys, path, "--window", "160")
    assert (code, found["samples"], found["method"]) == (0, 60, "fourier")
    assert "windows of sound are stationary" in err


def test_rates_and_depths_are_not_mixed(tmp_path, capsys):
    path = as_folder(tmp_path, {"a.wav": pcm(SOUND, 16), "b.wav": pcm(SOUND, 16, rate=44100), "c.wav": pcm(SOUND, 24)})
    assert "the first file has" in refused(capsys, path, "--window", "16")
    code, found, _err = answer(capsys, path, "--window", "16", "--skip-bad")
    assert (code, found["samples"], found["skipped"]) == (0, 400, 2)


def test_windows_longer_than_the_sound_are_refused_with_its_length(tmp_path, capsys):
    (tmp_path / "a.wav").write_bytes(pcm(SOUND, 16))
    assert "sounds of 6400 at most" in refused(capsys, tmp_path / "a.wav")


def test_sound_beside_images_is_asked_for(tmp_path: Path, capsys):
    from estimation_data import pixels, png_bytes

    path = as_folder(tmp_path, {**LAYOUT, "a.png": png_bytes(pixels(1)[0])})
    assert "choose with --key wav" in refused(capsys, path)
    assert len(collected(path, key="wav", window=160)) == 60


def test_bytes_that_no_chunk_holds_are_said(tmp_path):
    """A length that has overflown: 640 bytes are announced and 12800 are there."""
    data = riff(1, 16, pcm_bytes())
    place = data.index(b"data") + 4
    (tmp_path / "a.wav").write_bytes(data[:place] + (640).to_bytes(4, "little") + data[place + 4 :])
    assert collected(tmp_path / "a.wav", window=16).shape == (20, 1, 16)
    assert "12160 bytes after the frames are no chunk" in remarks(tmp_path / "a.wav", window=16)


@pytest.mark.parametrize("name", [b"LIST", b"id3 "])
def test_texts_at_the_end_are_no_sound(name, tmp_path):
    """After frames of known and of unknown length."""
    texts = name + (400).to_bytes(4, "little") + b"INFO" + bytes(396)
    plain = riff(1, 16, pcm_bytes())
    right = collected_bytes(tmp_path, plain)
    np.testing.assert_array_equal(collected_bytes(tmp_path, plain + texts), right)
    place = plain.index(b"data") + 4
    stream = plain[:4] + b"\xff" * 4 + plain[8:place] + b"\xff" * 4 + plain[place + 4 :]
    np.testing.assert_array_equal(collected_bytes(tmp_path, stream + texts), right)
    assert "no chunk" not in remarks(tmp_path / "a.wav", window=16)


def test_sounds_shorter_than_a_window_are_counted(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "a.wav").write_bytes(riff(1, 16, pcm_bytes()))
    for name in "bc":
        (tmp_path / "s" / f"{name}.wav").write_bytes(riff(1, 16, pcm_bytes()[:14]))
    assert len(collected(tmp_path / "s", window=16)) == 400
    assert "2 files: shorter than a window of 16 frames and left out" in remarks(tmp_path / "s", window=16)


def pcm_bytes() -> bytes:
    return np.round(32767 * np.clip(SOUND.ravel()[:6400], -1, 1)).astype("<i2").tobytes()


def collected_bytes(tmp_path: Path, data: bytes) -> np.ndarray:
    (tmp_path / "a.wav").write_bytes(data)
    return collected(tmp_path / "a.wav", window=16)
