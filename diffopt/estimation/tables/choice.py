"""Columns of a table that the caller names: all of them, or some by name, number or range of numbers."""

from __future__ import annotations

from collections.abc import Sequence

from diffopt.errors import InputError

#: Whether the first row holds names.
HEADERS = {"auto": None, "yes": True, "no": False}


def check_header(header: str) -> None:
    """Refuse a word that is not one of HEADERS.

    Raises
    ------
    InputError
        Naming them.
    """
    if header not in HEADERS:
        raise InputError(f"header must be {', '.join(HEADERS)}; got {header!r}")


def chosen_columns(choice: str, names: Sequence[str] | None, width: int, label: str) -> set[int]:
    """Places from 0 of the columns that `choice` names, such as `all`, `2-5` or `x,y,7`.

    Parameters
    ----------
    choice : str
        `all`, or names, numbers from 1 and ranges of numbers between commas; a name wins over a number.
    names : sequence of str or None
        Of the columns, where the table has a header.
    width : int
        Number of columns.
    label : str
        For messages.

    Raises
    ------
    InputError
        No such column, or two of that name.
    """
    if choice.strip().lower() == "all":
        return set(range(width))
    found: set[int] = set()
    for word in (part.strip() for part in choice.split(",")):
        places = [i for i, name in enumerate(names or ()) if name == word] or _numbered(word, width)
        if not places or (len(places) > 1 and "-" not in word):
            has = ", ".join(names) if names else f"no header and {width} columns"
            why = "stands for two columns" if places else "names no column"
            raise InputError(f"{label}: --columns: {word[:40]!r} {why}; it has {has[:200]}; give names, numbers from 1 or 2-5")
        found |= set(places)
    return found


def _numbered(word: str, width: int) -> list[int]:
    first, dash, last = word.partition("-")
    if not first.isdigit() or (dash and not last.isdigit()):
        return []
    begin, end = int(first), int(last) if dash else int(first)
    return list(range(begin - 1, end)) if 1 <= begin <= end <= width else []
