"""Answers: one sentence on what a document says, for people; pure functions of documents."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from diffopt.foundation.nearness import within
from diffopt.hosts.offered import DROP_DOWN, offering
from diffopt.objectives.metrics import decided
from diffopt.objectives.robust import Robust, amplifies
from diffopt.report.churn import STILL, reference
from diffopt.report.gain import gain, number
from diffopt.report.model_grid import MODELS_OWN, unshifted
from diffopt.report.remedies import PLACED, START, higher, lower
from diffopt.report.rivals import compared_error, spelled_name
from diffopt.report.spread import relative
from diffopt.studies.comparison.row import OWN

#: The grid that most people use.
HABIT = "karras"
#: The same where a solver churns: as it is given, and as EDM runs it by default.
HABITS = (HABIT, STILL)
#: A habit within this share of the optimum is good enough to keep.
NEAR = 0.02
#: The schedules beside an optimum are a few of those there are.
ALL = " (`diffopt compare-schedules` tries all)"
Document = Mapping[str, Any]


def optimized(data: Document) -> str:
    """What the optimum gains over the habit and over the best schedule that needs no data."""
    name, value = data["objective"]["name"], data["objective"]["value"]
    if (key := compared_error(data)) != name:
        name, value = key, data["errors"][key]
    # Where local errors are small and the run amplifies them, a baseline is no advice.
    scores = _scores({k: v for k, v in (data.get("baselines") or {}).items() if not _unsteady(v, name)}, name)
    if value is None or not scores:
        return f"The optimized grid has {name} {'not defined' if value is None else number(value)}."
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
        flags = f"{HABIT} --s-churn 0" if best == STILL else best
        least = f"{reference(best, data)} has the smallest {name}, {number(scores[best])}"
        return f"{least}; this grid has {number(value)}: take --schedule {flags}."
    if habit is not None and within(NEAR, habit, value):
        near = f"{said} is within {100 * NEAR:g} % of"
        numbers = f"in {name} ({number(habit)} against {number(value)})"
        if search.get("at_bound"):
            return f"{near} what was found {numbers}, which ended at the end of what was searched: see below before you keep it."
        return f"{near} the optimum {numbers}: keep it."
    parts = [f"The optimized grid has {name} {number(value)}"]
    if habit is not None:
        default = usual == HABIT and STILL in scores
        still = f"; {reference(STILL, data)}, EDM's default: {number(scores[STILL])}" if default else ""
        parts.append(f"{gain(value, habit)} {said} ({number(habit)}{still})")
    if own is not None:
        parts.append(f"{gain(value, own)} {MODELS_OWN} ({number(own)})")
    if best not in (*HABITS, OWN):
        count, host = len(set(scores) - {STILL}), data.get("host")
        listed = host is None or host in offering(best, data["process"]["name"] == "flow")
        rival = reference(best, data) + (f" (not in {host} by name)" * (not listed)) + unshifted(data, best)
        parts.append(f"{gain(value, scores[best])} {rival}, the best of the {count} schedules beside it{ALL}")
    return ", ".join(parts) + _whole(data, name, usual) + "."


def _whole(data: Document, compared: str, usual: str) -> str:
    """The error with the part of the start, where grids are compared without it, as `recommend` ranks by it."""
    own, habit = data["errors"].get(Robust.name), (data.get("baselines") or {}).get(usual, {}).get(Robust.name)
    if compared != "robust_steps" or own is None or habit is None:
        return ""
    if number(own) == number(habit):
        return f"; with the start, which no grid without noise mends, robust is {number(own)} for both"
    return f"; with the start, which no grid without noise mends, robust is {number(own)} against {number(habit)}"


def evaluated(data: Document, highest: float = math.inf, brief: bool = False) -> list[str]:
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


def _optimum(data: Document) -> str:
    """The optimum, and its range where that is the last level of a listed grid and not the process's own."""
    top, low = data["process"]["sigma_max"], data["process"].get("sigma_min")
    if data.get("schedule") is not None or low is None:
        return "the optimum"
    return f"the optimum from sigma {'infinity' if top is None else number(top)} to {number(low)}"


