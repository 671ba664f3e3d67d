"""What the table of shifts says, in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from diffopt.foundation.nearness import within
from diffopt.report.answers import NEAR
from diffopt.report.gain import gain, number
from diffopt.report.plain_data import PlainData

#: Rows that are computed from the spectrum, beside the optimum.
LAWS = ("leading_order", "closed_law")


def drawn(data: PlainData) -> str:
    """The error that is compared: the one that was minimized, where every row has it."""
    return str(data["objective"]) if data["objective"] in data["rows"][0] else "frechet"


def taken(data: PlainData) -> PlainData:
    """The row to set: the optimum, or a shipped shift that is as good in the error that was minimized."""
    best, name, shipped = data["rows"][0], drawn(data), _shipped(data)
    if best[name] is None or not shipped or name != data["objective"]:
        return dict(best)
    rival = min(shipped, key=lambda row: row[name])
    return dict(rival if rival[name] < best[name] or within(NEAR, rival[name], best[name]) else best)


def shifted(data: PlainData) -> list[str]:
    """The shift to set, a shipped one where that is as good in the error that was minimized; who is lower by `robust`."""
    best, chosen, name = data["rows"][0], taken(data), drawn(data)
    shipped = _shipped(data)
    size = f"{data['solver']}, {data['steps']} steps and {data['tokens']} tokens"
    minimized = f"{data['objective']} was minimized"
    optimum = f"shift {best['shift']:.4g} (mu {best['mu']:.4g})"
    if chosen["name"] != best["name"]:
        first = f"For {size}: {_kept(best, chosen, shipped, name, optimum)}; {minimized}."
    elif best[name] is not None and shipped:
        rival = min(shipped, key=lambda row: row[name])
        told = f"{gain(best[name], rival[name])} {rival['name']} ({number(rival[name])}), the best of what models ship"
        first = f"For {size}: set {optimum}, {name} {number(best[name])}, {told}; {minimized}."
    else:
        first = f"For {size}: set {optimum}; {minimized}."
    flags = f"--process flow --schedule shift:{chosen['shift']:.4g} --sigma-min 0"
    others = _others(chosen, shipped, name) if chosen["name"] != best["name"] else []
    return [first, *others, *_by_robust(data), f"As a schedule (its last step to 0 is one of the equal ones): {flags}"]


def headline(data: PlainData) -> list[str]:
    """The shift to set, and by `robust` another one where that is not it."""
    return [shifted(data)[0], *_by_robust(data)]


def _shipped(data: PlainData) -> list[PlainData]:
    """Rows that models ship, with a number."""
    name = drawn(data)
    return [row for row in data["rows"][1:] if row["name"] not in LAWS and row[name] is not None]


def _kept(best: PlainData, chosen: PlainData, shipped: Sequence[PlainData], name: str, optimum: str) -> str:
    """A shipped shift to set, for every model: whose it is, and how far the optimum is from it."""
    whose = [row["name"] for row in shipped if math.isclose(row["shift"], chosen["shift"], rel_tol=1e-6)]
    ship = f"{' and '.join(whose)} {'ship' if len(whose) > 1 else 'ships'}"
    far = f"the optimum, {optimum}, is {gain(best[name], chosen[name])} that"
    return f"set shift {chosen['shift']:.4g}, which {ship}, {name} {number(chosen[name])}; {far}"


def _others(chosen: PlainData, shipped: Sequence[PlainData], name: str) -> list[str]:
    """What the shifts of other models cost, which are no better and are not to be kept."""
    worse = [row for row in shipped if row[name] > chosen[name] and not within(NEAR, row[name], chosen[name])]
    if not worse:
        return []
    listed = [f"{row['name']} ({row['shift']:.4g}) {number(row[name])}" for row in sorted(worse, key=lambda row: row[name])]
    return [f"What other models ship has more: {', '.join(listed)}."]


def _by_robust(data: PlainData) -> list[str]:
    """Who is lower by `robust` than the shift to set, where another error was minimized."""
    chosen, known = taken(data), [row for row in data["rows"] if row["robust"] is not None]
    if drawn(data) == "robust" or chosen["robust"] is None:
        return []
    least = min(known, key=lambda row: row["robust"])
    if least["robust"] >= chosen["robust"] or within(NEAR, least["robust"], chosen["robust"]):
        return []
    return [
        f"By robust {least['name']} (shift {least['shift']:.4g}) is lower: {number(least['robust'])} against "
        f"{number(chosen['robust'])}; --objective robust minimizes that."
    ]
