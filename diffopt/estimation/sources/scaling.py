"""The affine map from stored numbers to model units: y = scale * x + shift."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from diffopt.errors import InputError

#: Full range of stored integers, mapped to [-1, 1] unless the caller says otherwise.
INTEGER_RANGES = {
    "uint8": (0.0, 255.0), "uint16": (0.0, 65535.0), "int8": (-128.0, 128.0), "int16": (-32768.0, 32768.0),
}  # fmt: skip
Range = tuple[float, float]


@dataclass(frozen=True)
class Scaling:
    """y = scale * x + shift, and who chose it.

    Attributes
    ----------
    scale, shift : float
        Factor (not zero) and offset, in model units.
    origin : str
        `given`, `default`, `standardized` or `none`.
    """

    scale: float = 1.0
    shift: float = 0.0
    origin: str = "none"

    @classmethod
    def create(
        cls, ranges: str | None, scale: float | None, shift: float | None, dtype: np.dtype, full: Range | None = None
    ) -> Scaling:
        """Combine the flags: the range map first, then scale, then shift.

        `full` are the ends of the stored range, where the dtype does not tell.

        Raises
        ------
        InputError
            A malformed range, a zero or non-finite factor.
        """
        if ranges is None and scale is None and shift is None:
            return cls.default(dtype, full)
        first = _parse_range(ranges) if ranges is not None else (1.0, 0.0)
        factor, offset = (1.0 if scale is None else scale), (0.0 if shift is None else shift)
        result = (factor * first[0], factor * first[1] + offset)
        if not all(map(math.isfinite, result)) or result[0] == 0:
            raise InputError(
                f"scale must be finite and not 0, shift finite; got scale {factor:g}, shift {offset:g}"
            )
        return cls(*result, "given")

    @classmethod
    def default(cls, dtype: np.dtype, full: Range | None = None) -> Scaling:
        """Full integer range to [-1, 1] for the integer types of images and sound, nothing for floats."""
        limits = full or INTEGER_RANGES.get(dtype.name)
        if limits is None:
            return cls()
        return cls(*_map(limits, (-1.0, 1.0)), "default")

    @classmethod
    def standardized(cls, mean: float, std: float, target: float) -> Scaling:
        """Map numbers with this mean and standard deviation to mean 0 and the target.

        Raises
        ------
        InputError
            A target that is not positive.
        """
        if not 0 < target < math.inf:
            raise InputError(f"--standardize must be a positive standard deviation, got {target:g}")
        return cls(target / std, -mean * target / std, "standardized")

    def __str__(self) -> str:
        if (self.scale, self.shift, self.origin) == (1, 0, "none"):
            return "as stored"
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
