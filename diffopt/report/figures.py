"""Pictures of one run: the grid against the data, the errors beside its rivals, where the error is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from diffopt.data.spectrum import Spectrum
from diffopt.report import palette, style
from diffopt.report.answers import parts_cancel
from diffopt.report.gain import number
from diffopt.report.map_figures import error_mesh
from diffopt.report.rankings import MOST, height, ranking
from diffopt.report.rivals import RivalGrids, compared_error, inner_levels, labelled, minimized, own_name, told_equal, values
from diffopt.report.style import density, figure, legend_above, level_row, log_axis, plain, setting, styled, titled
from diffopt.report.text import shown_eta
from diffopt.report.units import scale_in, units
from diffopt.schedules import HABIT
from diffopt.studies.error_map import ErrorMap

#: The sense of eta in which a step to 0 injects noise too; in every other it ends without.
TO_ZERO = "reverse SDE"


@styled
def grid_picture(data: Mapping[str, Any], spectrum: Spectrum, rivals: RivalGrids | None = None) -> Any:
    """Where the data are, where the steps of the grid and of its rivals go, and what each costs.

    Parameters
    ----------
    data : mapping
        Document of a schedule or an evaluation.
    spectrum : Spectrum
        The data.
    rivals : mapping, optional
        Noise ratios of named schedules, drawn on the same axis.
    """
    objective, given = compared_error(data), rivals or {}
    scores = values(data, objective)
    label = labelled(given, scores, data)
    shown = {label[name]: given[name] for name in label if name in given}
    scores = {label[name]: value for name, value in scores.items()}
    habit = label.get(HABIT, HABIT)
    # One eta for all steps stands in the title.
    noisy = len(set(data["eta"])) > 1
    heights = [1.5, 0.85 + 0.27 * (1 + len(shown))] + [1.3] * noisy + [height(min(len(scores), MOST))]
    canvas, axes = figure(9, heights)
    low, high = _range(data, spectrum, shown)
    root = np.sqrt(np.maximum(spectrum.eig, 0))
    keep = root >= low
    density(axes[0], root[keep], spectrum.weight[keep], low, high, 1.0)
    axes[0].set(yticks=[0, 1], ylabel="relative to\nlargest bin", ylim=(0, 1.08))
    axes[0].set_title(_left_out(spectrum, low), fontsize=8, color=palette.RIVAL)
    legend_above(axes[0])
    for axis in axes[: 2 + noisy]:
        log_axis(axis, "x", high, low)
    _tick_rows(axes[1], data, shown, habit)
    axes[0].set_xlabel("sqrt(eigenvalue), on the scale of sigma")
    equal = [f"one grid: {names}" for names in told_equal(given, values(data, objective), data)]
    axes[1].set_xlabel("\n".join([_axis_name(data), *(line for text in equal for line in style.wrap(text, 72 * 7.5))]))
    if data["process"]["name"] == "flow":
        style.flow_axis(axes[1], "; the numbers at the steps are s")
    if noisy:
        _eta(axes[2], data)
    ranking(axes[-1], scores, objective, own_name(data), {habit: palette.HABIT}, scale=scale_in(data))
    _title(canvas, data)
    return canvas


@styled
def evaluation_picture(data: Mapping[str, Any], local: ErrorMap | None = None) -> Any:
    """The split of the error into start, steps and end, the errors of reference grids, and the map of local errors.

    Parameters
    ----------
    data : mapping
        Document of an evaluation or a schedule.
    local : ErrorMap, optional
        The steps' error by step and eigenvalue.
    """
    objective = compared_error(data)
    scores = values(data, objective)
    label = labelled({}, scores, data)
    scores = {label[name]: value for name, value in scores.items()}
    with_map = local is not None and local.parts.size > 0
    heights = [1.7] + [height(min(len(scores), MOST))] * (len(scores) > 1) + [5.0] * with_map
    canvas, axes = figure(8.5, heights)
    _split(axes[0], data["errors"], scale_in(data))
    if len(scores) > 1:
        ranking(axes[1], scores, objective, own_name(data), _evaluated(data, label), scale=scale_in(data))
    if local is not None and with_map:
        error_mesh(canvas, axes[-1], local, scale_in(data))
    _title(canvas, data)
    return canvas


def _evaluated(data: Mapping[str, Any], label: Mapping[str, str]) -> dict[str, str]:
    """Colours of a given grid, which is the habit or the reader's own, beside the habit and the optimum."""
    found = {label.get("optimized", "optimized"): palette.OWN, label.get(HABIT, HABIT): palette.HABIT}
    return {own_name(data): palette.YOURS} | found


