"""The affine map from stored numbers to model units: y = scale * x + shift."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from diffopt.errors import InputError

#: Full range of stored integers, mapped to [-1, 1] unless the caller says otherwise.
INTEGER_RANGES = {"uint8": (0.0, 255.0), "uint16": (0.0, 65535.0), "int16": (-32768.0, 32768.0)}


@dataclass(frozen=True)
class Scaling:
    """y = scale * x + shift, and who chose it.

    Attributes
    ----------
    scale, shift : float
        Factor (not zero) and offset, in model units.
    origin : str
        `given`, `default` or `none`.
    """

    scale: float = 1.0
    shift: float = 0.0
    origin: str = "none"

    @classmethod
    def create(cls, ranges: str | None, scale: float | None, shift: float | None, dtype: np.dtype) -> Scaling:
        """Combine the flags: the range map first, then scale, then shift.

        Raises
        ------
        InputError
            A malformed range, a zero or non-finite factor.
        """
        if ranges is None and scale is None and shift is None:
            return cls.default(dtype)
        first = _parse_range(ranges) if ranges is not None else (1.0, 0.0)
        factor, offset = (1.0 if scale is None else scale), (0.0 if shift is None else shift)
        result = (factor * first[0], factor * first[1] + offset)
        if not all(map(math.isfinite, result)) or result[0] == 0:
            raise InputError(
                f"scale must be finite and not 0, shift finite; got scale {factor:g}, shift {offset:g}"
            )
        return cls(*result, "given")

    @classmethod
    def default(cls, dtype: np.dtype) -> Scaling:
        """Full integer range to [-1, 1] for the integer types of images and sound, nothing for floats."""
        limits = INTEGER_RANGES.get(dtype.name)
        if limits is None:
            return cls()
        return cls(*_map(limits, (-1.0, 1.0)), "default")

    def __str__(self) -> str:
        sign = "-" if self.shift < 0 else "+"
        return f"x * {self.scale:g} {sign} {abs(self.shift):g} ({self.origin})"


def _map(old: tuple[float, float], new: tuple[float, float]) -> tuple[float, float]:
    factor = (new[1] - new[0]) / (old[1] - old[0])
    return factor, new[0] - factor * old[0]


def _parse_range(text: str) -> tuple[float, float]:
    try:
        old, new = ([float(v) for v in part.split(",")] for part in text.split(":"))
        (a, b), (c, d) = old, new
    except ValueError:
        raise InputError(f"--range must look like 0,255:-1,1 (from a,b to c,d), got {text!r}") from None
    if not all(map(math.isfinite, (a, b, c, d))) or a == b or c == d:
        raise InputError(f"--range needs two different finite ends on each side, got {text!r}")
    return _map((a, b), (c, d))
