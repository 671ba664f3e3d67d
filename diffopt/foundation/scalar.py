"""The minimum of a function of one number between two ends."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

#: Share of an interval that golden section cuts off.
GOLDEN = (3 - 5**0.5) / 2
#: Trials at most.
TRIALS = 500


def minimize_scalar(f: Callable[[float], float], low: float, high: float, tolerance: float = 1e-5) -> tuple[float, float]:
    """Place and value of a local minimum of f on [low, high]: golden section with parabolas (Brent 1973, `localmin`).

    Parameters
    ----------
    tolerance : float
        Absolute distance within which the place is wanted.
    """
    x = second = third = low + GOLDEN * (high - low)
    fx = f_second = f_third = f(x)
    move = before = 0.0
    for _ in range(TRIALS):
        middle, least = (low + high) / 2, float(np.sqrt(np.finfo(float).eps)) * abs(x) + tolerance / 3
        if abs(x - middle) <= 2 * least - (high - low) / 2:
            break
        step = _parabola((x, fx), (second, f_second), (third, f_third)) if abs(before) > least else None
        before, last = move, before
        if step is not None and abs(step) < abs(last) / 2 and low < x + step < high:
            move = step
            if x + move - low < 2 * least or high - x - move < 2 * least:
                move = float(np.copysign(least, middle - x))
        else:
            before = (low if x >= middle else high) - x
            move = GOLDEN * before
        place = x + float(np.copysign(max(abs(move), least), move))
        value = f(place)
        if value <= fx:
            low, high = (x, high) if place >= x else (low, x)
            third, f_third, second, f_second, x, fx = second, f_second, x, fx, place, value
            continue
        low, high = (place, high) if place < x else (low, place)
        if value <= f_second or second == x:
            third, f_third, second, f_second = second, f_second, place, value
        elif value <= f_third or third in (x, second):
            third, f_third = place, value
    return x, fx


def _parabola(x: tuple[float, float], y: tuple[float, float], z: tuple[float, float]) -> float | None:
    """Step from x to the vertex of the parabola through three points; None where they are on a line or not finite."""
    r, q = (x[0] - y[0]) * (x[1] - z[1]), (x[0] - z[0]) * (x[1] - y[1])
    top, bottom = (x[0] - z[0]) * q - (x[0] - y[0]) * r, 2 * (q - r)
    return None if bottom == 0 or not np.isfinite(top / bottom) else -top / bottom
