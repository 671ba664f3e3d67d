"""The law a run starts from."""

from __future__ import annotations

from typing import Literal

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.law.table_bars import TableBars
from diffopt.solvers.table import Table

Start = Literal["exact", "sigma", "unit"]
STARTS: tuple[Start, ...] = ("exact", "sigma", "unit")


def start_variance(table: Table, eig: Array, start: Start) -> Array:
    """Variance per eigenvalue of the initial law, shape (d,) (theory.md, eq. 25).

    `exact`: alpha^2 eig + level^2; `sigma`: level^2, i.e. N(0, sigma_max^2) in the noise-ratio picture;
    `unit`: alpha^2 + level^2, i.e. N(0, 1 + sigma_max^2), which is N(0, 1) for variance-preserving ones.
    """
    alpha, level = table.alpha[0], table.level[0]
    signal = {"exact": eig, "sigma": np.zeros_like(eig), "unit": np.ones_like(eig)}[start]
    return np.asarray((alpha**2)[..., None] * signal + (level**2)[..., None])


def start_bars(table: Table, eig: Array, start: Start, bar: Array, bars: TableBars) -> None:
    """Pull-back of :func:`start_variance`."""
    signal = {"exact": eig, "sigma": np.zeros_like(eig), "unit": np.ones_like(eig)}[start]
    bars.alpha[0] += 2 * table.alpha[0] * float(bar @ signal)
    bars.level[0] += 2 * table.level[0] * float(bar.sum())
