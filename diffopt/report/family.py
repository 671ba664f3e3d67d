"""What a search over the numbers of a family found, for people: values, bounds it met, cautions, EDM's flags."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from diffopt.hosts.edm_flags import churn_flags, grid_flags, nearest_karras
from diffopt.report.gain import gain, number

Document = Mapping[str, Any]
#: The schedule whose numbers EDM's generate.py takes.
KARRAS = "karras"
#: Most that a value at a bound may differ from the end of the range as it was asked, relative.
SAME = 1e-5


def found_numbers(data: Document) -> list[str]:
    """Numbers that were free, those at the end of what was searched, and the flags of EDM where its sampler runs them."""
    search = data.get("optimizer") or {}
    found = search.get("family") or {}
    lines = ["Free parameters: " + ", ".join(f"{name} {value:.6g}" for name, value in found.items()) + "."] if found else []
    lines += at_bound(data)
    if not found:
        return lines
    levels = [s for s in data.get("sigmas") or () if s]
    if found.get("s_churn") == 0 or not any(found.get("s_tmin", 0) <= s <= found.get("s_tmax", math.inf) for s in levels):
        lines.append("EDM's churn does not pay here: s_churn 0 is as good.")
    else:
        lines += churned(search.get("churn"), data["process"])
        lines += _churn_caution(found, data.get("score_error"))
    flags = edm_flags(data)
    return [*lines, f"EDM: generate.py {flags}"] if flags else lines


def at_bound(data: Document) -> list[str]:
    """What ended where the search was not allowed further: the number is the bound's, not the data's, and what to try."""
    held = (data.get("optimizer") or {}).get("at_bound") or []
    if not held:
        return []
    lines = [f"At the end of what was searched: {', '.join(held)}."]
    return lines + [advice for one in held if (advice := _beyond(one, data))]


def _beyond(held: str, data: Document) -> str:
    """What to try beyond a bound."""
    name, _, text = held.rpartition(" ")
    value, process = float(text), data["process"]
    if name in ("sigma_max", "sigma_min") and process[name]:
        if abs(value / process[name] - 1) > SAME:
            return ""
        top = name == "sigma_max"
        flag, other = f"--{name.replace('_', '-')}", value * (2 if top else 0.5)
        levels = f"no level {'above' if top else 'below'} {value:g} was tried"
        reach = "if the network was trained there" if process["name"] == "ve" else "if your model has such levels"
        return f"{name}: {levels}; try {flag} {other:g} {reach}."
    return {
        "s_noise": "s_noise: only values within 5 % of 1 are tried; beyond, the network is told another noise than there is.",
        "s_churn": "s_churn: EDM's sampler clips more.",
        "eta": f"eta: no larger one than {text} is tried.",
    }.get(name, "")


#: What a part of the error is, and what else mends it.
PARTS = {
    "start": "the start law", "steps": "the steps, as a better grid or more of them do", "score": "the score's own error",
}  # fmt: skip


def churned(churn: Document | None, process: Document) -> list[str]:
    """What churn repairs, what it does to the exact error, and on which data that may be counted on (eqs. 426, 427)."""
    if churn is None:
        return []
    own, without = churn["frechet"]
    exact = f"frechet is {number(own)} with it and {number(without)} without"
    if churn["repairs"] is None:
        return [f"Churn repairs neither start, steps nor score; {exact}: leave it out."]
    before, after = (sum(pair[i] for pair in churn["parts"].values()) for i in (1, 0))
    listed = ", ".join(f"{name} {number(pair[1])} to {number(pair[0])}" for name, pair in churn["parts"].items())
    lines = [
        f"What churn repairs here is {PARTS[churn['repairs']]}: of robust squared ({number(before)} to {number(after)}) {listed}."
    ]
    if churn["claim"] == "no":
        worse = f", {gain(own, without)} that" if own > without else ""
        lines.append(f"Caution: that is no gain of a twentieth in the exact error: {exact}{worse}.")
    else:
        where = {
            "gaussian": "on Gaussian data; that is not said of other data",
            "wider": "on Gaussian data, and by the rule of eta (docs/score_error.md) on others; for churn it has not been tried",
        }[churn["claim"]]
        lines.append(f"{exact[0].upper()}{exact[1:]}, {where}.")
    if churn["repairs"] == "start" and process["sigma_max"]:
        lines.append(
            f"A larger --sigma-max ({2 * process['sigma_max']:g}, if the network was trained there) mends that without churn."
        )
    return lines


def _churn_caution(found: Document, error: str | None) -> list[str]:
    """What a gain by churn rests on, where it is not a measured score error."""
    if not found.get("s_churn"):
        return []
    if error == "function" or (error or "").startswith("random:curve:"):
        return []
    if error is not None and "curve:" in error:
        return ["A loss curve has no sign: the score error is taken as too large a score; one too small asks for another churn."]
    advice = "give --score-error curve:FILE, measured from your loss curve, before you use it."
    if error is not None:
        sign = "" if error.startswith("random:") else ", and its sign decides (try the other one)"
        return [f"Caution: what churn gains follows the score error {error}, a rule and not a measurement{sign}; {advice}"]
    return [
        "Caution: with an exact score what churn gains is cancellation on Gaussian data: its noise, and S_noise other than 1, "
        f"offset the errors of the steps; {advice}"
    ]


def edm_flags(data: Document) -> str:
    """`--steps=18 --rho=7 ...` of a Karras grid that EDM's sampler can run, as `export` writes them; empty for others."""
    optimizer = data.get("optimizer") or {}
    solver, process = data["solver"], data["process"]
    runs = optimizer.get("schedule") == KARRAS and process["name"] == "ve" and data["end"] == "zero"
    own = solver in ("heun", "edm_stochastic") and data["clock"] in (None, "sigma")
    levels = np.array(data["sigmas"][:-1], dtype=float)
    if not (runs and own) or "grid" in optimizer["free"] or levels.size < 2:
        return ""
    churn = f" {churn_flags(data['solver_options'])}" if solver == "edm_stochastic" else ""
    known = {**(optimizer.get("schedule_options") or {}), **(optimizer.get("family") or {})}.get("rho")
    return grid_flags(levels, nearest_karras(levels)[1] if known is None else known) + churn
