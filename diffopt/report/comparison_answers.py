"""What a comparison says of its groups: the error that tells rows apart, the row to take, a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from diffopt.foundation.nearness import within
from diffopt.hosts.offered import DROP_DOWN, namesake
from diffopt.objectives.metrics import decided
from diffopt.report.answers import NEAR, unsteady
from diffopt.report.gain import gain, number
from diffopt.report.model_grid import MODELS_OWN, unshifted
from diffopt.report.plain_data import PlainData
from diffopt.schedules import HABIT
from diffopt.studies.comparison.row import OWN


def compared(data: PlainData) -> list[str]:
    """One sentence a group: which row to take, and whether the habit is good enough."""
    return [group["sentence"] for group in groups(data)]


def groups(data: PlainData) -> list[dict[str, Any]]:
    """What is said of every group; a document that has it said it of all its rows, shown or not."""
    return data.get("groups") or verdicts(data)


def verdicts(data: PlainData, hidden: Sequence[PlainData] = ()) -> list[dict[str, Any]]:
    """The error, the row to take and the sentence of every group, from all of its rows; `hidden` are among them."""
    found = []
    for (solver, budget), rows in grouped(data["rows"]).items():
        objective = row_error(data["objective"], rows)
        row = kept(judged(rows, objective), objective)
        found.append({
            "solver": solver, "budget": budget, "error": objective, "take": None if row is None else named(row)[0],
            "left_out": sum(any(row is other for other in hidden) for row in rows),
            "sentence": _group((solver, budget), rows, objective, data),
        })  # fmt: skip
    return found


def row_error(objective: str, rows: Iterable[PlainData]) -> str:
    """The error that tells the rows of a group apart."""
    return decided(objective, [row for row in rows if not row["other_range"]])


def shown_error(data: PlainData, rows: Iterable[PlainData]) -> str:
    """The error that tells apart the groups that these rows are of, where they agree."""
    of = set(grouped(rows))
    found = {group["error"] for group in groups(data) if (group["solver"], group["budget"]) in of}
    return str(found.pop() if len(found) == 1 else data["objective"])


def row_errors(data: PlainData) -> str:
    """The errors that tell the rows of a comparison apart, in words."""
    return " or ".join(sorted({group["error"] for group in groups(data)})) or str(data["objective"])


def grouped(rows: Iterable[PlainData]) -> dict[tuple[str, int], list[PlainData]]:
    """Rows by solver and budget; noise designs stand apart."""
    found: dict[tuple[str, int], list[PlainData]] = {}
    for row in rows:
        solver = "noise designs" if row["design"] else row["solver"]
        found.setdefault((solver, row["budget"]), []).append(row)
    return found


def judged(rows: Sequence[PlainData], objective: str) -> list[PlainData]:
    """Rows that an answer can speak of.

    A row of another range solves another problem, and a run that amplifies its errors is no answer beside a steady one.
    """
    known = [row for row in rows if row[objective] is not None and not row["other_range"]]
    return [row for row in known if not unsteady(row, objective)] or known


def kept(rows: Sequence[PlainData], objective: str) -> PlainData | None:
    """The row to take of those judged: the model's own or the habit where they are as good as the best, else the best."""
    if not rows:
        return None
    best = min(rows, key=lambda row: row[objective])
    usual = [row for name in (OWN, HABIT) for row in rows if row["schedule"] == name and row["design"] is None]
    return next((row for row in usual if within(NEAR, row[objective], best[objective])), best)


def named(row: PlainData) -> tuple[str, str, int]:
    """What tells a row from the others of a comparison."""
    return row["design"] or row["schedule"], row["solver"], row["budget"]


def taken(data: PlainData) -> set[tuple[str, str, int]]:
    """The row of each group that its sentence says to take, as `named` has it."""
    keys = {named(row): key for key, rows in grouped(data["rows"]).items() for row in rows}
    told = {(group["solver"], group["budget"]): group["take"] for group in groups(data)}
    return {name for name, key in keys.items() if told[key] == name[0]}


def _group(key: tuple[str, int], rows: Sequence[PlainData], objective: str, data: PlainData) -> str:
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
            text += _to_pick(fixed, best, known, objective, data) if host is None and fixed.get("offered") == {} else ""
        elif host is not None and fixed is habit and len(others) > 1:
            text += f", the best {what}"
    return text + "." + _drop_down(known, best, objective, data)


def _to_pick(fixed: PlainData, best: PlainData, known: Sequence[PlainData], objective: str, data: PlainData) -> str:
    """The best row that some program has by name, where the one that was named is in none."""
    listed = [row for row in known if row["offered"] and row is not best]
    first = min(listed, key=lambda row: row[objective], default=None)
    flow = (data.get("process") or {}).get("name") == "flow"
    other = "what programs call so is another grid on this process"
    why = f", but {other if namesake(fixed['schedule'], flow) else 'no program offers it by name'}"
    if first is None:
        return why
    name = first["schedule"]
    of = f"{name} is" if name in (HABIT, OWN) else f"{gain(best[objective], first[objective])} {name},"
    return f"{why}; {of} the best that one offers"


def _place(row: PlainData, host: str) -> str:
    """Where a program offers a schedule, and whether a user of ComfyUI finds it in the list."""
    listed = host == "comfyui" and row["schedule"] in DROP_DOWN
    return "in its drop-down" if listed else str(row["offered"][host])


def _drop_down(known: Sequence[PlainData], best: PlainData, objective: str, data: PlainData) -> str:
    """What one gets who only picks from ComfyUI's list of schedulers, where the model is one that it runs."""
    host, process = data.get("host"), (data.get("process") or {}).get("name")
    if host not in (None, "comfyui") or (host is None and process not in ("table", "flow")):
        return ""
    listed = [row for row in known if row["schedule"] in DROP_DOWN and "comfyui" in row["offered"]]
    offered = [row for row in known if "comfyui" in row["offered"]]
    if host is not None and min(offered, key=lambda row: row[objective], default=None) in listed:
        return ""  # said already
    first = min(listed, key=lambda row: row[objective], default=best)
    # Karras beside no row that is worse is the best of nothing.
    if first is best or (first["schedule"] == HABIT and all(row[objective] <= first[objective] for row in known)):
        return ""
    name, value = first["schedule"] + unshifted(data, first["schedule"]), first[objective]
    near, off = within(NEAR, value, best[objective]), gain(value, best[objective])
    off = f"within {100 * NEAR:g} % of" if near else off
    return (
        f" Of the rows in ComfyUI's drop-down {name} is best: {objective} {number(value)}, {off} "
        f"{best['design'] or best['schedule']}."
    )
