"""What a recommendation says: of every row, and which to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from diffopt.foundation.nearness import within
from diffopt.objectives.metrics import decided
from diffopt.report.gain import SAME, gain, number
from diffopt.report.model_grid import MODELS_OWN
from diffopt.report.plain_data import PlainData
from diffopt.report.spread import CLEAR
from diffopt.report.text import conditions
from diffopt.studies.comparison.row import OWN

#: What rows within so many percent of each other are.
EQUAL = "equal within 5 %"
#: Why a lead by noise is not believed, by the document's word for it.
DOUBTS = {
    "ends": "on that grid its eta does not gain a twentieth over both 0 and 1",
    "rival": "its exact error is not a twentieth below that of the best without noise",
    "gaussian": "on data that are not Gaussian that lead is not sure",
}


def name(row: PlainData, joint: str = " on ") -> str:
    """Solver, and its grid where that is not its own."""
    grid = MODELS_OWN if row["schedule"] == OWN and joint == " on " else row["schedule"]
    return str(row["solver"]) if grid == "optimized" else f"{row['solver']}{joint}{grid}"


def verdict(row: PlainData, host: str | None) -> str:
    """How a row stands beside the advised one."""
    told, noise = gain(row["to_best"], 1.0).replace(SAME, "equal"), _noise(row, host)
    habit = "the habit: " if row["habit"] else ""
    match row["verdict"]:
        case "take":
            return f"take this one{noise}"
        case "equal":
            return f"{habit}{EQUAL}{noise}"
        case "doubted":
            return f"{told}{noise}" + (": that lead is not sure" if told != "equal" else "")
        case "fitted":
            return f"{told}, fitted to this spectrum: measure it on the network"
        case _:
            return f"{habit}{told}{noise}"


def _noise(row: PlainData, host: str | None) -> str:
    if not row["eta"]:
        return ", without its noise" if row["eta_found"] == "searched" else ""
    return f", with noise ({_eta(row, host)})"


def _eta(row: PlainData, host: str | None) -> str:
    """Its number and where that comes from."""
    told = {"bound": ", the most that is tried", "fixed": f", fixed by {host}", "own": ", its own; 0 is better"}
    whence = told.get(row["eta_found"], "")
    return f"eta {number(row['eta'])}{whence}"


def sentences(data: Mapping[str, Any]) -> list[str]:
    """What to take, with its margins; which lead is not believed, and why."""
    rows, host = data["rows"], data["host"]
    best = rows[0]
    equal = [row for row in rows if row["verdict"] == "equal" and not row["habit"]]
    habit = next((row for row in rows if row["habit"]), None)
    taken = f"with {best['steps']} steps on its optimized grid{f', {_eta(best, host)}' if best['eta'] else ''}"
    margins = [] if habit is None else [f"{gain(1.0, habit['to_best'])} {name(habit)}, the habit"]
    if equal:
        several = sorted([best, *equal], key=lambda row: row["robust"])
        who = "which most people use" if habit is not None and best["solver"] == habit["solver"] else "the simplest of them"
        first = f"These {len(several)} are {EQUAL}: {_listed([row['solver'] for row in several])}. "
        stay = "" if _hidden(several) else ", or stay with the one that you use"
        first += f"Take {best['solver']}, {who}, {taken}{stay}."
        if habit is not None:
            same = habit["verdict"] == "equal"
            too = f"{name(habit)}, the habit, is equal too{_apart(habit, best, rows)}"
            first += f" {too}." if same else f" Its robust is {margins[0]}."
        first += _steps(several)
    else:
        beside = next((row for row in rows[1:] if row["verdict"] == "more" and not row["habit"]), None)
        margins = ([] if beside is None else [f"{gain(1.0, beside['to_best'])} {beside['solver']}, the next,"]) + margins
        first = f"Take {best['solver']} {taken}" + (f": its robust is {_listed(margins).rstrip(',')}." if margins else ".")
    doubted = [row for row in rows if row["verdict"] == "doubted" and gain(row["to_best"], 1.0) != SAME]
    return [first, *_exact(best, rows), *(_doubt(row, host) for row in doubted)]


def headline(data: Mapping[str, Any]) -> list[str]:
    """What was asked, by which error rows are ranked, and for which data."""
    calls, s, host = data["calls"], data["spectrum"], data["host"]
    wrong = f", score error {data['score_error']}" if data["score_error"] else ""
    return [
        f"at most {calls} denoiser call{'s' * (calls != 1)}{f' in {host}' if host else ''}, ranked by robust",
        f"process {conditions(data)}{wrong}; spectrum {s['source']}, dim {s['dim']:g}",
    ]


def _exact(best: PlainData, rows: Sequence[PlainData]) -> list[str]:
    """Which row the exact error on Gaussian data speaks for, where that is another one."""
    known = [row for row in rows if row["frechet"] is not None and row["verdict"] != "fitted"]
    least = min(known, key=lambda row: float(row["frechet"]), default=best)
    if best["frechet"] is None or within(CLEAR, least["frechet"], best["frechet"]):
        return []
    noise = f" with eta {number(least['eta'])}" if least["eta"] else ""
    return [
        f"In frechet, the exact error on Gaussian data, {name(least)}{noise} is best, {number(least['frechet'])} against "
        f"{number(best['frechet'])}; robust counts errors of steps that cannot cancel, the better guide elsewhere."
    ]


def _apart(habit: PlainData, best: PlainData, rows: Sequence[PlainData]) -> str:
    """How the habit stands in the error that `optimize` compares, where the start hides it."""
    own, other = best["robust_steps"], habit["robust_steps"]
    if own is None or other is None or decided("robust", [row for row in rows if not row["eta"]]) == "robust":
        return ""
    told = gain(other, own)
    return "" if told == SAME else f", but {told} in robust_steps, the steps alone, which optimize compares"


def _hidden(equal: Sequence[PlainData]) -> bool:
    """Whether the start, the same for all, hides what the steps do."""
    return decided("robust", equal) != "robust"


def _steps(equal: Sequence[PlainData]) -> str:
    """The errors without the start, where that hides them."""
    if not _hidden(equal):
        return ""
    known = sorted(equal, key=lambda row: float(row["robust_steps"]))
    told = ", ".join(f"{row['solver']} {number(row['robust_steps'])}" for row in known)
    return f" The start, which no grid without noise mends, hides the steps; theirs alone (robust_steps): {told}."


def _doubt(row: PlainData, host: str | None) -> str:
    less = gain(row["to_best"], 1.0)
    return f"Not {row['solver']} with {_eta(row, host)}, though its robust is {less}: {DOUBTS[row['doubt']]}."


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
