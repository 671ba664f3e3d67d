"""What each step of a scheme without memory does to variances and to the mean, for many runs on one grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.foundation.arrays import Array
from diffopt.law.exact_chain import safe
from diffopt.law.map_response import respond
from diffopt.law.start import Start, start_variance
from diffopt.solvers.table import Table


@dataclass(frozen=True, eq=False)
class Chains:
    """Chains y' = a y + b, one an eigenvalue, after those of the variances those of the mean (theory.md, eq. 405).

    Attributes
    ----------
    a, b : ndarray, shape (N, B, D)
        Factors and terms of each step; D = d, or 2 d where the data have a mean. Of leading order a factor may be
        below 0, and counts as 0.
    first : ndarray, shape (D,)
        y at the start.
    size : ndarray, shape (N, D)
        The exact law's variance, and the signal of means, after each step.
    """

    a: Array
    b: Array
    first: Array
    size: Array


def chains(table: Table, spectrum: Spectrum, start: Start, leading: bool) -> Chains | None:
    """Chains of the exact law, or of its error to leading order, of a table of one run or of many side by side.

    None where a step is no affine map of its own: it reads earlier steps, or its random coefficients carry the mean.
    """
    told = spectrum.mean is not None
    response = respond(table, spectrum.eig, with_bias=told)
    row = response.rows[-1]
    if response.reach > 1 or (told and row.spread is not None):
        return None
    variance = response.variance[:: table.rows]
    gain, square, injected, bias = row.incoming[0], row.incoming[0] ** 2, response.injected, row.bias
    fresh = injected
    if row.spread is not None:
        square, fresh = square + row.spread, injected + row.spread * variance[:-1]
    first = start_variance(table, spectrum.eig, start)
    if leading:
        ratio = safe(variance[1:], variance[:-1])
        kept = 1 - safe(fresh, variance[1:])
        a, b, first = kept * ratio, square * variance[:-1] + injected - variance[1:], first - variance[0]
        gain = np.sqrt(np.maximum(a, 0))
    else:
        a, b = square, np.broadcast_to(injected, square.shape)
    size = variance[1:]
    if spectrum.mean is not None:
        assert bias is not None
        signal = table.alpha[:: table.rows][..., None] + np.zeros_like(variance)
        lost = np.zeros_like(first) if start == "exact" else -signal[0]
        a, b = np.concatenate([a, gain], axis=-1), np.concatenate([b, np.broadcast_to(bias, gain.shape)], axis=-1)
        first, size = np.concatenate([first, lost], axis=-1), np.concatenate([size, signal[1:]], axis=-1)
    return Chains(a, b, first[0], size[:, 0]) if table.aside else Chains(a[:, None], b[:, None], first, size)
