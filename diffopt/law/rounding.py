"""How far rounding can carry the output of a run whose states are linear in earlier ones."""

from __future__ import annotations

import numpy as np

from diffopt.foundation.arrays import Array
from diffopt.law.response import RowMap

#: Relative error of one product, its coefficient's own included.
UNIT = 64 * float(np.finfo(float).eps)


def rounding(rows: list[RowMap], needed: list[int], nodes: Array) -> Array:
    """Bound e of the rounding in the last of `nodes` (N R + 1, ..., d), shape (..., d) (theory.md, eq. 105).

    e' = sum |a| e + u sum |a z| over the products a z that make a node.

    Parameters
    ----------
    rows : list of RowMap
        Step maps.
    needed : list of int
        Rows that made the nodes.
    nodes : ndarray
        States as they were computed.
    """
    size, count = np.abs(nodes), len(rows)
    error = np.zeros_like(size)
    for k in range((len(nodes) - 1) // count):
        for r in needed:
            out = error[k * count + r + 1]
            for p, value in rows[r].incoming.items():
                if k * count >= p:
                    out += np.abs(value[k]) * (error[k * count - p] + UNIT * size[k * count - p])
    return np.asarray(error[-1])
