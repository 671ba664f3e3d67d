"""What a search over the numbers of a family found, for people: values, bounds it met, cautions, EDM's flags."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from diffopt.documents.options import CHURN
from diffopt.hosts.edm_flags import churn_flags, grid_flags, nearest_karras
from diffopt.report.churn_answers import QUARTER, churned, counted_on, idle, leave_out, told_apart
from diffopt.report.plain_data import PlainData

#: The schedule whose numbers EDM's generate.py takes.
KARRAS = "karras"
#: EDM's own churn.
STILL = {"s_churn": 0.0, "s_tmin": 0.0, "s_tmax": math.inf, "s_noise": 1.0}
#: Most that a value at a bound may differ from the end of the range as it was asked, relative.
SAME = 1e-5


def found_numbers(data: PlainData) -> list[str]:
    """Numbers that were free, those at the end of what was searched, what churn does, and the flags of EDM where it runs them."""
    search = data.get("optimizer") or {}
    found, churn = search.get("family") or {}, search.get("churn")
    lines, flags = [_free(found, search.get("free") or ())] if found else [], edm_flags(data) if found else ""
    minimized = (data.get("objective") or {}).get("name", "robust")
    if set(CHURN) & set(found) and (not _churns(data, found) or idle(churn, minimized)):
        lines += [*at_bound(data, CHURN), leave_out(churn, minimized, search.get("schedule"))]
        flags = flags and edm_flags(data, False)
    elif set(CHURN) & set(found):
        lines += [*at_bound(data), *churned(data)]
        if flags and churn is not None and not counted_on(data):
            return [*lines, *told_apart(data), _without_churn(data), f"EDM, with churn: generate.py {flags}"]
    else:
        lines += at_bound(data)
    return [*lines, f"EDM: generate.py {flags}"] if flags else lines


def handed_on(data: PlainData, edm: bool = True) -> list[str]:
    """What is said of a churn that was found where its run goes to a program: nothing where it may be counted on.

    With `edm` the flags without it, where the grid is one of Karras.
    """
    search = data["optimizer"]
    churn, minimized = search.get("churn"), data["objective"]["name"]
    if counted_on(data):
        return []
    flags = [_without_churn(data)] if edm and edm_flags(data) else []
    if not _churns(data, search["family"]) or idle(churn, minimized):
        return [leave_out(churn, minimized, search.get("schedule")), *flags]
    return [*churned(data), *([] if churn is None else [told_apart(data)[-1], *flags] if flags else [])]


def _without_churn(data: PlainData) -> str:
    return f"EDM: generate.py {edm_flags(data, False)}"


def _churns(data: PlainData, found: Mapping[str, float]) -> bool:
    """Whether any step churns."""
    now = {"s_tmin": 0.0, "s_tmax": math.inf, **(data.get("solver_options") or {}), **found}
    return bool(now.get("s_churn")) and any(now["s_tmin"] <= s <= now["s_tmax"] for s in data.get("sigmas") or () if s)


def _free(found: Mapping[str, float], free: Sequence[str]) -> str:
    """The numbers; of no churn its 0 alone, of a churn the end of its window that is infinite too."""
    told = {name: value for name, value in found.items() if name not in CHURN[1:] or found.get("s_churn") != 0}
    if found.get("s_churn") and {"family", "s_tmax"} & set(free):
        told.setdefault("s_tmax", math.inf)
    return "Free parameters: " + ", ".join(f"{name} {value:.4g}" for name, value in told.items()) + "."


def at_bound(data: PlainData, besides: Collection[str] = ()) -> list[str]:
    """What ended where the search was not allowed further: the number is the bound's, not the data's, and what to try.

    Names in `besides` are left out.
    """
    held = [one for one in (data.get("optimizer") or {}).get("at_bound") or [] if one.rpartition(" ")[0] not in besides]
    if not held:
        return []
    lines = [f"At the end of what was searched: {', '.join(held)}."]
    return lines + [advice for one in held if (advice := _beyond(one, data))]


def _beyond(held: str, data: PlainData) -> str:
    """What to try beyond a bound."""
    name, _, text = held.rpartition(" ")
    value, process = float(text), data["process"]
    if name in ("sigma_max", "sigma_min") and process[name]:
        if abs(value / process[name] - 1) > SAME:
            return ""
        if process["name"] == "table":
            return f"{name}: a trained table ends where the model does; what lies beyond its end cannot be run."
        top, why = name == "sigma_max", ""
        flag, other = f"--{name.replace('_', '-')}", value * (2 if top else 0.5)
        levels = f"no level {'above' if top else 'below'} {value:g} was tried"
        needed = top and "sigma_max_needed" in data
        if needed:
            if data["sigma_max_needed"] is None:
                return "sigma_max: the start is below a quarter of the steps' error there, so a higher one gains little."
            # Of other processes it may be their end instead.
            other, why = data["sigma_max_needed"], f": {QUARTER}" * (process["name"] == "ve")
        reach = "if the network was trained there" if process["name"] == "ve" else "if your model has such levels"
        end = f"{why}." if needed else "; stop where that gains less than 1 %."
        return f"{name}: {levels}; try {flag} {other:g} {reach}{end}"
    return {
        "s_noise": "s_noise: only values within 5 % of 1 are tried; beyond, the network is told another noise than there is.",
        "s_churn": "s_churn: EDM's sampler clips more.",
        "eta": f"eta: no larger one than {text} is tried.",
    }.get(name, "")


def edm_flags(data: PlainData, churns: bool = True) -> str:
    """`--steps=18 --rho=7 ...` of a Karras grid that EDM's sampler can run, as `export` writes them; empty for others.

    Without `churns` the best grid without churn, or where none was searched for the same one.
    """
    optimizer = data.get("optimizer") or {}
    still = None if churns else (optimizer.get("churn") or {}).get("still")
    solver, process = data["solver"], data["process"]
    runs = optimizer.get("schedule") == KARRAS and process["name"] == "ve" and data["end"] == "zero"
    own = solver in ("heun", "edm_stochastic") and data["clock"] in (None, "sigma")
    levels = np.array((still or data)["sigmas"][:-1], dtype=float)
    if not (runs and own) or "grid" in optimizer["free"] or levels.size < 2:
        return ""
    churn = f" {churn_flags(data['solver_options'] if churns else STILL)}" if solver == "edm_stochastic" else ""
    known = {**(optimizer.get("schedule_options") or {}), **((still or optimizer).get("family") or {})}.get("rho")
    return grid_flags(levels, nearest_karras(levels)[1] if known is None else known) + churn
