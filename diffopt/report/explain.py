"""What a named row is: a paragraph, its formula, its source; for people and for the documentation."""

from __future__ import annotations

import difflib
import inspect
import re

from diffopt.errors import InputError
from diffopt.schedules import SCHEDULES
from diffopt.solvers.designs import DESIGNS

#: Lines of the generated part of docs/schedules.md stand between these.
BEGIN, END = "<!-- generated from the table of names: begin -->", "<!-- generated: end -->"

_STATUS = {"read": "read in the source", "derived": "derived here"}


def names() -> list[str]:
    """Everything that can be explained."""
    return [*SCHEDULES, *DESIGNS]


def explain(name: str) -> dict[str, str]:
    """Name, kind, status, summary, formula and reference of a schedule or a design of the noise.

    Raises
    ------
    InputError
        Unknown name; the closest one is offered.
    """
    if name in DESIGNS:
        design = DESIGNS[name]
        summary = f"Noise design for the solver `{design.solver.name}`: {_paragraph(type(design.solver))}"
        if callable(design.eta):
            summary += f" Coefficient per step: {_paragraph(design.eta)}"
        kind, status, formula, reference = "stochasticity", design.status, design.formula, design.reference
    elif name in SCHEDULES:
        cls = SCHEDULES[name]
        summary = _paragraph(cls)
        kind, status, formula, reference = cls.kind, cls.status, cls.formula, cls.reference
    else:
        close = difflib.get_close_matches(name, names(), 1)
        hint = f"did you mean {close[0]!r}?" if close else "see `diffopt list schedules`"
        raise InputError(f"schedule {name!r} is unknown; {hint}")
    return {
        "name": name, "kind": kind, "status": _STATUS[status], "summary": summary, "formula": formula,
        "reference": reference,
    }  # fmt: skip


def _paragraph(thing: object) -> str:
    """The docstring without its sections and its reference, as one paragraph."""
    text = inspect.getdoc(thing) or ""
    text = re.split(r"\n\s*Reference:|\n\s*\w+\n\s*-{3,}", text)[0]
    return " ".join(text.split())


def catalogue() -> str:
    """Every row as markdown, in the order of the tables of names."""
    lines, kind = [], ""
    for name in names():
        row = explain(name)
        if row["kind"] != kind:
            kind = row["kind"]
            lines += [f"### {kind}", ""]
        lines += [f"**`{name}`** ({row['status']}). {row['summary']}", ""]
        lines += [f"    {row['formula']}", "", f"Source: {row['reference']}", ""]
    return "\n".join([BEGIN, "", *lines, END])


def renewed(text: str) -> str:
    """A document with its generated part made again."""
    return text[: text.index(BEGIN)] + catalogue() + text[text.index(END) + len(END) :]


if __name__ == "__main__":
    import sys
    from pathlib import Path

    # python -m diffopt.report.explain docs/schedules.md
    for name in sys.argv[1:]:
        Path(name).write_text(renewed(Path(name).read_text(encoding="utf-8")), encoding="utf-8")