def parts_cancel(errors: Document) -> bool:
    """Whether the whole error is below one of its parts: then they are of opposite sign."""
    parts, total = [errors.get(name) for name in ("initialization", "discretization", "truncation")], errors.get("frechet")
    return total is not None and any(v is not None and v > total * (1 + 1e-9) for v in parts)


def _split(data: Document, highest: float | None, placed: bool, brief: bool = False) -> str:
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
        "steps": PLACED if placed else "more or better placed steps help",
        "end": lower(data.get("sigma_min_needed"), data["process"]["name"]),
    }[largest]
    right = (data.get("exact_score") or {}).get("discretization")
    told = {"steps": "" if right is None else f" ({number(right)} with an exact score)"}
    listed = ", ".join(f"{k} {number(v)}{told.get(k, '')}" for k, v in known.items())
    cancel = " (they cancel in part)" if parts_cancel(errors) else ""
    verdict = f"The {largest} dominate{'' if largest == 'steps' else 's'}: {remedy}."
    size = "" if brief else f", {relative(data)}"
    return f"frechet {number(total)}{size}: {listed}{cancel}. {verdict}"


def compared(data: Document) -> list[str]:
    """One sentence a group: which row to take, and whether the habit is good enough."""
    groups = grouped(data["rows"]).items()
    return [_group(key, rows, row_error(data["objective"], rows), data) for key, rows in groups]


def row_error(objective: str, rows: Iterable[Document]) -> str:
    """The error that tells the rows of a group apart."""
    return decided(objective, [row for row in rows if not row["other_range"]])


def row_errors(data: Document) -> str:
    """The errors that tell the rows of a comparison apart, in words."""
    found = {row_error(data["objective"], group) for group in grouped(data["rows"]).values()}
    return " or ".join(sorted(found)) or str(data["objective"])


def grouped(rows: Iterable[Document]) -> dict[tuple[str, int], list[Document]]:
    """Rows by solver and budget; noise designs stand apart."""
    found: dict[tuple[str, int], list[Document]] = {}
    for row in rows:
        solver = "noise designs" if row["design"] else row["solver"]
        found.setdefault((solver, row["budget"]), []).append(row)
    return found


def judged(rows: Sequence[Document], objective: str) -> list[Document]:
    """Rows that an answer can speak of.

    A row of another range solves another problem, and a run that amplifies its errors is no answer beside a steady one.
    """
    known = [row for row in rows if row[objective] is not None and not row["other_range"]]
    return [row for row in known if not _unsteady(row, objective)] or known


def kept(rows: Sequence[Document], objective: str) -> Document | None:
    """The row to take of those judged: the model's own or the habit where they are as good as the best, else the best."""
    if not rows:
        return None
    best = min(rows, key=lambda row: row[objective])
    usual = [row for name in (OWN, HABIT) for row in rows if row["schedule"] == name and row["design"] is None]
    return next((row for row in usual if within(NEAR, row[objective], best[objective])), best)


def named(row: Document) -> tuple[str, str, int]:
    """What tells a row from the others of a comparison."""
    return row["design"] or row["schedule"], row["solver"], row["budget"]


def taken(data: Document) -> set[tuple[str, str, int]]:
    """The row of each group that its sentence says to take."""
    found = set()
    for rows in grouped(data["rows"]).values():
        objective = row_error(data["objective"], rows)
        if (row := kept(judged(rows, objective), objective)) is not None:
            found.add(named(row))
    return found


