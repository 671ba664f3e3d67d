"""A picture of a spectrum: eigenvalues by rank, cumulative variance, and densities on the scale of sigma."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from diffopt.data.ensemble import Ensemble
from diffopt.data.spectrum import Spectrum
from diffopt.report.style import (
    BLUE,
    GREY,
    INK,
    LINES,
    PALE,
    RED,
    check_kind,
    density,
    digits,
    figure,
    legend_above,
    log_axis,
    plain,
    styled,
    titled,
)
from diffopt.report.style import save as save_picture

#: Eigenvalues below this share of the largest are rounding or noise of the estimate; the axis stops there.
FLOOR = 1e-9
#: Members of an ensemble that get a name each, and ranks that get a tick each.
NAMED, FEW = 8, 15


def save(spectrum: Spectrum, facts: Mapping[str, Any], ensemble: Ensemble | None, path: Path, force: bool) -> None:
    """Write a PNG or SVG; the same spectrum gives the same bytes.

    Raises
    ------
    InputError
        Another suffix.
    MissingExtraError
        matplotlib is not installed.
    """
    check_kind(path)
    save_picture(spectrum_picture(spectrum, facts, ensemble), path, force)


@styled
def spectrum_picture(spectrum: Spectrum, facts: Mapping[str, Any], ensemble: Ensemble | None = None) -> Any:
    """Three panels: eigenvalues and cumulative variance by rank, and densities over sqrt(eig) on the sigma scale."""
    canvas, axes = figure(8, [3.0, 1.9, 1.9])
    members = list(zip(ensemble.labels, ensemble.spectra, strict=True)) if ensemble else []
    _ranks(axes[0], spectrum, facts, members)
    _cumulative(axes[1], spectrum)
    last = max(axis.get_xlim()[1] for axis in axes[:2])
    for axis in axes[:2]:
        log_axis(axis, "x", 0.9, last)
        if spectrum.dim <= FEW:
            axis.set_xticks(range(1, int(spectrum.dim) + 1), [str(k) for k in range(1, int(spectrum.dim) + 1)])
    _on_sigma(axes[2], spectrum)
    titled(canvas, f"{spectrum.dim:,g} directions, trace {spectrum.trace:.4g}, largest {spectrum.max:.4g}", spectrum.source)
    return canvas


def steps(spectrum: Spectrum) -> tuple[Any, Any]:
    """Ranks and eigenvalues > 0, each entry drawn from its first to its last rank."""
    ends = np.cumsum(spectrum.weight)
    starts = ends - spectrum.weight + 1
    keep = spectrum.eig > 0
    return np.column_stack([starts, np.maximum(ends, starts)])[keep].ravel(), np.repeat(spectrum.eig[keep], 2)


def _ranks(axis: Any, spectrum: Spectrum, facts: Mapping[str, Any], members: list[tuple[str, Spectrum]]) -> None:
    for i, (label, member) in enumerate(members):
        colour, name = (LINES[i % 8], plain(_member(label))) if len(members) <= NAMED else (GREY, None)
        axis.plot(*steps(member), lw=0.8, alpha=0.8, color=colour, label=name)
    axis.plot(*steps(spectrum), color=INK, lw=1.6, marker="o" if spectrum.dim <= FEW else None, markersize=4, label="all data")
    band = facts.get("bootstrap")
    if isinstance(band, Mapping) and {"quantiles", "low", "high"} <= band.keys():
        ranks = np.asarray(band["quantiles"]) * spectrum.dim + 0.5
        axis.fill_between(ranks, band["low"], band["high"], alpha=0.3, lw=0, color=BLUE, label="90 % of bootstrap replicates")
    ranks, values = steps(spectrum)
    low = max(spectrum.max * FLOOR, float(values.min()) / 1.5)
    last = float(ranks[values >= low].max())
    log_axis(axis, "y", low, spectrum.max * 1.6)
    log_axis(axis, "x", 0.9, max(last * 1.2, 2.0))
    null = float(spectrum.weight[spectrum.eig <= 0].sum())
    hidden = spectrum.dim - last - null
    axis.set(xlabel="rank", ylabel="eigenvalue (data units squared)")
    told = [f"directions below {digits(low)}, not drawn: {hidden:,g}"] * (hidden >= 1)
    told += [f"directions that are 0: {null:,g}"] * (null >= 1)
    if told:
        axis.annotate("; ".join(told), (0.99, 0.95), xycoords="axes fraction", ha="right",
                      fontsize=8, color=GREY)  # fmt: skip
    if axis.get_legend_handles_labels()[0] and (members or band):
        legend_above(axis, 3)


def _member(label: str) -> str:
    return f"member {label}" if label.isdigit() else label


def _cumulative(axis: Any, spectrum: Spectrum) -> None:
    ends = np.cumsum(spectrum.weight)
    share = np.cumsum(spectrum.weight * spectrum.eig) / spectrum.trace
    axis.step(np.concatenate([[0.9], ends]), np.concatenate([[0.0], share]), where="post", color=BLUE, lw=1.5)
    for level in (0.5, 0.9, 0.99):
        rank = float(ends[np.searchsorted(share, level)])
        axis.plot(rank, level, "o", color=RED, markersize=4)
        axis.annotate(f"{100 * level:g} % in {rank:,.0f}", (rank, level), xytext=(6, -11), textcoords="offset points", fontsize=8)
    # A fifth of the axis is room for the last label.
    last = float(ends[np.searchsorted(share, 1 - 1e-9)])
    log_axis(axis, "x", 0.9, max(last * 1.2, rank * (rank / 0.9) ** 0.25, 2.0))
    axis.set(ylim=(0, 1.05), xlabel="rank", ylabel="share of variance")
    axis.grid(True, color=PALE, linewidth=0.6)


def _on_sigma(axis: Any, spectrum: Spectrum) -> None:
    root = np.sqrt(np.maximum(spectrum.eig, 0))
    keep = root > np.sqrt(spectrum.max * FLOOR)
    low, high = float(root[keep].min()) / 1.4, float(root.max()) * 1.4
    density(axis, root[keep], spectrum.weight[keep], low, high, 1.0)
    # The direction of all pictures over sigma.
    log_axis(axis, "x", high, low)
    axis.set(yticks=[], ylim=(0, 1.08), ylabel="share, largest is 1")
    axis.set_xlabel("sqrt(eigenvalue): the sigma at which noise hides the direction, sampling runs to the right")
    legend_above(axis)
