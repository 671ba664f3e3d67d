"""A name of a file that is not there: the one in its folder that looks like it."""

from __future__ import annotations

import difflib
import os
from itertools import islice
from pathlib import Path

from diffopt.foundation.shown import visible

#: Entries of a folder that are looked at, beyond which nothing is suggested, and how alike names must be.
MOST, ALIKE = 1000, 0.8


def near_file(path: str | Path) -> str | None:
    """The one name in the folder of a missing file that is most like its own, with the folder as it was given; else None."""
    folder, name = os.path.split(str(path))
    try:
        with os.scandir(folder or ".") as entries:
            names = [entry.name for entry in islice(entries, MOST + 1)]
    except (OSError, ValueError):
        return None
    if not name or len(names) > MOST:
        return None
    scores = {entry: _likeness(name.lower(), entry.lower()) for entry in names}
    best = sorted(scores, key=lambda entry: -scores[entry])[:2]
    if not best or scores[best[0]] < ALIKE or (len(best) > 1 and scores[best[0]] == scores[best[1]]):
        return None
    return visible(os.path.join(folder, best[0]))


def _likeness(one: str, other: str) -> float:
    """How alike two names are, as a whole and before the suffix, which many files share."""
    if difflib.SequenceMatcher(None, one, other).quick_ratio() < ALIKE:
        return 0.0
    pairs = (one, other), (os.path.splitext(one)[0], os.path.splitext(other)[0])
    return min(difflib.SequenceMatcher(None, *pair).ratio() for pair in pairs)


def file_hint(path: str | Path) -> str:
    """What is added to a complaint about a missing file: `; did you mean ...?`, or nothing."""
    found = near_file(path)
    return "" if found is None else f"; did you mean {found!r}?"
