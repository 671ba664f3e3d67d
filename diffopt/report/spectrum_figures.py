"""A picture of a spectrum: eigenvalues by rank, cumulative variance, and densities on the scale of sigma."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from diffopt.data.ensemble import Ensemble
from diffopt.data.spectrum import Spectrum
from diffopt.documents.build import known_scale
from diffopt.report.palette import INK, LINES, PALE, RIVAL
from diffopt.report.style import density, digits, figure, legend_above, log_axis, plain, styled, titled
from diffopt.report.units import units

#: Eigenvalues below this share of the largest are rounding or noise of the estimate; the axis stops there.
FLOOR = 1e-9
#: Members of an ensemble that get a name each, and ranks that get a tick each.
NAMED, FEW = 8, 15
#: Shares of the variance whose ranks are marked.
LEVELS = (0.5, 0.9, 0.99)


@styled
def spectrum_picture(spectrum: Spectrum, facts: Mapping[str, Any], ensemble: Ensemble | None = None) -> Any:
    """Three panels: eigenvalues and cumulative variance by rank, and densities over sqrt(eig) on the sigma scale."""
    canvas, axes = figure(8, [3.0, 1.9, 1.9])
    members = list(zip(ensemble.labels, ensemble.spectra, strict=True)) if ensemble else []
    _ranks(axes[0], spectrum, facts, members)
    _cumulative(axes[1], spectrum)
    _rank_axes(axes[:2], spectrum)
    _on_sigma(axes[2], spectrum)
    titled(canvas, f"{spectrum.dim:,g} directions, trace {spectrum.trace:.4g}, largest {spectrum.max:.4g}", spectrum.source)
    return canvas


def steps(spectrum: Spectrum) -> tuple[Any, Any]:
    """Ranks and eigenvalues > 0 as stairs: the eigenvalue of rank k from k - 1 to k, whose area is the cumulated variance."""
    ends = np.cumsum(spectrum.weight)
    keep = spectrum.eig > 0
    return np.column_stack([ends - spectrum.weight, ends])[keep].ravel(), np.repeat(spectrum.eig[keep], 2)


def _above(spectrum: Spectrum, whole: Spectrum) -> tuple[Any, Any]:
    """What is more than rounding beside all data."""
    ranks, values = steps(spectrum)
    seen = values >= whole.max * FLOOR
    return ranks[seen], values[seen]


def _ranks(axis: Any, spectrum: Spectrum, facts: Mapping[str, Any], members: list[tuple[str, Spectrum]]) -> None:
    for i, (label, member) in enumerate(members):
        colour, name = (LINES[i % 8], plain(_member(label))) if len(members) <= NAMED else (RIVAL, None)
        axis.plot(*_above(member, spectrum), lw=0.8, alpha=0.8, color=colour, label=name)
    axis.plot(*_above(spectrum, spectrum), color=INK, lw=1.6, label="all data")
    band = facts.get("bootstrap")
    if isinstance(band, Mapping) and {"quantiles", "low", "high"} <= band.keys():
        ranks = np.asarray(band["quantiles"]) * spectrum.dim + 0.5
        axis.fill_between(ranks, band["low"], band["high"], alpha=0.3, lw=0, color=RIVAL, label="90 % of bootstrap replicates")
    shown = np.concatenate([_above(one, spectrum)[1] for one in (spectrum, *(member for _, member in members))])
    log_axis(axis, "y", shown.min() / 1.5, shown.max() * 1.6)
    unit = units(known_scale(facts), squared=True).replace(", ", ",\n")
    axis.set(xlabel="rank; the eigenvalue of rank k is drawn from k - 1 to k", ylabel=f"eigenvalue\n({unit})")
    if axis.get_legend_handles_labels()[0] and (members or band):
        legend_above(axis, 3)


def _lowest(spectrum: Spectrum) -> float:
    """Least eigenvalue that is drawn."""
    return float(spectrum.eig[spectrum.eig >= spectrum.max * FLOOR].min())


def _rank_axes(axes: list[Any], spectrum: Spectrum) -> None:
    """Ranks to the last that is drawn; what comes behind it is a strip with words, since it has no height."""
    last = float(spectrum.weight[spectrum.eig >= _lowest(spectrum)].sum())
    null = float(spectrum.weight[spectrum.eig <= 0].sum())
    small = spectrum.dim - last - null
    told = [f"below {digits(spectrum.max * FLOOR)}: rank {last + 1:,.0f} to {last + small:,.0f}"] * (small >= 0.5)
    told += [f"0: rank {spectrum.dim - null + 1:,.0f} to {spectrum.dim:,.0f}"] * (null >= 0.5)
    edge = max(last * 1.1, 2.0)
    for axis in axes:
        if last <= FEW:
            # Each direction has its width.
            axis.set_xlim(0, edge * (1 + 0.06 * len(told)))
        else:
            log_axis(axis, "x", 0.9, edge * (edge / 0.9) ** (0.05 * len(told)))
        if told:
            axis.axvspan(edge, axis.get_xlim()[1], facecolor=PALE, edgecolor="white", hatch="///", linewidth=0, zorder=0)
        if last <= FEW:
            axis.set_xticks(range(1, int(last) + 1), [str(k) for k in range(1, int(last) + 1)])
    if told:
        end = axes[0].get_xlim()[1]
        middle = (edge + end) / 2 if last <= FEW else np.sqrt(edge * end)
        axes[0].annotate("\n".join(told), (middle, 0.5), xycoords=("data", "axes fraction"), rotation=90, ha="center",
                         va="center", fontsize=8, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5})  # fmt: skip


def _member(label: str) -> str:
    return f"member {label}" if label.isdigit() else label


def concentration(spectrum: Spectrum) -> str:
    """How many of the directions hold half of the variance, and how many nearly all."""
    half, most = (f"{np.ceil(_rank(spectrum, level) - 1e-9):,.0f}" for level in (LEVELS[0], LEVELS[-1]))
    first = "first" if half == "1" else f"first {half}"
    return f"Half of the variance lies in the {first} of {spectrum.dim:,g} directions, 99 % in {most}."


def _rank(spectrum: Spectrum, level: float) -> float:
    """Rank up to which there is this share of the variance; none is below the first."""
    ends, share = _cumulated(spectrum)
    return max(1.0, float(np.interp(level, [0.0, *share], [0.0, *ends])))


def _cumulated(spectrum: Spectrum) -> tuple[Any, Any]:
    """Last rank of each entry, and the share of the variance up to it."""
    return np.cumsum(spectrum.weight), np.cumsum(spectrum.weight * spectrum.eig) / spectrum.trace


def _cumulative(axis: Any, spectrum: Spectrum) -> None:
    ends, share = _cumulated(spectrum)
    last = ends[spectrum.eig >= _lowest(spectrum)][-1]
    few = last <= FEW
    ranks = np.unique(np.concatenate([ends[ends <= last], np.linspace(0, last, 400) if few else np.geomspace(1, last, 400)]))
    ranks = ranks if few else ranks[ranks >= 1]
    # Directions of an entry have equal shares: between its ends the sum grows evenly.
    axis.plot(ranks, np.interp(ranks, [0.0, *ends], [0.0, *share]), color=INK, lw=1.5)
    for level in LEVELS:
        # The first whole number of directions that holds so much.
        rank = min(float(np.ceil(_rank(spectrum, level) - 1e-9)), last)
        height = float(np.interp(rank, [0.0, *ends], [0.0, *share]))
        axis.plot(rank, height, "o", color=INK, markersize=4)
        # The curve rises: above it to the left is room, below it to the right.
        late = rank > 0.5 * last if few else np.log(rank / 0.9) > 0.5 * np.log(last / 0.9)
        side, offset = ("right", (-5, 2)) if late else ("left", (6, -11))
        axis.annotate(f"{100 * level:g} % in {np.ceil(rank):,.0f}", (rank, height), fontsize=8, xytext=offset,
                      textcoords="offset points", ha=side)  # fmt: skip
    axis.set(ylim=(0, 1.14), xlabel="rank", ylabel="share of variance")
    axis.grid(True, color=PALE, linewidth=0.6)


def _on_sigma(axis: Any, spectrum: Spectrum) -> None:
    root = np.sqrt(np.maximum(spectrum.eig, 0))
    keep = root > np.sqrt(spectrum.max * FLOOR)
    low, high = float(root[keep].min()) / 1.4, float(root.max()) * 1.4
    density(axis, root[keep], spectrum.weight[keep], low, high, 1.0)
    # The direction of all pictures over sigma.
    log_axis(axis, "x", high, low)
    axis.set(yticks=[0, 0.5, 1], ylim=(0, 1.08), ylabel="relative to\nlargest bin")
    axis.set_xlabel("sqrt(eigenvalue): the sigma at which noise hides the direction, sampling runs to the right")
    legend_above(axis)
