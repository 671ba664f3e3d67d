"""What the lines and columns of a table mean: names, an index, classes, numbers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from diffopt.errors import InputError
from diffopt.estimation.tables.dialect import MISSING, NUMBER

INDEX_NAMES = {"index", "id", "idx", "rowid", "row_id", "sample_id", "unnamed: 0"}
CLASS_NAMES = {"label", "labels", "class", "target"}
#: Rows from which a column that counts is taken for an index, with and without a name above it.
NAMED_ROWS, BARE_ROWS = 4, 8


@dataclass
class Layout:
    """How rows of cells become samples.

    Attributes
    ----------
    width : int
        Cells of a row.
    header : bool
        Whether the first row holds names.
    dropped : set of int
        Columns that are not numbers of the sample.
    counts_from : int or None
        First value of column 0 where it was dropped for counting 0, 1, 2, ...
    remarks : list of str
        What was assumed.
    """

    width: int
    header: bool = False
    dropped: set[int] = field(default_factory=set)
    counts_from: int | None = None
    remarks: list[str] = field(default_factory=list)

    def drop(self, column: int, why: str) -> None:
        """Leave a column out and say why."""
        self.dropped.add(column)
        self.remarks.append(why)

    def kept(self, cells: list[str]) -> list[str]:
        """Cells of a row that are numbers of the sample."""
        return [c for i, c in enumerate(cells) if i not in self.dropped] if self.dropped else cells


def layout_of(rows: Sequence[list[str]], label: str) -> Layout:
    """Layout of a table from its first rows.

    Raises
    ------
    InputError
        No row of numbers, or names that do not fit the columns.
    """
    header = is_header(rows)
    body = rows[1:] if header else rows
    if not body:
        raise InputError(f"{label}: no line of numbers")
    found = Layout(len(body[0]), header)
    if header and all(_number(c) or not c for c in rows[0]):
        found.remarks.append("the first line counts the columns and is left out; columns without names are fine")
    if found.width > 1 and all(len(r) == found.width and not r[-1] for r in body):
        found.drop(found.width - 1, "an empty last column is left out")
    if header:
        _by_names(found, rows[0], body, label)
    elif found.width > 1 and len(body) >= BARE_ROWS and counting(body) is not None:
        found.counts_from = counting(body)
        found.drop(0, f"the first column counts {found.counts_from}, {(found.counts_from or 0) + 1}, ... and is left out")
    if 0 not in found.dropped and found.width > 1 and len(body) >= BARE_ROWS and rising(body):
        raise InputError(
            f"{label}: the first column is whole numbers that rise from row to row ({body[0][0]}, {body[1][0]}, ...): an "
            "index? Remove it or call it index; if it is a number of the samples, shuffle the rows"
        )
    if len(found.dropped) >= found.width:
        raise InputError(f"{label}: no column of numbers beside the index")
    return found


def _by_names(found: Layout, names: list[str], body: Sequence[list[str]], label: str) -> None:
    if len(names) == found.width - 1:
        found.drop(0, "the first column has no name: row names, left out")
        names = ["", *names]
    elif len(names) != found.width:
        raise InputError(f"{label}: {len(names)} names and {found.width} columns; each column needs one")
    first = names[0].lower()
    if 0 not in found.dropped and found.width > 1:
        if not first:
            found.drop(0, "the first column has no name: the index of the table, left out")
        elif len(body) >= NAMED_ROWS and counting(body) is not None:
            found.counts_from = counting(body)
            found.drop(0, f"the first column ({names[0][:40]!r}) counts its rows and is left out")
        elif first in INDEX_NAMES:
            found.drop(0, f"the first column is called {names[0]!r} and is left out")
    for column, name in enumerate(names):
        if name.lower() in CLASS_NAMES and found.width > 1:
            found.drop(column, f"the column {name!r} is a class, not a number of the sample; left out (--labels reads it)")


def is_header(rows: Sequence[list[str]]) -> bool:
    """Whether the first row holds names: words, or whole numbers that count the columns."""
    first = rows[0]
    words = [c for c in first if not _number(c) and c.lower() not in MISSING]
    numbers = [c for c in first if _number(c)]
    if words:
        return not numbers or (all(_whole(c) for c in numbers) and (first[0] in words or not first[0]))
    if not first[0] and len(first) > 1 and _counts(first[1:]):
        return True
    if len(rows) < 2 or len(first) < 2 or not _counts(first):
        return False
    fractions = any(_number(c) and not _whole(c) for row in rows[1:] for c in row)
    return fractions or len(first) >= 8


def _counts(cells: Sequence[str]) -> bool:
    """0, 1, 2, ... or 1, 2, 3, ..."""
    return any(list(cells) == [str(i + start) for i in range(len(cells))] for start in (0, 1))


def counting(rows: Sequence[list[str]]) -> int | None:
    """Where the first column starts if it counts 0, 1, 2, ... or 1, 2, 3, ..."""
    column = [row[0] for row in rows]
    return int(column[0]) if column[0] in ("0", "1") and _counts(column) else None


def rising(rows: Sequence[list[str]]) -> bool:
    """Whether the first column is whole numbers in strictly rising order, beside others that are not whole."""
    if not all(_whole(row[0]) and len(row[0]) < 16 for row in rows) or all(_whole(c) for row in rows for c in row):
        return False
    column = [int(row[0]) for row in rows]
    return all(a < b for a, b in itertools.pairwise(column))


def _number(cell: str) -> bool:
    return NUMBER.match(cell.replace(",", ".", 1)) is not None


def _whole(cell: str) -> bool:
    return cell.isascii() and cell.isdigit()
