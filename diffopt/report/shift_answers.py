"""What the table of shifts says, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from diffopt.foundation.nearness import within
from diffopt.report.answers import NEAR, Document
from diffopt.report.gain import gain, number

#: Rows that are computed from the spectrum, beside the optimum.
LAWS = ("leading_order", "closed_law")


def drawn(data: Document) -> str:
    """The error that is compared: the one that was minimized, where every row has it."""
    return str(data["objective"]) if data["objective"] in data["rows"][0] else "frechet"


def taken(data: Document) -> Document:
    """The row to set: the optimum, or a shipped shift that is as good in the error that was minimized."""
    best, *others = data["rows"]
    name = drawn(data)
    shipped = [row for row in others if row["name"] not in LAWS and row[name] is not None]
    if best[name] is None or not shipped or name != data["objective"]:
        return dict(best)
    rival = min(shipped, key=lambda row: row[name])
    return dict(rival if rival[name] < best[name] or within(NEAR, rival[name], best[name]) else best)


def shifted(data: Document) -> list[str]:
    """The shift to set or a shipped one that is as good, in the error that was minimized; who is lower by `robust`."""
    best, *others = data["rows"]
    name = drawn(data)
    size = f"{data['solver']}, {data['steps']} steps and {data['tokens']} tokens"
    minimized = f"{data['objective']} was minimized"
    shipped = [row for row in others if row["name"] not in LAWS and row[name] is not None]
    optimum = f"shift {best['shift']:.4g} (mu {best['mu']:.4g})"
    first = f"For {size}: set {optimum}; {minimized}."
    if best[name] is not None and shipped:
        rival = min(shipped, key=lambda row: row[name])
        who, own, theirs = rival["name"], number(best[name]), number(rival[name])
        told = gain(best[name], rival[name])
        first = f"For {size}: set {optimum}, {name} {own}, {told} {who} ({theirs}), the best of what models ship; {minimized}."
        if taken(data)["name"] != best["name"]:
            first = f"For {size}: {who}'s shift {rival['shift']:.4g} is as good, keep it. "
            first += f"The optimum, {optimum}, has {name} {own}, {told} it ({theirs}); {minimized}."
    flags = f"--process flow --schedule shift:{taken(data)['shift']:.4g} --sigma-min 0"
    return [first, *_by_robust(best, others, name), f"As a schedule (its last step to 0 is one of the equal ones): {flags}"]


def headline(data: Document) -> list[str]:
    """The shift to set, and by `robust` another one where that is not it."""
    best, *others = data["rows"]
    first, advised = shifted(data)[0], taken(data)["name"]
    known = [row for row in data["rows"] if row["robust"] is not None]
    least = min(known, key=lambda row: row["robust"], default=best)
    return [first, *(_by_robust(best, others, drawn(data)) if least["name"] != advised else [])]


def _by_robust(best: Document, others: Sequence[Document], name: str) -> list[str]:
    """Who is lower by `robust`, where another error was minimized."""
    known = [row for row in others if row["robust"] is not None]
    if name == "robust" or best["robust"] is None or not known:
        return []
    least = min(known, key=lambda row: row["robust"])
    if least["robust"] >= best["robust"]:
        return []
    return [
        f"By robust {least['name']} (shift {least['shift']:.4g}) is lower: {number(least['robust'])} against the optimum's "
        f"{number(best['robust'])}; --objective robust minimizes that."
    ]
