"""The flags of EDM's generate.py that make a Karras grid, as every text writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.foundation.scalar import minimize_scalar

#: EDM's names of the numbers of its churn, by ours.
CHURN = {"s_churn": "S_churn", "s_tmin": "S_min", "s_tmax": "S_max", "s_noise": "S_noise"}
#: What they are where a document leaves them out, being infinite.
ABSENT = {"s_tmax": np.inf}
#: Smallest and largest 1/rho that is looked at, and rounds of Gauss and Newton that give rho all its printed digits.
POWERS, ROUNDS = (1e-3, 1.0), 4
#: EDM's own rho, which two levels do not tell from another.
RHO = 7.0


def grid_flags(levels: Array, rho: float) -> str:
    """`--steps=18 --sigma_min=0.002 --sigma_max=80 --rho=7` of the levels above 0."""
    return f"--steps={levels.size} --sigma_min={levels[-1]:.8g} --sigma_max={levels[0]:.8g} --rho={rho:.8g}"


def churn_flags(options: Mapping[str, Any]) -> str:
    """All four of a stochastic run, so that none of an older line stays."""
    values = {name: options.get(name, ABSENT.get(name)) for name in CHURN}
    return " ".join(f"--{CHURN[name]}={float(np.real(value)):.8g}" for name, value in values.items() if value is not None)


def nearest_karras(levels: Array) -> tuple[Array, float]:
    """Levels and rho of the Karras grid between the same ends that is nearest in log sigma (least squares)."""

    def karras(power: float) -> Array:
        return np.asarray(np.linspace(levels[0] ** power, levels[-1] ** power, levels.size) ** (1 / power))

    def away(power: float) -> Array:
        return np.asarray(np.log(karras(power) / levels))

    power, least = 1 / RHO, 0.0
    if levels.size > 2:
        power, least = minimize_scalar(lambda p: float(np.sum(away(p) ** 2)), *POWERS)
    for _ in range(ROUNDS if levels.size > 2 else 0):
        slope = (away(power * (1 + 1e-6)) - away(power * (1 - 1e-6))) / (2e-6 * power)
        closer = power - float(slope @ away(power) / (slope @ slope))
        if not closer > 0 or (value := float(np.sum(away(closer) ** 2))) >= least:
            break
        power, least = closer, value
    rho = float(f"{1 / power:.8g}")
    return karras(1 / rho), rho
