"""Frames of a RIFF or RF64 WAVE file: PCM of 8 to 32 bits and floats, headers of streams included."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffopt.errors import InputError
from diffopt.estimation.sources.source import Raw

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
#: Codings of telephones and the like, which are not numbers as they stand.
OTHERS = {2: "ADPCM", 6: "A-law", 7: "mu-law", 17: "ADPCM", 49: "GSM", 80: "MPEG", 85: "MP3"}
#: Second half of the identifier of an extensible format whose first two bytes are a plain code.
GUID = bytes.fromhex("000000001000800000aa00389b71")
#: Sizes that writers give to a stream: all ones; or this much and more (sox, arecord) beyond the end of the file.
UNKNOWN, STREAMED = 0xFFFFFFFF, 0x7FFF0000
#: Chunks of texts that follow the frames, and how far from the end they are looked for.
TEXTS, TAIL = (b"LIST", b"id3 ", b"ID3 "), 1 << 20


@dataclass(frozen=True)
class WavFormat:
    """The chunk `fmt `."""

    code: int
    channels: int
    rate: int
    align: int
    bits: int

    @classmethod
    def parse(cls, chunk: bytes, label: str) -> WavFormat:
        """Read the chunk.

        Raises
        ------
        InputError
            Another coding than PCM or floats, or sizes that contradict each other.
        """
        if len(chunk) < 16:
            raise InputError(f"{label}: the format chunk is too short; the file is broken")
        code, channels, rate, _, align, bits = struct.unpack("<HHIIHH", chunk[:16])
        if code == EXTENSIBLE and chunk[26:40] == GUID:
            code = int.from_bytes(chunk[24:26], "little")
        sizes = {PCM: (8, 16, 24, 32), FLOAT: (32, 64)}.get(code)
        if sizes is None:
            raise InputError(f"{label}: coding {OTHERS.get(code, code)} is not read; convert it to PCM, "
                             "e.g. ffmpeg -i IN.wav -c:a pcm_s16le OUT.wav")  # fmt: skip
        # Samples of 12 or 20 bits fill the upper bits of whole bytes.
        width = 8 * (align // channels) if channels and align % channels == 0 else 0
        if width not in sizes or not width - 8 < bits <= width:
            raise InputError(f"{label}: {channels} channels of {bits} bits in frames of {align} bytes are not read")
        return cls(code, channels, rate, align, width)

    @property
    def full_range(self) -> tuple[float, float] | None:
        """Stored numbers that mean -1 and 1; None for floats."""
        if self.code == FLOAT:
            return None
        return (0.0, 256.0) if self.bits == 8 else (-(2.0 ** (self.bits - 1)), 2.0 ** (self.bits - 1))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the frames; 24 bits are kept in 32."""
        if self.code == FLOAT:
            return np.dtype(f"<f{self.bits // 8}")
        return np.dtype({8: "u1", 16: "<i2", 24: "<i4", 32: "<i4"}[self.bits])

    def frames(self, data: Any) -> Raw:
        """Numbers of raw bytes, shape (frames, channels)."""
        count = len(data) // self.align
        whole = np.frombuffer(data, np.uint8, count * self.align)
        if self.bits != 24:
            return whole.view(self.dtype).reshape(count, self.channels)
        wide = np.zeros((count * self.channels, 4), np.uint8)
        wide[:, 1:] = whole.reshape(-1, 3)
        return (wide.view("<i4") >> 8).reshape(count, self.channels)


@dataclass(frozen=True)
class Wav:
    """A parsed file: where its frames are, how they are coded, and bytes after them that belong to nothing."""

    form: WavFormat
    begin: int
    size: int
    streamed: bool
    rest: int = 0

    @property
    def length(self) -> int:
        """Number of frames."""
        return self.size // self.form.align

    def frames(self, data: Any, start: int, stop: int) -> Raw:
        """Frames `start` to `stop` of the file's bytes."""
        align = self.form.align
        return self.form.frames(memoryview(data)[self.begin + start * align : self.begin + stop * align])


def parse_wav(data: Any, label: str) -> Wav:
    """Find format and frames in the bytes of a file; sizes that a stream could not know are those of the file.

    Raises
    ------
    InputError
        Not such a file, cut off, without frames, or coded in another way.
    """
    view = memoryview(data)
    kind = bytes(view[:4])
    if kind not in (b"RIFF", b"RF64") or bytes(view[8:12]) != b"WAVE":
        what = "big-endian RIFX is not read; convert it" if kind == b"RIFX" else "is not a WAVE file"
        raise InputError(f"{label}: {what}")
    place, form, long = 12, None, None
    while place + 8 <= len(view):
        name, size = bytes(view[place : place + 4]), struct.unpack("<I", view[place + 4 : place + 8])[0]
        place += 8
        if name == b"data":
            if form is None:
                raise InputError(f"{label}: the frames come before their format; the file is broken")
            return _framed(view, place, size if size != UNKNOWN or long is None else long, form, label)
        if place + size > len(view):
            break
        if name == b"fmt ":
            form = WavFormat.parse(bytes(view[place : place + size]), label)
        if name == b"ds64" and size >= 16:
            long = struct.unpack("<Q", view[place + 8 : place + 16])[0]
        place += size + size % 2
    raise InputError(f"{label}: has no frames; the file is empty or has been cut off")


def _framed(view: memoryview, place: int, size: int, form: WavFormat, label: str) -> Wav:
    rest = len(view) - place
    announced = struct.unpack("<I", view[4:8])[0]
    empty = size == 0 and rest > 0 and announced != len(view) - 8
    streamed = size == UNKNOWN or empty or (size > rest and size >= STREAMED)
    if streamed:
        size = rest
    if size > rest:
        raise InputError(f"{label}: {size} bytes of frames are announced and {rest} are there; it has been cut off")
    if size < form.align:
        raise InputError(f"{label}: has no frames")
    if streamed:
        size -= _trailing(view, place)
    return Wav(form, place, size, streamed, 0 if streamed else _stray(view, place + size + size % 2))


def _stray(view: memoryview, place: int) -> int:
    """Bytes from a place on that are no chunks; a size that has overflown leaves most frames there."""
    while place + 8 <= len(view):
        size = struct.unpack("<I", view[place + 4 : place + 8])[0]
        if not bytes(view[place : place + 4]).isascii() or place + 8 + size > len(view):
            return len(view) - place
        place += 8 + size + size % 2
    return 0


def _trailing(view: memoryview, begin: int) -> int:
    """Bytes of a last chunk of texts that closes a stream whose header gives no length."""
    tail = bytes(view[max(begin, len(view) - TAIL) :])
    for name in TEXTS:
        place = tail.rfind(name)
        if place >= 0 and place + 8 <= len(tail):
            size = struct.unpack("<I", tail[place + 4 : place + 8])[0]
            if place + 8 + size + size % 2 == len(tail):
                return len(tail) - place
    return 0
