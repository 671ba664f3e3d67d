"""Butcher tableaux."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffopt.foundation.arrays import Numbers

#: A coefficient: a number, or an array with one value per step.
Weight = float | Numbers


@dataclass(frozen=True)
class Tableau:
    """Butcher tableau: stage m starts from y_0 + h sum_i a[m][i] K_i at the clock reading u_0 + c[m] h.

    Parameters
    ----------
    a : tuple of tuples
        Strictly lower triangle, row m with at most m entries.
    b, c : tuple
        Weights of the step and places of the stages.

    Raises
    ------
    ValueError
        A row does not sum to its place, or the weights do not sum to 1: such a scheme is not consistent.
    """

    a: tuple[tuple[Weight, ...], ...]
    b: tuple[Weight, ...]
    c: tuple[Weight, ...]

    def __post_init__(self) -> None:
        if not len(self.a) == len(self.b) == len(self.c):
            raise ValueError(f"a tableau needs as many rows as weights and places: {len(self.a)}, {len(self.b)}, {len(self.c)}")
        for m, (row, place) in enumerate(zip(self.a, self.c, strict=True)):
            if len(row) > m:
                raise ValueError(f"row {m} of an explicit tableau has at most {m} entries, got {len(row)}")
            # Shares without a limit from pure noise are nan in their rows and places alike; the run's check says so.
            if not np.allclose(sum(row), place, rtol=1e-12, atol=1e-12, equal_nan=True):
                raise ValueError(f"row {m} sums to {sum(row)}, but its stage stands at {place}")
        total = np.asarray(sum(self.b))
        if not np.allclose(total[np.isfinite(total)], 1, rtol=1e-12, atol=1e-12):
            raise ValueError(f"the weights sum to {sum(self.b)}, not to 1")

    @property
    def stages(self) -> int:
        """Number of stages."""
        return len(self.b)


EULER = Tableau(a=((),), b=(1.0,), c=(0.0,))
HEUN = Tableau(a=((), (1.0,)), b=(0.5, 0.5), c=(0.0, 1.0))