def _title(canvas: Any, data: Mapping[str, Any]) -> None:
    """What was run on which data and how, with what was found of a family, and an eta that no panel shows."""
    options = _listed(data.get("schedule_options") or {})
    what = _searched(data) if "objective" in data else ", ".join([own_name(data), *options])
    eta = f"eta {shown_eta(data)[0]:.4g}" if len(set(data["eta"])) == 1 else ""
    found = f"{eta} at every step, in the sense of {data['eta_meaning']}" if eta and _eta_searched(data) else ""
    told = f", {eta}" if eta and any(data["eta"]) and not found else ""
    steps, calls = style.counted(data["steps"], "step"), style.counted(data["denoiser_calls"], "denoiser call")
    head = f"{data['solver']}, {steps}, {calls}: {what}"
    family = ", ".join([*_listed((data.get("optimizer") or {}).get("family") or {}), *[found] * bool(found)])
    titled(canvas, head, data["spectrum"]["source"], f"{setting(data)}{told}", *[family] * bool(family))


def _eta_searched(data: Mapping[str, Any]) -> bool:
    return any(name.startswith("eta") for name in (data.get("optimizer") or {}).get("free") or ())


def _searched(data: Mapping[str, Any]) -> str:
    """What was optimized, on which schedule where the grid was kept."""
    free, schedule = (data.get("optimizer") or {}).get("free") or [], (data.get("optimizer") or {}).get("schedule")
    kept = f" on {schedule}" if schedule and not {"grid", "shared"} & set(free) else ""
    return f"{', '.join(free) + kept + ' ' if list(free) != ['grid'] else ''}optimized for {minimized(data)}"


def _listed(values: Mapping[str, Any]) -> list[str]:
    return [f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()]


def _left_out(spectrum: Spectrum, low: float) -> str:
    """How many directions the axis does not hold, and how many of them are 0."""
    null = float(spectrum.weight[spectrum.eig <= 0].sum())
    small = float(spectrum.weight[np.sqrt(np.maximum(spectrum.eig, 0)) < low].sum()) - null
    told = [f"{small:,.0f} directions below the axis"] * (small > 0) + [f"{null:,.0f} directions are 0"] * (null > 0)
    return ", ".join(told)


def _range(data: Mapping[str, Any], spectrum: Spectrum, rivals: RivalGrids) -> tuple[float, float]:
    """Axis from where the variance or a grid begins to the end of all; null directions take no room."""
    sigmas = np.concatenate([inner_levels(grid) for grid in (data["sigmas"], *rivals.values())])
    # Pure noise stands at the edge, with room for its name.
    room = 4.5 if data["sigmas"][0] is None else 1.4
    return float(min([*sigmas, style.first_root(spectrum)]) / 1.4), float(max([*sigmas, np.sqrt(spectrum.max)]) * room)


def _axis_name(data: Mapping[str, Any]) -> str:
    ends = "; the last step goes to 0" if data["sigmas"][-1] == 0 else ""
    pure = "; triangle: pure noise" if data["sigmas"][0] is None else ""
    return f"noise ratio sigma at each step, sampling runs to the right{pure}{ends}"


