"""Samples that are files of their own: images and arrays in a folder or an archive."""

from __future__ import annotations

import io
import warnings
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from diffopt.errors import InputError
from diffopt.estimation.readers.base import ReadOptions, channel_axis
from diffopt.estimation.readers.npz import npy_header
from diffopt.estimation.sources.source import Block, Raw, Source, real_dtype
from diffopt.foundation.guard import reading, require

IMAGES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".gif"}
#: Formats pillow may try. Not EPS, which would start another program.
FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF", "PPM", "GIF")
MODES = {"L": "L", "I;16": "I;16", "I;16B": "I;16", "1": "L", "LA": "L"}


def is_sample(name: str) -> bool:
    """Whether a member holds a sample, by its name; hidden files and other types do not."""
    path = PurePosixPath(name)
    return path.suffix.lower() in IMAGES | {".npy"} and not path.name.startswith(".")


def check_name(name: str, label: str) -> None:
    """Refuse member names that point outside of the archive.

    Nothing is ever written, so they could do no harm; but who made such an archive is not to be trusted.

    Raises
    ------
    InputError
        An absolute name, a parent reference or a NUL.
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if ".." in parts or name.startswith(("/", "\\")) or "\0" in name or (len(name) > 1 and name[1] == ":"):
        raise InputError(
            f"{label}: member {name[:80]!r} points outside of the archive; the archive is refused"
        )


def decode(name: str, data: bytes, options: ReadOptions) -> Raw:
    """Array of one image (height, width[, channels]) or one `.npy` member."""
    with reading(name):
        array = decode_npy(data, options) if name.lower().endswith(".npy") else decode_image(data, options)
        real_dtype(array.dtype, name)
        if array.size == 0:
            raise InputError(f"{name}: is empty")
        return array


def decode_npy(data: bytes, options: ReadOptions) -> Raw:
    """Array of `.npy` bytes, without pickles."""
    stream = io.BytesIO(data)
    shape, _, dtype = npy_header(stream)
    if int(np.prod([dtype.itemsize, *shape], dtype=object)) > options.max_member:
        raise ValueError(f"claims shape {shape}")
    stream.seek(0)
    return np.asarray(np.load(stream, allow_pickle=False))


def decode_image(data: bytes, options: ReadOptions) -> Raw:
    """Pixels of an image; palettes and transparency become RGB, 16-bit grey stays."""
    pillow: Any = require("PIL.Image", "pillow", "images", "reading images")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pillow.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > options.max_member // 4:
                raise ValueError(
                    f"{image.width} x {image.height} pixels; allowed are {options.max_member // 4}"
                )
            if getattr(image, "n_frames", 1) > 1:
                raise ValueError(f"{image.n_frames} frames; only single images are read")
            mode = MODES.get(image.mode, "RGB")
            return np.asarray(image if image.mode == mode else image.convert(mode))


class MemberSource(Source):
    """Equally shaped members, decoded one by one; the first usable one sets the shape.

    A subclass sets `label`, `options`, `count` and yields (name, bytes) in :meth:`members`.
    """

    options: ReadOptions
    repeatable = True

    @abstractmethod
    def members(self, start: int) -> Iterator[tuple[str, bytes | InputError]]:
        """Names and contents of members `start`, `start + 1`, ...; or the error of reading one."""

    def settle(self) -> None:
        """Take shape and dtype from the first usable member.

        Raises
        ------
        InputError
            There is none.
        """
        self.log = self.options.log
        self.shape, self.dtype = (), np.dtype(np.uint8)
        for name, data in self.members(0):
            first = self._usable(name, data)
            if first is not None:
                self.shape, self.dtype = first.shape, first.dtype
                break
        else:
            raise InputError(f"{self.label}: no usable images or arrays")
        self.channels = channel_axis(self.shape, self.options.channels)

    def _usable(self, name: str, data: bytes | InputError) -> Raw | None:
        try:
            if isinstance(data, InputError):
                raise data
            array = decode(f"{self.label}:{name}", data, self.options)
            if array.ndim == 0:
                raise InputError(f"{self.label}:{name}: is a single number, not a sample")
            if self.shape and (array.shape != self.shape or array.dtype != self.dtype):
                raise InputError(
                    f"{self.label}:{name}: {array.dtype} of shape {array.shape}, but the first sample is "
                    f"{self.dtype} of shape {self.shape}; bring all to one size and type"
                )
        except InputError as error:
            self.log.refuse(name, error)
            return None
        return array

    def rows(self, start: int, stop: int | None, size: int) -> Iterator[Block]:
        """Decode members in blocks; a bad member leaves its block shorter."""
        held, index = [], start
        for name, data in self.members(start):
            if stop is not None and index >= stop:
                break
            array = self._usable(name, data)
            if array is not None:
                held.append(array)
            index += 1
            if (index - start) % size == 0:
                yield index, self._stack(held)
                held = []
        if held or (index - start) % size:
            yield index, self._stack(held)

    def _stack(self, held: list[Raw]) -> Raw:
        return np.stack(held) if held else np.zeros((0, *self.shape), self.dtype)
