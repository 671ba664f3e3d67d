"""What the lines and columns of a table mean: names, an index, classes, numbers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from diffopt.errors import InputError
from diffopt.estimation.tables.choice import chosen_columns
from diffopt.estimation.tables.header import is_header, is_number, is_whole, refuse_rising_names, starts_counting
from diffopt.foundation.dialect import NUMBER, real

INDEX_NAMES = {"index", "id", "idx", "rowid", "row_id", "sample_id", "unnamed: 0"}
#: Names that, all together, are of no samples: what the table is, and what to do with it.
OTHERS = (
    ({"eigenvalue"}, "a spectrum already; give it to diffopt optimize or evaluate as it is"),
    ({"step", "sigma"}, "a grid; give it to diffopt evaluate after a spectrum"),
    ({"sigma", "mse"}, "errors of a network by noise ratio; use diffopt spectrum from-loss"),
)
CLASS_NAMES = {"label", "labels", "class", "target"}
#: Rows from which a column that counts is taken for an index, with and without a name above it; and those from which
#: numbers of any kind that only rise are no coincidence (one in 20! orders).
NAMED_ROWS, BARE_ROWS, RISING_ROWS = 4, 8, 20


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
        self.remarks.append(f"{why} (--columns says otherwise)")

    def kept(self, cells: list[str]) -> list[str]:
        """Cells of a row that are numbers of the sample."""
        return [c for i, c in enumerate(cells) if i not in self.dropped] if self.dropped else cells


def layout_of(rows: Sequence[list[str]], label: str, columns: str | None = None, named: bool | None = None) -> Layout:
    """Layout of a table from its first rows.

    Parameters
    ----------
    rows : sequence of list of str
        Cells.
    label : str
        For messages.
    columns : str, optional
        Columns that the caller names (see :func:`chosen_columns`); nothing is assumed about them then.
    named : bool, optional
        Whether the first row holds names; None finds out.

    Raises
    ------
    InputError
        No row of numbers, names that do not fit the columns, or a column that looks like an index and may be numbers.
    """
    header = is_header(rows) if named is None else named
    if named is None and not header:
        refuse_rising_names(rows, label)
    body = rows[1:] if header else rows
    if not body:
        raise InputError(f"{label}: no line of numbers")
    found = Layout(len(body[0]), header)
    if named is None and header and all(is_number(c) or not c for c in rows[0]):
        found.remarks.append("the first line counts the columns and is left out (--header no keeps it)")
    if columns is not None:
        names = _names(rows[0], found.width, label) if header else None
        found.dropped = set(range(found.width)) - chosen_columns(columns, names, found.width, label)
        return found
    _find(found, rows[0] if header else None, body, label)
    if len(found.dropped) >= found.width:
        raise InputError(f"{label}: no column of numbers beside the index; name columns with --columns")
    return found


def _find(found: Layout, header: list[str] | None, body: Sequence[list[str]], label: str) -> None:
    """Columns that are no numbers of the sample, by their names and by their course."""
    if found.width > 1 and all(len(r) == found.width and not r[-1] for r in body):
        found.drop(found.width - 1, "an empty last column is left out")
    if header is not None:
        _refuse_others(header, label)
        _by_names(found, header, body, label)
    elif found.width > 1 and len(body) >= BARE_ROWS and counting(body) is not None:
        found.counts_from = counting(body)
        found.drop(0, f"the first column counts {found.counts_from}, {(found.counts_from or 0) + 1}, ... and is left out")
    if 0 not in found.dropped and found.width > 1 and rising(body):
        raise InputError(
            f"{label}: the first column only rises ({body[0][0]}, {body[1][0]}, ...): an index or a time? Leave it out with "
            f"--columns {'2' if found.width == 2 else f'2-{found.width}'}, or keep it with --columns all"
        )


def _names(names: list[str], width: int, label: str) -> list[str]:
    """Names of all columns; a row names of R have none above them."""
    if len(names) == width - 1:
        return ["", *names]
    if len(names) != width:
        raise InputError(f"{label}: {len(names)} names and {width} columns; each column needs one")
    return names


def _refuse_others(header: list[str], label: str) -> None:
    """Tables of this project that hold no samples, by their columns."""
    names = {name.strip().lower() for name in header}
    for needed, what in OTHERS:
        if needed <= names:
            listed = " and ".join(sorted(needed))
            raise InputError(f"{label}: columns {listed}: {what} (--columns all reads them as samples)")


def _by_names(found: Layout, header: list[str], body: Sequence[list[str]], label: str) -> None:
    names = _names(header, found.width, label)
    if len(names) > len(header):
        found.drop(0, "the first column has no name: row names, left out")
    elif found.width > 1 and not names[0]:
        found.drop(0, "the first column has no name: the index of the table, left out")
    elif found.width > 1 and len(body) >= NAMED_ROWS and counting(body) is not None:
        found.counts_from = counting(body)
        found.drop(0, f"the first column ({names[0][:40]!r}) counts its rows and is left out")
    for column, name in enumerate(names[1:], 1):
        # The second level of an index has no name either.
        if not name and column - 1 in found.dropped and column not in found.dropped and column < found.width - 1:
            found.drop(column, f"column {column + 1} has no name: the index of the table, left out")
    for column, name in enumerate(names):
        if column in found.dropped or found.width < 2:
            continue
        if name.lower() in INDEX_NAMES:
            found.drop(column, f"column {column + 1} is called {name!r} and is left out")
        if name.lower() in CLASS_NAMES:
            found.drop(column, f"the column {name!r} is a class, not a number of the sample; left out, --labels reads it")


def counting(rows: Sequence[list[str]]) -> int | None:
    """Where the first column starts if it counts 0, 1, 2, ... or 1, 2, 3, ..., also as 0.0, 1.0, ..."""
    column = [whole_part(row[0]) for row in rows]
    return int(column[0]) if starts_counting(column) else None


def whole_part(cell: str) -> str:
    """A cell such as 3.0 as 3; others as they are."""
    whole, _, fraction = cell.replace(",", ".").partition(".")
    return whole if fraction and not fraction.strip("0") else cell


def rising(rows: Sequence[list[str]]) -> bool:
    """Whether the first column only rises: whole numbers beside fractions, equal steps, or anything over many rows."""
    first = [row[0].replace(",", ".", 1) for row in rows]
    if len(rows) < BARE_ROWS or not all(NUMBER.match(c) and len(c) < 26 for c in first):
        return False
    values = [real(c) for c in first]
    steps = [b - a for a, b in itertools.pairwise(values)]
    if not all(s > 0 for s in steps):
        return False
    if len(rows) >= RISING_ROWS:
        return True
    if all(is_whole(c) for c in first):
        return not all(is_whole(c) for row in rows for c in row)
    return max(steps) - min(steps) < 1e-6 * max(steps)
