"""Tables of studies for people: what decides, in columns that fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from diffopt.report.text import conditions, short

#: Data on which a setting gains a twentieth over the present one, by claim.
ON = {"wider": "any data", "gaussian": "Gaussian"}
#: Designs, the simplest first, and the relative gain below which two are equal.
RANKED, EQUAL = ("none", "constant", "window", "per_step"), 1e-6
#: Share of the largest eta of a row that is none.
NONE = 1e-3
#: Rows of the table of noise settings.
MOST = 8


def chosen_rows(document: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The present setting, the row to set if any, and the best of each design and clock in the exact error, with names."""
    now, place = document["present"], document.get("advised")
    shown = [] if now is None else [(("present: keep" if place is None else "present") + default(document), now)]
    if place is not None:
        shown.append((f"set: {document['rows'][place]['design']}", document["rows"][place]))
    found: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for row in sorted(document["rows"], key=lambda row: row["exact"]):
        found.setdefault((row["design"], row["clock"]), row)
    found = {key: row for key, row in found.items() if row is not shown[-1][1]} if shown else found
    others = [row for row in found.values() if _worth(row, [*found.values(), *(row for _, row in shown[1:])])]
    return [*shown, *((row["design"], row) for row in others[: MOST - len(shown)])]


def default(document: Mapping[str, Any]) -> str:
    """What is said of a present setting that nobody set."""
    return "" if document.get("present_given", True) else " (default)"


def _worth(row: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> bool:
    """Whether no simpler design, nor the same in the list already, is as good in the clock of a row."""
    rank, least = RANKED.index(row["design"]), row["exact"] * (1 + EQUAL)
    same = [other for other in others if other is not row and other["clock"] == row["clock"] and other["exact"] <= least]
    return not any(RANKED.index(other["design"]) < rank or other["eta"] == row["eta"] for other in same)


def eta_table(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The present setting and the best of each design, with what decides."""
    rows = chosen_rows(document)
    clocks = {row["clock"] for _, row in rows}
    base = document["present"]["exact"] if document["present"] is not None else None
    table = []
    for name, row in rows:
        line = {"setting": name, "eta": eta_text(row["eta"]), "exact": row["exact"]}
        if len(clocks) > 1:
            line["clock"] = row["clock"] or "-"
        line["of present"] = row["exact"] / base if base else None
        line["gains on"] = ON.get(str(row.get("beats_present")), "-")
        table.append(line)
    return table


def eta_head(document: Mapping[str, Any]) -> list[str]:
    """What was studied, and under which conditions."""
    return [
        f"{document['solver']}, {document['steps']} steps, schedule {document['schedule']}",
        f"{_conditions(document)}, eta in the sense of {document['eta_meaning']}; {_spectrum(document)}",
    ]


def orders_head(document: Mapping[str, Any]) -> list[str]:
    """Which grids, under which conditions."""
    return [f"grids of {document['schedule']}", f"{_conditions(document)}; {_spectrum(document)}"]


def _conditions(document: Mapping[str, Any]) -> str:
    return f"process {conditions(document)}" + (f", score error {wrong}" if (wrong := document.get("score_error")) else "")


def _spectrum(document: Mapping[str, Any]) -> str:
    return f"spectrum {document['spectrum']['source']}, dim {document['spectrum']['dim']:g}"


def eta_text(etas: list[float]) -> str:
    """One number, or the ends of a range."""
    low, high = min(etas), max(etas)
    low = 0.0 if low < NONE * high else low
    return short(high) if high - low <= 1e-3 * max(high, 1e-12) else f"{low:.2g} to {high:.2g}"


def shown_clock(clock: str | None, process: str) -> str | None:
    """Name of a clock for people: the time of `ve` is the noise level sigma itself."""
    return "sigma" if process == "ve" and clock == "time" else clock


#: Column of how far an order is known: the range of successive slopes, of the simulated strong error a 95 % interval.
RANGE = "range"


def orders_table(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Solver with its clock, metric, order with interval, and steps and calls for the accuracy."""
    table = []
    for row in document["rows"]:
        known = row["low"] is not None and row["high"] is not None
        clock = shown_clock(row["clock"], document["process"]["name"])
        table.append({
            "solver": row["solver"] + (f" ({clock})" if clock else ""),
            "metric": row["metric"],
            "order": None if row["order"] is None else f"{row['order']:.2f}",
            RANGE: f"{row['low']:.2f} to {row['high']:.2f}" if known else None,
            "steps": row["needed"],
            "calls": row["calls"],
        })  # fmt: skip
    return table
