"""A spectrum as lines of characters: how much variance each decade of eigenvalues holds."""

from __future__ import annotations

import numpy as np

from diffopt.data.spectrum import Spectrum

#: Decades shown at most; everything below is one line.
DECADES = 16


def bars(spectrum: Spectrum, width: int = 40) -> list[str]:
    """One line per decade: directions and share of the trace, with a bar for the directions (log scale)."""
    positive = spectrum.eig > 0
    decade = np.full(spectrum.eig.shape, -np.inf)
    decade[positive] = np.floor(np.log10(spectrum.eig[positive]))
    top = int(decade.max())
    decade = np.where(positive, np.maximum(decade, top - DECADES), -np.inf)
    lines = ["eigenvalues      variance   directions (bars: logarithm)"]
    longest = np.log1p(spectrum.dim)
    for value in sorted(set(decade.tolist()), reverse=True):
        chosen = decade == value
        count = float(spectrum.weight[chosen].sum())
        share = float(spectrum.weight[chosen] @ spectrum.eig[chosen]) / spectrum.trace
        name = "0" if value == -np.inf else f"1e{int(value):+03d} and up"
        bar = "#" * max(1, round(width * np.log1p(count) / longest))
        lines.append(f"{name:<14} {100 * share:>8.3g} % {count:>12g} {bar}")
    if np.any(spectrum.weight % 1):
        lines.append("fractions: an entry of this spectrum stands for a number of directions that need not be whole")
    return lines
