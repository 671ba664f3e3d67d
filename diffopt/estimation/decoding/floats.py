"""Number formats that numpy does not have: bfloat16 and 8-bit floats, widened without loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from diffopt.errors import InputError
from diffopt.estimation.sources.source import Raw, real_dtype

#: Names as in safetensors: numpy dtype of the stored bits.
PLAIN = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4",
    "U64": "<u8", "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip
NARROW = {"BF16": "<u2", "F8_E4M3": "u1", "F8_E5M2": "u1"}


@dataclass(frozen=True)
class NumberFormat:
    """How numbers are stored, and what they become.

    Attributes
    ----------
    stored : numpy.dtype
        Of the bits.
    dtype : numpy.dtype
        Of the numbers.
    name : str
        A name of PLAIN or NARROW, or that of the dtype.
    """

    stored: np.dtype[Any]
    dtype: np.dtype[Any]
    name: str

    @classmethod
    def named(cls, name: str, label: str) -> NumberFormat:
        """Format by its name in safetensors.

        Raises
        ------
        InputError
            Complex, packed in less than a byte, or unknown.
        """
        if name in PLAIN:
            return cls(np.dtype(PLAIN[name]), np.dtype(PLAIN[name]), name)
        if name in NARROW:
            return cls(np.dtype(NARROW[name]), np.dtype(np.float32), name)
        known = ", ".join([*PLAIN, *NARROW])
        raise InputError(f"{label}: dtype {name[:40]} is not read; convert it to F32 ({known} are)")

    @classmethod
    def of(cls, dtype: np.dtype[Any], label: str) -> NumberFormat:
        """Format of a numpy array; two bytes without a type are what numpy makes of bfloat16.

        Raises
        ------
        InputError
            Complex numbers, objects (pickles), text, records, dates.
        """
        if dtype.kind == "V" and dtype.names is None and dtype.subdtype is None:
            if dtype.itemsize == 2:
                return cls(np.dtype("<u2"), np.dtype(np.float32), "BF16")
            if dtype.itemsize == 1:
                raise InputError(f"{label}: bytes without a type (8-bit floats?); save it as float32")
        made = real_dtype(dtype, label)
        return cls(made, made, made.name)

    def numbers(self, stored: Raw) -> Raw:
        """Turn stored bits into numbers."""
        if self.name == "BF16":
            return bfloat16(stored.view("<u2"))
        if self.name == "F8_E5M2":
            return (stored.astype("<u2") << 8).view("<f2").astype(np.float32)
        if self.name == "F8_E4M3":
            return E4M3[stored]
        return stored

    @property
    def remark(self) -> str | None:
        """What to tell people, where the file does not say it."""
        return "two-byte values without a type are read as bfloat16" if self.stored != self.dtype else None


def bfloat16(bits: Raw) -> Raw:
    """Numbers whose bits are the upper half of a float32."""
    return (bits.astype("<u4") << 16).view("<f4")


def _e4m3() -> Raw:
    """All 256 values of sign, 4 bits of exponent (bias 7), 3 of mantissa; no infinities (Micikevicius 2022)."""
    bits = np.arange(256)
    exponent, mantissa = (bits >> 3) & 15, bits & 7
    value = np.where(exponent == 0, mantissa / 8 * 2.0**-6, (1 + mantissa / 8) * 2.0 ** (exponent - 7.0))
    value[(bits & 127) == 127] = np.nan
    return np.where(bits > 127, -value, value).astype(np.float32)


E4M3 = _e4m3()
