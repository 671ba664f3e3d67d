"""What an accuracy costs: one sentence on `convergence`, and of which solvers it speaks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from diffopt.report.gain import number
from diffopt.solvers import SOLVERS


def cheapest(data: Mapping[str, Any]) -> str:
    """Which of the solvers reaches the accuracy with the fewest calls, by metric."""
    parts = []
    trace = (data.get("spectrum") or {}).get("trace")
    share = f" ({number(100 * data['accuracy'] / trace**0.5)} % of the data's spread)" if trace else ""
    solvers = {row["solver"] for row in data["rows"]}
    for metric in dict.fromkeys(row["metric"] for row in data["rows"]):
        if known := [row for row in data["rows"] if row["metric"] == metric and row["calls"] is not None]:
            best = min(known, key=lambda row: row["calls"])
            squares = f" ({number(best['accuracy'])} in squared units)" if metric == "weak" and best.get("accuracy") else ""
            parts.append(f"{metric}{squares}: {best['solver']} with {best['calls']} calls ({best['needed']} steps)")
    error = f"{number(data['accuracy'])}{share}"
    error = f"{number(data['accuracy'])}{share}"
    if not parts:
        return f"None of the {those(solvers)} here reaches the error {error} within the steps that were tried."
    among = f" of the {those(solvers)} here" if len(solvers) > 1 else ""
    return f"Cheapest{among} for an error of {error}: {'; '.join(parts)}."


def those(solvers: Iterable[str]) -> str:
    """How many solvers are chosen from, and whether they are all of one step."""
    names = set(solvers)
    single = all(name in SOLVERS and SOLVERS[name].memory == 0 for name in names)
    return f"{len(names)} {'one-step ' * single}solver{'s' * (len(names) != 1)}"
