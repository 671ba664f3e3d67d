"""Packed numbers of netCDF, HDF5 and zarr: y = scale_factor * x + add_offset, and values that mean `missing`."""

from __future__ import annotations

import base64
import contextlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffopt.errors import InputError
from diffopt.estimation.sources.source import Raw

#: Attributes of other conventions, which scale too; they are named, not applied.
OTHERS = ("slope", "intercept", "scale", "offset", "scaling_factor", "scalefactor", "gain", "calibrated_nt")


@dataclass(frozen=True)
class Packing:
    """The CF conventions, section 8.1 and 2.5.1: what stored numbers mean.

    Attributes
    ----------
    scale, offset : float
        Unpacked = scale * stored + offset.
    missing : tuple of float
        Stored values that stand for no value.
    low, high : float
        Ends of the valid stored numbers.
    unsigned : bool
        Whether the bits are those of an unsigned integer (`_Unsigned`).
    """

    scale: float = 1.0
    offset: float = 0.0
    missing: tuple[float, ...] = ()
    low: float = -np.inf
    high: float = np.inf
    unsigned: bool = False

    @classmethod
    def of(cls, attributes: Mapping[str, Any], label: str) -> Packing:
        """Packing that the attributes of an array ask for.

        Raises
        ------
        InputError
            Attributes that are not numbers.
        """
        def numbers(name: str) -> list[float]:
            return _numbers(attributes[name], f"{label}: attribute {name}") if name in attributes else []

        scale, offset = numbers("scale_factor"), numbers("add_offset")
        for name, found in (("scale_factor", scale), ("add_offset", offset)):
            if len(found) > 1 or not np.isfinite(found).all() or (name == "scale_factor" and found == [0.0]):
                raise InputError(f"{label}: attribute {name} is {found}; it must be one finite number, the scale not 0")
        both = numbers("valid_range")
        low, high = numbers("valid_min") or both[:1], numbers("valid_max") or both[1:]
        return cls(
            scale[0] if scale else 1.0, offset[0] if offset else 0.0,
            (*numbers("_FillValue"), *numbers("missing_value")),
            low[0] if low else -np.inf, high[0] if high else np.inf,
            str(attributes.get("_Unsigned", "false")).lower() == "true",
        )  # fmt: skip

    @property
    def changes(self) -> bool:
        """Whether stored numbers are not the numbers."""
        return self != Packing()

    @property
    def remark(self) -> str:
        """For people."""
        fill = f", missing: {', '.join(f'{m:g}' for m in self.missing)}" if self.missing else ""
        return f"unpacked as stored * {self.scale:g} + {self.offset:g}{fill} (attributes of the array)"

    def dtype(self, stored: np.dtype[Any]) -> np.dtype[Any]:
        """Of the unpacked numbers."""
        return np.dtype(np.float64) if self.changes else stored

    def apply(self, stored: Raw) -> Raw:
        """Numbers of stored ones; missing ones are NaN."""
        if not self.changes:
            return stored
        absent = np.zeros(stored.shape, dtype=bool)
        with np.errstate(all="ignore"):
            for value in self.missing:
                # The stored type may have rounded the value: compare in that type.
                absent |= stored == np.array(value).astype(stored.dtype)
        if self.unsigned and stored.dtype.kind == "i":
            stored = stored.view(f"u{stored.dtype.itemsize}")
        numbers = stored.astype(np.float64)
        absent |= (numbers < self.low) | (numbers > self.high)
        result = numbers * self.scale + self.offset
        result[absent] = np.nan
        return result


def left_alone(attributes: Mapping[str, Any]) -> list[str]:
    """Attributes that seem to scale by another convention."""
    known = ("scale_factor", "add_offset")
    return [n for n in attributes if n.lower() in OTHERS or (n.lower() in known and n not in known)]


def _numbers(value: Any, what: str) -> list[float]:
    if isinstance(value, bytes | str):
        text = value.decode(errors="replace") if isinstance(value, bytes) else value
        try:
            return [float(text)]
        except ValueError:
            # xarray writes fill values of floats into zarr 3 as the base64 of a little-endian double.
            if len(text) == 12 and text.endswith("="):
                with contextlib.suppress(ValueError, struct.error):
                    return [struct.unpack("<d", base64.b64decode(text, validate=True))[0]]
            raise InputError(f"{what} is {text[:40]!r}, not a number") from None
    try:
        return [float(v) for v in np.asarray(value).ravel()]
    except (TypeError, ValueError):
        raise InputError(f"{what} is not a number") from None
