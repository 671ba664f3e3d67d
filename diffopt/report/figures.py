"""Pictures; matplotlib is loaded only here and only when one is asked for."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.errors import InputError, MissingExtraError
from diffopt.foundation.atomic import write_atomic

KINDS = (".png", ".svg")


def figure(width: float, height: float, rows: int = 1, **ratios: Any) -> tuple[Any, Any]:
    """Figure and axes without any global state.

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("matplotlib", "plot", "--plot") from None
    canvas = Figure(figsize=(width, height), layout="constrained")
    return canvas, canvas.subplots(rows, 1, **ratios)


def check_kind(path: Path) -> str:
    """Extension of a picture.

    Raises
    ------
    InputError
        Neither .png nor .svg.
    """
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise InputError(f"--plot {path}: unknown picture kind {kind!r}; use .png or .svg")
    return kind


def save(picture: Any, path: Path, force: bool) -> None:
    """Write a figure as PNG or SVG; the same figure gives the same bytes.

    Raises
    ------
    InputError
        Another extension, or a target that cannot be written.
    """
    kind = check_kind(path)
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "diffopt"}):
        metadata = {"Date": None} if kind == ".svg" else None
        picture.savefig(buffer, format=kind[1:], dpi=150, metadata=metadata)
    write_atomic(path, buffer.getvalue(), force)


def grid_picture(data: Mapping[str, Any], spectrum: Spectrum) -> Any:
    """Where the eigenvalues are, where the steps go, and the errors beside the named schedules."""
    canvas, axes = figure(8, 6.2, 3, height_ratios=[2.2, 1, 2.4])
    sigmas = np.array([s for s in data["sigmas"] if s], dtype=float)
    low, high = _range(sigmas, spectrum)
    _density(axes[0], spectrum, low, high)
    _steps(axes[1], data, sigmas, low, high)
    _bars(axes[2], data)
    canvas.suptitle(
        f"{data['solver']}, {data['steps']} steps, {data['denoiser_calls']} denoiser calls, {spectrum.source}", fontsize=11
    )
    return canvas


def _range(sigmas: np.ndarray, spectrum: Spectrum) -> tuple[float, float]:
    positive = np.sqrt(spectrum.eig[spectrum.eig > 0])
    return float(min(sigmas.min(), np.quantile(positive, 0.001)) / 1.5), float(max(sigmas.max(), positive.max()) * 1.5)


def _density(axis: Any, spectrum: Spectrum, low: float, high: float) -> None:
    root = np.sqrt(np.maximum(spectrum.eig, low**2))
    edges = np.geomspace(low, high, 61)
    for weight, label, colour in (
        (spectrum.weight / spectrum.dim, "share of directions", "#7a8fb8"),
        (spectrum.weight * spectrum.eig / spectrum.trace, "share of variance", "#d98b4a"),
    ):
        axis.hist(root, edges, weights=weight, histtype="stepfilled", alpha=0.55, label=label, color=colour)
    axis.set(xscale="log", xlim=(low, high), ylabel="share per bin")
    axis.set_xlabel("sqrt(eigenvalue), on the scale of sigma", fontsize=9)
    axis.legend(loc="upper left", frameon=False, fontsize=9)


def _steps(axis: Any, data: Mapping[str, Any], sigmas: np.ndarray, low: float, high: float) -> None:
    axis.vlines(sigmas, 0, 1, color="#2c4a7c", linewidth=1.4)
    axis.set(xscale="log", xlim=(low, high), ylim=(0, 1), yticks=[])
    ends = " (then 0)" if data["sigmas"][-1] == 0 else ""
    axis.set_xlabel(f"noise ratios sigma of the grid{ends}", fontsize=9)


def _bars(axis: Any, data: Mapping[str, Any]) -> None:
    own = "optimized" if "objective" in data else data.get("schedule") or "this grid"
    scores = {own: data["errors"]["frechet"]}
    scores |= {name: part["frechet"] for name, part in data.get("baselines", {}).items()}
    known = sorted(((n, v) for n, v in scores.items() if v is not None), key=lambda item: -item[1])[-14:]
    if not known:
        axis.text(0.5, 0.5, "no finite Frechet error", ha="center", va="center")
        axis.set_axis_off()
        return
    names, values = zip(*known, strict=True)
    colours = ["#c0392b" if n == own else "#9aa5b8" for n in names]
    axis.barh(names, values, color=colours)
    axis.bar_label(axis.containers[0], fmt="%.3g", padding=3, fontsize=8)
    axis.set(xscale="log", xlabel="exact Frechet error on this spectrum (data units)")
    axis.set_xlim(min(values) / 1.6, max(values) * 1.6)
    axis.tick_params(axis="y", labelsize=8)
