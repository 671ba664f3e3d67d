"""The lists of docs/extending.md, made from the tables of names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from diffopt.documents.options import fields_of
from diffopt.estimation.readers import READERS
from diffopt.hosts import HOSTS
from diffopt.objectives import OBJECTIVES
from diffopt.processes import PROCESSES
from diffopt.schedules import SCHEDULES
from diffopt.solvers import SOLVERS

#: Tables of names by the heading of their list.
TABLES: dict[str, Mapping[str, Any]] = {
    "solvers": SOLVERS,
    "schedules": SCHEDULES,
    "objectives": OBJECTIVES,
    "processes": PROCESSES,
    "readers": READERS,
    "hosts": HOSTS,
}

_PART = re.compile(r"<!-- generated: (\w+) -->(?:.*?<!-- end -->)?", re.DOTALL)


def listing(kind: str) -> str:
    """Names of a table with their options, as one paragraph between marks."""
    return f"<!-- generated: {kind} -->\n{', '.join(_entry(name, thing) for name, thing in TABLES[kind].items())}.\n<!-- end -->"


def _entry(name: str, thing: Any) -> str:
    options = [field for field in fields_of(thing) if field != "clock"] if isinstance(thing, type) else []
    return f"`{name}`" + (f" ({', '.join(options)})" if options else "")


def renewed(text: str) -> str:
    """The page with its lists made again."""
    return _PART.sub(lambda match: listing(match.group(1)), text)


if __name__ == "__main__":
    import sys
    from pathlib import Path

    # python -m diffopt.report.extending docs/extending.md
    for name in sys.argv[1:]:
        Path(name).write_text(renewed(Path(name).read_text(encoding="utf-8")), encoding="utf-8")
