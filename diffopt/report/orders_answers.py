"""What an accuracy costs: sentences on `convergence`, of which solvers they speak, and what a real start adds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from diffopt.report.gain import number, share
from diffopt.solvers import SOLVERS


def cheapest(data: Mapping[str, Any]) -> str:
    """Which of the solvers reaches the accuracy with the fewest calls, by metric."""
    parts, alone = [], _alone(data["process"])
    trace = (data.get("spectrum") or {}).get("trace")
    part = f" ({share(100 * data['accuracy'] / trace**0.5)} % of the data's spread)" if trace else ""
    solvers = {row["solver"] for row in data["rows"]}
    for metric in dict.fromkeys(row["metric"] for row in data["rows"]):
        if known := [row for row in data["rows"] if row["metric"] == metric and row["calls"] is not None]:
            best = min(known, key=lambda row: row["calls"])
            squares = f" ({number(best['accuracy'])} in squared units)" if metric == "weak" and best.get("accuracy") else ""
            parts.append(f"{metric}{squares}: {best['solver']} with {best['calls']} calls ({best['needed']} steps)")
    error = f"{number(data['accuracy'])}{part}"
    if not parts:
        return f"None of the {those(solvers)} here reaches the error {error} {alone} within what was tried."
    among = f" of the {those(solvers)} here" if len(solvers) > 1 else ""
    return f"Cheapest{among} for an error of {error} {alone}: {'; '.join(parts)}."


def _alone(process: Mapping[str, Any]) -> str:
    """Whose errors these are."""
    top = "pure noise" if process["sigma_max"] is None else f"sigma {process['sigma_max']:g}"
    return f"by the steps alone (exact start at {top}, down to {process['sigma_min']:g})"


def caution(data: Mapping[str, Any], brief: bool = False) -> str | None:
    """That a start from noise is further off than the steps, where it is at some of the calls; None where it is not.

    `brief` leaves out what to do.
    """
    start = data.get("start_error")
    rows = [row for row in data["rows"] if row["metric"] != "weak"]
    least = min((error for row in rows for error in row["errors"]), default=data["accuracy"])
    if start is None or not start > min(least, data["accuracy"]):
        return None
    said = f"A start from N(0, sigma_max^2), as programs have it, adds up to {number(start)} to a distance"
    more = [f"the error {number(data['accuracy'])} that is asked for"] * (start > data["accuracy"])
    if rows:
        row = min(rows, key=lambda row: (row["calls"] is None, row["calls"] or 0))
        passed = [n for n, error in zip(row["steps"], row["errors"], strict=True) if error < start]
        more += [f"all steps of {row['solver']} from {n} on ({row['metric']})" for n in passed[:1]]
    beyond = f": more than {' and than '.join(more)}" if more else ""
    if brief:
        return f"{said}{beyond}."
    return f"{said}{beyond}. `diffopt evaluate --start sigma` states one grid with it; a larger --sigma-max lowers it."


def those(solvers: Iterable[str]) -> str:
    """How many solvers are chosen from, and whether they are all of one step."""
    names = set(solvers)
    single = all(name in SOLVERS and SOLVERS[name].memory == 0 for name in names)
    return f"{len(names)} {'one-step ' * single}solver{'s' * (len(names) != 1)}"
