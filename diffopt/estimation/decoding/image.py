"""Pixels of an image, as they are stored: only pillow's modes on a list are converted."""

from __future__ import annotations

import io
import re
import warnings
from typing import Any

import numpy as np

from diffopt.errors import InputError
from diffopt.estimation.readers.base import ReadOptions
from diffopt.estimation.sources.source import Log, Raw
from diffopt.foundation.guard import reading, require

#: Formats pillow may try. Not EPS, which would start another program.
FORMATS = ("PNG", "JPEG", "MPO", "BMP", "DIB", "WEBP", "TIFF", "PPM", "GIF", "TGA", "JPEG2000", "AVIF", "QOI")
#: Modes whose numbers numpy gets as they are.
PLAIN = {"L", "RGB", "F", "I", "I;16", "I;16L", "I;16B", "I;16N"}
#: Modes that are converted, and to what: nothing that is a number changes, but alpha is left out.
CONVERTED = {"1": "L", "LA": "L", "La": "L", "P": "RGB", "PA": "RGB", "RGBA": "RGB", "RGBX": "RGB"}
ALPHA = {"LA", "PA", "RGBA"}
PNG = b"\x89PNG\r\n\x1a\n"
#: TIFF tags: bits of a sample, and 1 unsigned, 2 signed, 3 floating.
BITS, SAMPLE_FORMAT = 258, 339
#: TIFF tag that is 0 where 0 is white; pillow turns 8 bits around and leaves 16.
PHOTOMETRIC = 262
#: EXIF tag: how to turn the picture before it is shown.
ORIENTATION = 274


def decode_image(data: bytes, name: str, options: ReadOptions) -> Raw:
    """Array (height, width[, channels]) of an image.

    Raises
    ------
    InputError
        Several frames, a mode that is not read, or too many pixels.
    """
    pillow: Any = require("PIL.Image", "pillow", "images", "reading images")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pillow.init()
        try:
            with reading(name):
                image = pillow.open(io.BytesIO(data), formats=[f for f in FORMATS if f in pillow.OPEN])
        except InputError as error:
            if isinstance(error.__cause__, pillow.UnidentifiedImageError):
                raise InputError(f"{name}: {_unknown(data)}") from None
            raise
        with image:
            options.check_member(4 * image.width * image.height, f"{name}: {image.width} x {image.height} pixels")
            _check_frames(image, name, options.log)
            if options.mode is not None:
                with reading(name):
                    return _asked(image, data, name, options)
            with reading(name):
                return _numbers(image, data, name, options.log)


def _unknown(data: bytes) -> str:
    """Why pillow has not recognised an image."""
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "a kind of TIFF that is not read (doubles, several bands, big TIFF?), or broken; save the numbers as .npy"
    return "no image of a known kind, or broken"


def _check_frames(image: Any, name: str, log: Log) -> None:
    frames = getattr(image, "n_frames", 1)
    if image.format == "MPO":
        log.remark("MPO: the first picture is read, the others (previews, depth) are not", name)
    elif frames > 1:
        raise InputError(f"{name}: {frames} frames or pages; save the one that is meant as a single image")


def _asked(image: Any, data: bytes, name: str, options: ReadOptions) -> Raw:
    """Pixels in the mode of `--mode`; deeper ones are not squeezed into 8 bits."""
    if image.mode in PLAIN - {"L", "RGB"}:
        raise InputError(
            f"{name}: pixel mode {image.mode} has more than 8 bits, --mode {options.mode} would lose them; leave it out"
        )
    if image.mode not in {"L", "RGB", "CMYK", "YCbCr", *CONVERTED}:
        raise InputError(f"{name}: pixel mode {image.mode} is not read; save it as RGB or grey")
    _say_losses(image, data, name, options.log)
    if image.mode != options.mode:
        options.log.remark(f"converted from mode {image.mode} to {options.mode}", name)
    return np.asarray(image.convert(options.mode))


def _numbers(image: Any, data: bytes, name: str, log: Log) -> Raw:
    if image.mode not in PLAIN and image.mode not in CONVERTED:
        raise InputError(f"{name}: pixel mode {image.mode} is not read; save it as RGB or grey, or try --mode RGB")
    _say_losses(image, data, name, log)
    if image.mode in CONVERTED:
        # Pillow opens grey PNG of 16 bits with alpha as four channels.
        grey = data[:8] == PNG and data[24:26] == b"\x10\x04"
        return np.asarray(image.convert("L" if grey else CONVERTED[image.mode]))
    array = np.asarray(image)
    array = array.astype(array.dtype.newbyteorder("="))
    if image.format == "TIFF":
        return _retyped(array, image, name)
    if image.format == "PPM" and image.mode == "I":
        # Some versions of pillow open 16-bit PGM so; the numbers are 0 to 65535.
        return array.astype(np.uint16)
    return array


def _retyped(array: Raw, image: Any, name: str) -> Raw:
    """TIFF samples whose sign pillow does not keep, and those whose white it does not turn around."""
    form, bits = _tag(image, SAMPLE_FORMAT, 1), _tag(image, BITS, 8)
    if _tag(image, PHOTOMETRIC, 1) == 0 and form == 1 and bits > 8:
        raise InputError(f"{name}: 0 is white in this TIFF of {bits} bits (WhiteIsZero); save it with 0 as black")
    if array.dtype == np.int32 and form == 1 and bits == 32:
        return array.view(np.uint32)
    if array.dtype == np.uint8 and form == 2:
        return array.view(np.int8)
    if form == 2 and bits == 16:
        return array.astype(np.int16)
    return array


def _tag(image: Any, number: int, default: int) -> int:
    value = image.tag_v2.get(number, default)
    return int(value[0] if isinstance(value, tuple) else value)


def _say_losses(image: Any, data: bytes, name: str, log: Log) -> None:
    """What pillow has thrown away, or will."""
    opaque = image.mode in ALPHA and image.getchannel("A").getextrema() == (255, 255)
    if not opaque and (image.mode in ALPHA or "transparency" in image.info):
        log.remark("transparency is left out, as in most training code", name)
    largest = _pnm_largest(data)
    deep = (data[:8] == PNG and data[24:25] == b"\x10") or largest > 255
    deep = deep or (image.format == "TIFF" and _tag(image, BITS, 8) > 8)
    if deep and image.mode in ("L", "LA", "RGB", "RGBA", "CMYK"):
        log.remark("16-bit colours are read with 8 bits (pillow keeps the upper byte); save them as .npy to keep all", name)
    if "exif" in image.info and image.getexif().get(ORIENTATION, 1) != 1:
        log.remark("EXIF asks to turn or mirror the picture; pixels are read as they are stored", name)
    if largest not in (0, 255, 65535):
        log.remark(f"pixels from 0 to {largest} are stretched to the full range, as the format means", name)


def _pnm_largest(data: bytes) -> int:
    """Value of white in a PGM or PPM file; 0 for other files."""
    found = re.match(rb"P[2356](?:\s+|#[^\n]*\n)+\d+(?:\s+|#[^\n]*\n)+\d+(?:\s+|#[^\n]*\n)+(\d{1,5})\s", data[:500])
    return int(found[1]) if found else 0
