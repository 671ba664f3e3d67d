"""What there is: every table of names as rows."""

from __future__ import annotations

from typing import Any

from diffopt.data.builtin import BUILTINS, SUMMARIES
from diffopt.documents.options import fields_of
from diffopt.errors import InputError
from diffopt.foundation.names import suggestion
from diffopt.hosts import HOSTS
from diffopt.objectives import OBJECTIVES
from diffopt.processes import PROCESSES
from diffopt.schedules import SCHEDULES
from diffopt.solvers import SOLVERS, Solver
from diffopt.solvers.designs import DESIGNS

Listing = list[dict[str, Any]]


def _first_line(thing: Any) -> str:
    return (thing.__doc__ or "").strip().splitlines()[0]


def _calls(solver: Solver) -> str:
    """Model calls of N steps to sigma = 0, as a text in N."""
    many, most = solver.calls(100), solver.calls(101)
    slope, rest = most - many, many - 100 * (most - many)
    return f"{'' if slope == 1 else slope}N" + (f" {'+' if rest > 0 else '-'} {abs(rest)}" if rest else "")


def _solvers(long: bool) -> Listing:
    rows = []
    for name, cls in SOLVERS.items():
        row = {"name": name, "order": cls.law_order, "calls": _calls(cls()), "default_eta": cls.default_eta}
        row |= {"summary": _first_line(cls)}
        if long:
            row |= {"eta": cls.eta_meaning, "clock": cls.uses_clock, "reference": cls.reference}
        rows.append(row)
    return rows


def _schedules(long: bool) -> Listing:
    rows = []
    for name, cls in SCHEDULES.items():
        row = {"name": name, "kind": cls.kind, "formula": cls.formula}
        if long:
            row |= {"status": cls.status, "reference": cls.reference, "summary": _first_line(cls)}
        rows.append(row)
    return rows


def _designs(long: bool) -> Listing:
    rows = []
    for name, design in DESIGNS.items():
        row = {"name": name, "solver": design.solver.name, "formula": design.formula}
        rows.append(row | ({"status": design.status, "reference": design.reference} if long else {}))
    return rows


def _objectives(long: bool) -> Listing:
    rows = []
    for name, cls in OBJECTIVES.items():
        row = {"name": name, "unit": cls.unit, "summary": cls.summary}
        rows.append(row | ({"definition": _first_line(cls)} if long else {}))
    return rows


def _processes(long: bool) -> Listing:
    rows = []
    for name, cls in PROCESSES.items():
        options = ", ".join(fields_of(cls)) if long else ""
        rows.append({"name": name, "summary": _first_line(cls)} | ({"options": options} if long else {}))
    return rows


def _builtins(long: bool) -> Listing:
    rows = []
    for name, make in sorted(BUILTINS.items()):
        spectrum = make()
        row = {"name": f"builtin:{name}", "dim": spectrum.dim, "trace": spectrum.trace, "max": spectrum.max}
        row |= {"rank": spectrum.rank, "sha256": spectrum.sha256[:16]} if long else {}
        rows.append(row | {"summary": SUMMARIES[name]})
    return rows


def _hosts(long: bool) -> Listing:
    rows = []
    for name, cls in HOSTS.items():
        forms = [v for v in cls.variants if not v.endswith("Scheduler")]
        row = {"name": name, "forms": ", ".join(forms), "processes": ", ".join(cls.processes), "summary": _first_line(cls)}
        if long:
            row |= {"samplers": ", ".join(cls.samplers), "start": cls.start}
        rows.append(row)
    return rows


CATALOGUE = {
    "solvers": _solvers,
    "schedules": _schedules,
    "designs": _designs,
    "objectives": _objectives,
    "processes": _processes,
    "builtins": _builtins,
    "hosts": _hosts,
}


def inventory(what: str | None, long: bool) -> dict[str, Listing]:
    """Rows of one table of names, or of all.

    Raises
    ------
    InputError
        Unknown table.
    """
    if what is not None and what not in CATALOGUE:
        # One of a kind means the kind: `solver`, `process`.
        many = f"{what}e" * what.endswith("s") + f"{what}" * (not what.endswith("s")) + "s"
        if many not in CATALOGUE:
            raise InputError(f"nothing to list under {what!r}; {suggestion(what, CATALOGUE)}")
        what = many
    return {kind: make(long) for kind, make in CATALOGUE.items() if what in (None, kind)}


def inventory_rows(kind: str, rows: Listing, form: str, width: int, colour: bool) -> str:
    """One group as text."""
    from diffopt.report import text as report

    if form == "csv":
        return report.to_csv(rows)
    if form == "markdown":
        return report.to_markdown(rows)
    if form == "lines":
        return "".join(f"{row['name']}\n" for row in rows)
    from diffopt.report.records import listed
    from diffopt.report.terminal import to_terminal

    prose = ("summary", "formula", "reference", "definition", "forms", "processes", "samplers")
    return to_terminal(listed(rows, kind, width, ("default_eta", "forms", "status", "unit"), prose), width, colour) + "\n"
