"""Tables of studies for people: what decides, in columns that fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diffopt.report.text import short

#: Rows of the table of noise settings.
MOST = 8


def chosen_rows(document: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The present setting, then the best row of each design and clock in the exact error, the best first, with names."""
    rows = sorted(document["rows"], key=lambda row: row["exact"])
    found: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for row in rows:
        found.setdefault((row["design"], row["clock"]), row)
    shown = [("present", document["present"])] if document["present"] is not None else []
    return [*shown, *((row["design"], row) for row in list(found.values())[: MOST - len(shown)])]


def eta_table(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The present setting and the best of each design, with what decides."""
    rows = chosen_rows(document)
    clocks = {row["clock"] for name, row in rows if name != "present"}
    base = document["present"]["exact"] if document["present"] is not None else None
    table = []
    for name, row in rows:
        line = {"setting": name, "eta": eta_text(row["eta"]), "exact": row["exact"]}
        if len(clocks) > 1:
            line["clock"] = row["clock"] or "-"
        line["of present"] = row["exact"] / base if base else None
        table.append(line)
    return table


def eta_text(etas: list[float]) -> str:
    """One number, or the ends of a range."""
    low, high = min(etas), max(etas)
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
