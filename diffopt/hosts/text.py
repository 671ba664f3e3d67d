"""Numbers as text that every parser reads: fixed-point, a leading zero, no exponent."""

from __future__ import annotations

import math
from collections.abc import Iterable

#: Significant digits that bring a number back to 1e-9.
DIGITS = 10


def fixed_point(value: float) -> str:
    """Fixed-point text with at least 10 significant digits and 8 decimals; 0 has 8 decimals.

    Raises
    ------
    ValueError
        Infinite or NaN.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} has no fixed-point text")
    if value == 0:
        return "0.00000000"
    decimals = max(8, DIGITS - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{decimals}f}"


def comma(values: Iterable[float]) -> str:
    """`a, b, c` in fixed-point."""
    return ", ".join(fixed_point(value) for value in values)


def python_list(values: Iterable[float], indent: str = "    ") -> str:
    """A Python list, one value a line, shortest text that reads back exactly."""
    return "[\n" + "".join(f"{indent}    {float(value)!r},\n" for value in values) + f"{indent}]"
