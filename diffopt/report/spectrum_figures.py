"""A picture of a spectrum: eigenvalues against their rank, both on logarithmic scales."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from diffopt.data.ensemble import Ensemble
from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError
from diffopt.foundation.atomic import write_atomic


def save(
    spectrum: Spectrum, facts: Mapping[str, Any], ensemble: Ensemble | None, path: Path, force: bool
) -> None:
    """Write a PNG or SVG; the same spectrum gives the same bytes.

    Raises
    ------
    InputError
        Another suffix.
    MissingExtraError
        matplotlib is not installed.
    """
    if path.suffix.lower() not in (".png", ".svg"):
        raise InputError(f"--plot writes .png or .svg, got {path.name!r}")
    from diffopt.foundation.guard import require

    require("matplotlib", "matplotlib", "plot", "--plot")
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.hashsalt": "diffopt"}):
        figure = Figure(figsize=(7, 4.5), layout="constrained")
        axes = figure.subplots()
        for label, member in zip(ensemble.labels, ensemble.spectra, strict=True) if ensemble else ():
            axes.plot(*steps(member), lw=0.7, alpha=0.7, label=label if len(ensemble.labels) <= 10 else None)  # type: ignore[union-attr]
        axes.plot(*steps(spectrum), color="black", lw=1.5, label="all data")
        _band(axes, spectrum, facts)
        axes.set(xscale="log", yscale="log", xlabel="rank", ylabel="eigenvalue", title=spectrum.source[-70:])
        if ensemble:
            axes.legend(fontsize="small")
        buffer = io.BytesIO()
        kind = path.suffix.lower()[1:]
        figure.savefig(buffer, format=kind, metadata={"Date": None} if kind == "svg" else {"Software": None})
    write_atomic(path, buffer.getvalue(), force)


def steps(spectrum: Spectrum) -> tuple[Any, Any]:
    """Ranks and eigenvalues > 0, each entry drawn from its first to its last rank."""
    ends = np.cumsum(spectrum.weight)
    starts = ends - spectrum.weight + 1
    keep = spectrum.eig > 0
    return np.column_stack([starts, np.maximum(ends, starts)])[keep].ravel(), np.repeat(spectrum.eig[keep], 2)


def _band(axes: Any, spectrum: Spectrum, facts: Mapping[str, Any]) -> None:
    band = facts.get("bootstrap")
    if isinstance(band, dict) and {"quantiles", "low", "high"} <= band.keys():
        ranks = np.asarray(band["quantiles"]) * spectrum.dim + 0.5
        axes.fill_between(ranks, band["low"], band["high"], alpha=0.3, lw=0, label="90 %")
