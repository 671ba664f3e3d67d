"""Derivatives of a scalar by every number of a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.solvers.table import Table


@dataclass(frozen=True, eq=False)
class TableBars:
    """Derivatives of a scalar with respect to every number of a table (same shapes).

    `numbers` holds the derivatives by step along the directions of its maps' numbers that the table names
    (`Table.moved`), shape (C, N).
    """

    alpha: Array
    level: Array
    state: Array
    denoised: Array
    score: Array
    noise: Array
    numbers: Array

    @classmethod
    def zeros(cls, table: Table) -> TableBars:
        """No derivative yet."""
        arrays = (table.alpha, table.level, table.state, table.denoised, table.score, table.noise)
        numbers = (0 if table.moved is None else table.moved.shape[0], table.steps)
        return cls(*(np.zeros(shape) for shape in [*(a.shape for a in arrays), numbers]))