def _group(key: tuple[str, int], rows: Sequence[Document], objective: str, data: Document) -> str:
    (solver, _), host = key, data.get("host")
    calls = sorted({row["denoiser_calls"] for row in rows})
    where = f"{solver}, {' or '.join(map(str, calls))} call{'s' * (calls != [1])}"
    known = judged(rows, objective)
    chosen = kept(known, objective)
    if chosen is None:
        return f"{where}: {objective} is not defined for any row."
    best = min(known, key=lambda row: row[objective])
    habit = next((row for row in known if row["schedule"] == HABIT and row["design"] is None), None)
    name = best["design"] or best["schedule"]
    own = next((row for row in known if row["schedule"] == OWN), None)
    if chosen is own or chosen is not best:
        what = MODELS_OWN if chosen is own else HABIT
        return f"{where}: {what} is within {100 * NEAR:g} % of the best row, {name}: keep it."
    text = f"{where}: take {name}, {objective} {number(best[objective])}"
    if habit is not None and habit is not best:
        text += f", {gain(best[objective], habit[objective])} karras"
    if own is not None:
        text += f"; {gain(best[objective], own[objective])} {MODELS_OWN} ({number(own[objective])})"
    if host is None:
        others, what = [row for row in known if row["kind"] == "fixed" and row is not best], "that needs no data"
    else:
        others, what = [row for row in known if host in row["offered"] and row is not best], f"that {host} offers"
    if others:
        fixed = min(others, key=lambda row: row[objective])
        if fixed["schedule"] not in (HABIT, OWN):
            place = (f" ({_place(fixed, host)})" if host is not None else "") + unshifted(data, fixed["schedule"])
            text += f"; {gain(best[objective], fixed[objective])} {fixed['schedule']}{place}, the best {what}"
            text += _to_pick(best, known, objective) if host is None and fixed.get("offered") == {} else ""
        elif host is not None and fixed is habit and len(others) > 1:
            text += f", the best {what}"
    return text + "." + _drop_down(known, best, objective, data)


def _to_pick(best: Document, known: Sequence[Document], objective: str) -> str:
    """The best row that some program has by name, where the one that was named is in none."""
    listed = [row for row in known if row["offered"] and row is not best]
    first = min(listed, key=lambda row: row[objective], default=None)
    if first is None:
        return ", but no program offers it by name"
    name = first["schedule"]
    of = f"{name} is" if name in (HABIT, OWN) else f"{gain(best[objective], first[objective])} {name},"
    return f", but no program offers it by name; {of} the best that one does"


def _place(row: Document, host: str) -> str:
    """Where a program offers a schedule, and whether a user of ComfyUI finds it in the list."""
    listed = host == "comfyui" and row["schedule"] in DROP_DOWN
    return "in its drop-down" if listed else str(row["offered"][host])


def _drop_down(known: Sequence[Document], best: Document, objective: str, data: Document) -> str:
    """What one gets who only picks from ComfyUI's list of schedulers, where the model is one that it runs."""
    host, process = data.get("host"), (data.get("process") or {}).get("name")
    if host not in (None, "comfyui") or (host is None and process not in ("table", "flow")):
        return ""
    listed = [row for row in known if row["schedule"] in DROP_DOWN and "comfyui" in row["offered"]]
    offered = [row for row in known if "comfyui" in row["offered"]]
    if host is not None and min(offered, key=lambda row: row[objective], default=None) in listed:
        return ""  # said already
    first = min(listed, key=lambda row: row[objective], default=best)
    # Karras stays where rows are cut off, and is then the best of nothing.
    if first is best or (first["schedule"] == HABIT and all(row[objective] <= first[objective] for row in known)):
        return ""
    name, value = first["schedule"] + unshifted(data, first["schedule"]), first[objective]
    near, off = within(NEAR, value, best[objective]), gain(value, best[objective])
    off = f"within {100 * NEAR:g} % of" if near else off
    return (
        f" Of the rows in ComfyUI's drop-down {name} is best: {objective} {number(value)}, {off} "
        f"{best['design'] or best['schedule']}."
    )


def _unsteady(part: Document, name: str) -> bool:
    return name in (Robust.name, "robust_steps") and amplifies(part.get("frechet"), part.get(Robust.name))


def _scores(parts: Mapping[str, Document], name: str) -> dict[str, float]:
    return {k: v for k, part in parts.items() if (v := part.get(name)) is not None and v > 0}
