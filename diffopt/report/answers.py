"""Answers: one sentence on what a document says, for people; pure functions of documents."""

from __future__ import annotations

import math
from collections.abc import Mapping

from diffopt.foundation.nearness import within
from diffopt.hosts.offered import offering
from diffopt.objectives.robust import Robust, amplifies
from diffopt.report import free_eta
from diffopt.report.churn import reference
from diffopt.report.family import edm_flags
from diffopt.report.gain import gain, number
from diffopt.report.model_grid import MODELS_OWN, unshifted
from diffopt.report.plain_data import PlainData
from diffopt.report.remedies import START, best_placed, higher, lower
from diffopt.report.rivals import compared_error, spelled_name
from diffopt.report.spread import relative
from diffopt.schedules import HABIT, NO_CHURN
from diffopt.studies.comparison.row import OWN

#: The habit where a solver churns: as it is given, and as EDM runs it by default.
HABITS = (HABIT, NO_CHURN)
#: A habit within this share of the optimum is good enough to keep.
NEAR = 0.02
#: The schedules beside an optimum are a few of those there are.
ALL = " (`diffopt compare-schedules` tries all)"


def optimized(data: PlainData) -> str:
    """What the optimum gains over the habit and over the best schedule that needs no data, and at which eta they stand."""
    return _gained(data) + free_eta.beside(data)


def _gained(data: PlainData) -> str:
    """What the optimum gains."""
    name, value = data["objective"]["name"], data["objective"]["value"]
    if (key := compared_error(data)) != name:
        name, value = key, data["errors"][key]
    # Where local errors are small and the run amplifies them, a baseline is no advice.
    scores = _scores({k: v for k, v in (data.get("baselines") or {}).items() if not unsteady(v, name)}, name)
    if value is None or not scores:
        return f"{free_eta.found(data)} {name} {'not defined' if value is None else number(value)}."
    search = data.get("optimizer") or {}
    if search.get("free") == ["coefficients"]:
        return f"The coefficients are fitted to the grid of {search.get('schedule')}, which is kept: {name} {number(value)}."
    best = min(scores, key=lambda k: scores[k])
    usual = min(set(HABITS) & set(scores), key=lambda k: scores[k], default=HABIT)
    habit, own, said = scores.get(usual), scores.get(OWN), reference(usual, data)
    if own is not None and within(NEAR, own, min(value, scores[best])):
        return f"The optimum is within {100 * NEAR:g} % of {MODELS_OWN} in {name} ({number(value)}, {number(own)}): keep that."
    if scores[best] < value and not within(NEAR, scores[best], value):
        # Grids of fitted coefficients are made for other solvers.
        flags = f"{HABIT} --s-churn 0" if best == NO_CHURN else best
        least = f"{reference(best, data)} has the smallest {name}, {number(scores[best])}"
        return f"{least}; this grid has {number(value)}: take --schedule {flags}{_elsewhere(best, data)}."
    if habit is not None and within(NEAR, habit, value):
        near = f"{said} is within {100 * NEAR:g} % of"
        numbers = f"in {name} ({number(habit)} against {number(value)})"
        if search.get("at_bound"):
            return f"{near} what was found {numbers}, which ended at the end of what was searched: see below before you keep it."
        return f"{near} the optimum {numbers}: keep it."
    parts = [f"{free_eta.found(data)} {name} {number(value)}"]
    if habit is not None:
        default = usual == HABIT and NO_CHURN in scores
        still = f"; {reference(NO_CHURN, data)}, EDM's default: {number(scores[NO_CHURN])}" if default else ""
        parts.append(f"{gain(value, habit)} {said} ({number(habit)}{still})")
    if own is not None:
        parts.append(f"{gain(value, own)} {MODELS_OWN} ({number(own)})")
    if best not in (*HABITS, OWN):
        count, host = len(set(scores) - {NO_CHURN}), data.get("host")
        listed = host is None or host in offering(best, data["process"]["name"] == "flow")
        rival = reference(best, data) + (f" (not in {host} by name)" * (not listed)) + unshifted(data, best)
        parts.append(f"{gain(value, scores[best])} {rival}, the best of the {count} schedules beside it{ALL}")
    return ", ".join(parts) + _whole(data, name, usual) + "."


def _elsewhere(best: str, data: PlainData) -> str:
    """That EDM's program, whose flags stand below, has no flag for a schedule."""
    makes = best in HABITS or "edm" in offering(best, flow=False) or not edm_flags(data)
    return "" if makes else ", which EDM's generate.py cannot make"


def _whole(data: PlainData, compared: str, usual: str) -> str:
    """The error with the part of the start, where grids are compared without it, as `recommend` ranks by it."""
    own, habit = data["errors"].get(Robust.name), (data.get("baselines") or {}).get(usual, {}).get(Robust.name)
    if compared != "robust_steps" or own is None or habit is None:
        return ""
    if number(own) == number(habit):
        return f"; with the start, which no grid without noise mends, robust is {number(own)} for both"
    return f"; with the start, which no grid without noise mends, robust is {number(own)} against {number(habit)}"