def _tick_rows(axis: Any, data: Mapping[str, Any], rivals: RivalGrids, habit: str) -> None:
    """A line of ticks for the grid, with step numbers, and one for each rival."""
    rows = {own_name(data): data["sigmas"]} | dict(rivals)
    for i, (name, grid) in enumerate(rows.items()):
        own, colour = i == 0, palette.OWN if i == 0 else palette.HABIT if name == habit else palette.RIVAL
        level_row(axis, i, grid, colour, 11 if own else 8, 1.8 if own else 1.2)
    sigmas, edge = inner_levels(data["sigmas"]), axis.get_xlim()[0]
    first = int(data["sigmas"][0] is None)
    shown = sigmas / (1 + sigmas) if data["process"]["name"] == "flow" else sigmas
    every = max(1, -(-sigmas.size // 16))
    told = {k: f"{k + first}\n{shown[k]:.3g}" for k in range(sigmas.size) if k % every == 0 or k == sigmas.size - 1}
    if first:
        axis.annotate("0\npure noise", (edge, 0), xytext=(3, 8), textcoords="offset points", fontsize=6.5, color=palette.OWN,
                      linespacing=0.95)  # fmt: skip
    # Of the axis of some 8 inches the words of pure noise take the first.
    free = edge / (edge / axis.get_xlim()[1]) ** (0.9 / 8) if first else np.inf
    for k in _apart(sigmas, {k: text for k, text in told.items() if sigmas[k] < free}, axis):
        axis.annotate(told[k], (sigmas[k], 0), xytext=(0, 8), textcoords="offset points", ha="center", fontsize=6.5,
                      linespacing=0.95, color=palette.OWN)  # fmt: skip
    axis.set_yticks(range(len(rows)), [plain(n) for n in rows])
    axis.set_ylim(len(rows) - 0.5, -1.6 if data["process"]["name"] == "flow" else -1.3)
    for label, name in zip(axis.get_yticklabels(), rows, strict=True):
        label.set_color(palette.OWN if name == own_name(data) else palette.HABIT if name == habit else palette.INK)


def _apart(sigmas: np.ndarray, told: Mapping[int, str], axis: Any) -> list[int]:
    """Those steps whose numbers do not lie on each other, the first and the last before others, on an axis of some 8 inches."""
    high, low = axis.get_xlim()
    place = 8 * np.log(high / sigmas) / np.log(high / low)
    width = {k: max(map(len, text.split("\n"))) * 0.058 for k, text in told.items()}
    kept: list[int] = []
    for k in [*list(told)[:1], *list(told)[:0:-1][:1], *list(told)[1:-1]]:
        if all(abs(place[k] - place[other]) >= (width[k] + width[other]) / 2 + 0.05 for other in kept):
            kept.append(k)
    return sorted(kept)


def _eta(axis: Any, data: Mapping[str, Any]) -> None:
    """Injected noise of each step, drawn over the step's range of sigma."""
    sigmas, eta = list(data["sigmas"]), shown_eta(data)
    low, high = sorted(axis.get_xlim())
    idle = sigmas[-1] == 0 and data["eta_meaning"] != TO_ZERO
    if idle:
        sigmas, eta = sigmas[:-1], eta[:-1]
    edges = [high if s is None else max(float(s), low) for s in sigmas]
    axis.stairs(eta[::-1], edges[::-1], fill=True, color=palette.NOISE, alpha=0.45)
    axis.stairs(eta[::-1], edges[::-1], color=palette.NOISE, linewidth=1.2)
    sense = f", in the sense of {data['eta_meaning']}" if data["eta_meaning"] else ""
    for value, left, right in zip(eta, edges, edges[1:], strict=False):
        told = f"{value:.2g}"
        # Of an axis of some eight inches.
        if 8 * np.log(left / right) > (0.04 + 0.06 * len(told)) * np.log(high / low):
            axis.annotate(told, (np.sqrt(left * right), value), xytext=(0, 1.5), textcoords="offset points", ha="center",
                          fontsize=7)  # fmt: skip
    last = "; the step to 0 has none, whatever its eta" if idle else ""
    top = 1.3 * max(eta, default=0.0) or 1.0
    axis.set(ylabel="eta", ylim=(0, top), xlabel=f"sigma; injected noise of each step{sense}{last}")


def _split(axis: Any, errors: Mapping[str, Any], scale: float | None) -> None:
    """Start, steps and end of the Frechet distance; their sum bounds it (theory.md, eq. 29)."""
    parts = {
        "start": ("initialization", palette.START, "law at sigma_max against the exact one"),
        "steps": ("discretization", palette.STEPS, "the grid and the solver"),
        "end": ("truncation", palette.END, "noise left at the last level"),
        "all": ("frechet", palette.INK, "what the sampler returns against the data"),
    }
    values = [errors.get(key) for key, _, _ in parts.values()]
    top = max([v for v in values if v is not None], default=0.0) or 1.0
    cancel = "; the parts cancel in all" if parts_cancel(errors) else ""
    for i, ((key, colour, text), value) in enumerate(zip(parts.values(), values, strict=True)):
        if value is None:
            axis.text(0.01 * top, i, f"{key}: not defined", va="center", fontsize=8.5, color=palette.RIVAL)
            continue
        axis.barh(i, value, color=colour, height=0.62)
        told = f"{number(value)}  {text}"
        axis.annotate(told, (value, i), xytext=(6, 0), textcoords="offset points", va="center", fontsize=8.5)
    axis.set_yticks(range(len(parts)), list(parts))
    axis.set(ylim=(len(parts) - 0.5, -0.6), xlim=(0, top * 1.9), xlabel=f"2-Wasserstein distance ({units(scale)}){cancel}")
