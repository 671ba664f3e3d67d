"""Two errors compared in words."""

from __future__ import annotations

import math

#: What is said of errors that do not differ.
SAME = "equal to"


def number(value: float) -> str:
    """An error as tables have it: four digits, without an exponent where it is short."""
    return f"{value:.4g}"


def share(value: float) -> str:
    """A ratio, or a share in percent: three digits."""
    return f"{value:.3g}"


def gain(own: float, other: float) -> str:
    """How two errors compare, in words: `1.36 times below`, `2 % above` (below a tenth in percent, else in times)."""
    if own <= 0 or other <= 0 or not (math.isfinite(own) and math.isfinite(other)):
        return f"{number(own)} against {number(other)}"
    ratio = other / own
    side = "below" if ratio >= 1 else "above"
    times = max(ratio, 1 / ratio)
    if times < 1.0005:
        return SAME
    return f"{100 * abs(1 - own / other):.2g} % {side}" if times < 1.1 else f"{share(times)} times {side}"