def evaluated(data: PlainData, highest: float = math.inf, brief: bool = False) -> list[str]:
    """Which part of the error dominates, and how far habit and optimum are.

    `highest` is the largest noise ratio that the process reaches; `brief` leaves out the size of the data.
    """
    errors, name = data["errors"], spelled_name(data)
    top = data["process"]["sigma_max"]
    error = compared_error(data, Robust.name)
    best, own = ((data.get("baselines") or {}).get("optimized") or {}).get(error), errors.get(error)
    placed = best is not None and own is not None and (own < best or within(NEAR, own, best))
    lines = [_split(data, None if top is None or top >= highest * (1 - 1e-9) else highest, placed, brief)]
    beside = {k: v for k, v in (data.get("baselines") or {}).items() if k in (*HABITS, "optimized") and k != name}
    for key in (error, "frechet"):
        own = errors.get(key)
        scores = _scores(beside, key)
        if own is None or not scores:
            continue
        # Of karras with and without churn the better one.
        worse = max(set(HABITS) & set(scores), key=lambda k: scores[k]) if set(HABITS) <= set(scores) else None
        labels = {k: reference(_optimum(data) if k == "optimized" else k, data) for k in scores if k != worse}
        parts = [f"{gain(own, scores[k])} {label} ({number(scores[k])})" for k, label in labels.items()]
        lines.append(f"{key}: {name} has {number(own)}, {', '.join(parts)}.")
        break
    return [line for line in lines if line]


def _optimum(data: PlainData) -> str:
    """The optimum, and its range where that is the last level of a listed grid and not the process's own."""
    top, low = data["process"]["sigma_max"], data["process"].get("sigma_min")
    if data.get("schedule") is not None or low is None:
        return "the optimum"
    return f"the optimum {_span(top, low)}"


def _span(top: float | None, low: float) -> str:
    return f"from sigma {'infinity' if top is None else number(top)} to {number(low)}"


def _range(data: PlainData, highest: float | None) -> tuple[str | None, float | None]:
    """The range of a grid where it is not the process's own, and where a model begins that begins above it."""
    top, low = data["process"]["sigma_max"], data["process"].get("sigma_min")
    model = highest if highest is not None and math.isfinite(highest) else None
    if low is None or (model is None and data.get("schedule") is not None):
        return None, None
    return _span(top, low), model


def parts_cancel(errors: PlainData) -> bool:
    """Whether the whole error is below one of its parts: then they are of opposite sign."""
    parts, total = [errors.get(name) for name in ("initialization", "discretization", "truncation")], errors.get("frechet")
    return total is not None and any(v is not None and v > total * (1 + 1e-9) for v in parts)


def _split(data: PlainData, highest: float | None, placed: bool, brief: bool = False) -> str:
    """Start, steps and end, the largest named; better `placed` than the optimum no step is.

    `highest` is the largest noise ratio of the process, None where the grid begins there.
    """
    errors = data["errors"]
    names = {"start": "initialization", "steps": "discretization", "end": "truncation"}
    parts = {k: errors.get(v) for k, v in names.items()}
    known = {k: v for k, v in parts.items() if v is not None}
    total = errors.get("frechet")
    if total is None or len(known) < 3:
        return ""
    largest = max(known, key=lambda k: known[k])
    remedy = {
        "start": START if highest is None else higher(data.get("sigma_max_needed"), highest),
        "steps": best_placed(*_range(data, highest)) if placed else "more or better placed steps help",
        "end": lower(data.get("sigma_min_needed"), data["process"]["name"]),
    }[largest]
    right = (data.get("exact_score") or {}).get("discretization")
    told = {"steps": "" if right is None else f" ({number(right)} with an exact score)"}
    listed = ", ".join(f"{k} {number(v)}{told.get(k, '')}" for k, v in known.items())
    cancel = " (they cancel in part)" if parts_cancel(errors) else ""
    verdict = f"The {largest} dominate{'' if largest == 'steps' else 's'}: {remedy}."
    size = "" if brief else f", {relative(data)}"
    return f"frechet {number(total)}{size}: {listed}{cancel}. {verdict}"


def unsteady(part: PlainData, name: str) -> bool:
    """Whether local errors are small and the run amplifies them: a value that is no advice."""
    return name in (Robust.name, "robust_steps") and amplifies(part.get("frechet"), part.get(Robust.name))


def _scores(parts: Mapping[str, PlainData], name: str) -> dict[str, float]:
    return {k: v for k, part in parts.items() if (v := part.get(name)) is not None and v > 0}
