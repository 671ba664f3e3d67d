"""Tables of numbers in text: header, index column, wrapped lists, brackets; what is not understood is refused."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from diffopt.documents.cells import lines_of, list_dialect
from diffopt.errors import InputError
from diffopt.foundation.arrays import Array
from diffopt.foundation.dialect import DECIMAL_COMMA, NAMED, Dialect, Line
from diffopt.foundation.limits import check_expanded
from diffopt.foundation.notes import note

#: Names of a column that only counts the rows.
INDEX = (
    "", "unnamed: 0", "index", "component", "components", "pc", "rank", "i", "k", "n", "number", "no", "no.", "dimension",
    "id", "step", "row", "#", "order", "mode",
)  # fmt: skip
#: Bytes of memory that a character of a table takes while it is read.
TABLE = 3
#: A line's number and its cells.
Cells = tuple[int, list[str]]
_CALL = re.compile(r"\s*(?:[a-zA-Z_][\w.]*\.)?(?:array|tensor|Tensor|FloatTensor)\((.*)\)\s*\Z", re.DOTALL)
_TAIL = re.compile(r",\s*(?:dtype|device|requires_grad)\s*=.*\Z", re.DOTALL)


@dataclass(frozen=True, eq=False)
class NumberTable:
    """Rows of numbers and the names of the columns.

    Attributes
    ----------
    rows : ndarray, shape (n, m)
        A list, on one line or wrapped over several, is one row or one column.
    names : tuple of str or None
        Header in small letters without quotes.
    label : str
        For messages.
    """

    rows: Array
    names: tuple[str, ...] | None
    label: str

    def column(self, name: str) -> Array:
        """Column of a name."""
        assert self.names is not None
        return self.rows[:, self.names.index(name)]

    def without_index(self) -> NumberTable:
        """The same without a first column that has no name, or has a counter's name and counts 0, 1, 2 or 1, 2, 3."""
        if self.names is None or len(self.names) < 2 or self.names[0] not in INDEX:
            return self
        if self.names[0] not in ("", "unnamed: 0") and not counts(self.rows[:, 0]):
            return self
        shown = f"column {self.names[0]!r}" if self.names[0] else "the first column (no name)"
        note(f"note: {self.label}: {shown} numbers the rows and is left out")
        return replace(self, rows=self.rows[:, 1:], names=self.names[1:])

    @property
    def square(self) -> bool:
        """Whether the rows are a symmetric matrix of two rows or more."""
        n, m = self.rows.shape
        if n != m or n < 2 or not np.all(np.isfinite(self.rows)):
            return False
        return bool(np.max(np.abs(self.rows - self.rows.T)) <= 1e-6 * np.max(np.abs(self.rows)))


def counts(column: Array) -> bool:
    """Whether a column is 0, 1, 2, ... or 1, 2, 3, ..."""
    return bool(column[0] in (0, 1) and np.array_equal(column, column[0] + np.arange(column.size)))


def parse_table(text: str, label: str, gaps: bool = False) -> NumberTable:
    """Numbers of a text.

    Separators are commas, semicolons, tabs, blanks or the bars of a markdown table; commas are decimal marks
    where another sign separates. `#` starts a comment. One header line may lead.

    Parameters
    ----------
    text, label : str
        What to read, and its name for messages.
    gaps : bool
        Under a header an empty cell or `-` is NaN instead of an error.

    Raises
    ------
    InputError
        Empty, an empty cell, something that is no number, rows of different lengths, or signs that can be read
        in two ways; the message names the line.
    """
    check_expanded(TABLE * len(text), f"{label}: a table of {len(text)} characters")
    lines = lines_of(_unwrapped(text, label))
    if not lines:
        raise InputError(f"{label}: expected a non-empty list of numbers, got none")
    dialect = list_dialect(lines, label)
    if dialect.comma:
        note(f"note: {label}: commas are taken for decimal marks")
    cells = [(number, dialect.split(line)) for number, line in lines]
    cells = _closed(cells, dialect)
    names = _header(cells, dialect)
    body = cells[1:] if names is not None else cells
    if names is not None and names[0] in ("", "unnamed: 0") and len(names) > 1 and all(_is_word(row[0]) for _, row in body):
        note(f"note: {label}: the first column names the rows and is left out")
        names, body = names[1:], [(number, row[1:]) for number, row in body]
    if gaps and names is not None:
        body = [(n, ["nan" if cell in ("", "-") else cell for cell in row]) for n, row in body]
    _refuse_gaps(body, names, label)
    rows = [[_value(dialect, cell, number, label) for cell in row] for number, row in body]
    table = _shaped(rows, names, [n for n, _ in body], dialect, label)
    _refuse_decimal_commas(table, lines, dialect)
    return _numbered_header(table, body)


def _unwrapped(text: str, label: str) -> str:
    """Without `array(...)` and brackets; nested brackets on one line are lists of lists and stay refused."""
    call = _CALL.match(text)
    if call:
        text = _TAIL.sub("", call.group(1))
    bare = text.strip()
    if bare[:1] not in ("[", "("):
        return text
    if any(line.count("[") > 1 and "]" in line.strip(" ],") for line in bare.splitlines()):
        raise InputError(f"{label}: lists in a list on one line; save them as .json, one row a line, or as .npy")
    return re.sub(r"[\[\]()]", " ", re.sub(r"\]\s*,", "]", bare))


def _closed(cells: list[Cells], dialect: Dialect) -> list[Cells]:
    """Without the empty cell after a separator that ends every line (or the last of a wrapped list)."""
    if dialect.separator is None or dialect.separator == "|":
        return cells
    ends = [row[-1] == "" and len(row) > 1 for _, row in cells]
    if all(ends) or (all(ends[:-1]) and len(cells) > 1) or (len(cells) == 1 and ends[0]):
        return [(number, row[:-1] if end else row) for (number, row), end in zip(cells, ends, strict=True)]
    return cells


def _header(cells: Sequence[Cells], dialect: Dialect) -> tuple[str, ...] | None:
    """Names of the columns, where the first line has any."""
    first = cells[0][1]
    if len(cells) < 2 or all(dialect.number(c) is not None for c in first):
        return None
    # A row of numbers with an empty cell has a gap; a header has words, or counts the columns after the index.
    counted = first == ["", *map(str, range(len(first) - 1))]
    told = [c for c in first if c or len(first) == 1]
    if not counted and any(dialect.number(c) is not None or c[:1].isdigit() or c[:1] in "+-." for c in told):
        return None
    if not counted and first[0] == "" and not any(first[1:]):
        return None
    if dialect.separator is None and len(cells[1][1]) == 1:
        first = [" ".join(first)]
    names = tuple(" ".join(c.strip("\"'").lower().replace("_", " ").split()) for c in first)
    return ("", *names) if len(cells[1][1]) == len(names) + 1 and first[0] != "" else names


def _is_word(cell: str) -> bool:
    """Whether a cell is a name and no number, no gap."""
    return cell[:1].isalpha() and not NAMED.match(cell)


def _refuse_gaps(body: Sequence[Cells], names: tuple[str, ...] | None, label: str) -> None:
    for number, row in body:
        if "" in row:
            raise InputError(f"{label}: line {number}: cell {row.index('') + 1} of {len(row)} is empty")
        if names is not None and len(row) != len(names):
            raise InputError(f"{label}: line {number} has {len(row)} cells for {len(names)} names in the header")


def _value(dialect: Dialect, cell: str, line: int, label: str) -> float:
    value = dialect.number(cell)
    if value is not None and math.isinf(value) and not NAMED.match(cell):
        raise InputError(f"{label}: line {line}: {cell[:40]} is too large")
    if value is None:
        hint = "; decimal commas? separate the numbers by ;" if DECIMAL_COMMA.match(cell) else "; expected numbers"
        raise InputError(f"{label}: line {line}: {cell[:40]!r} is no number{hint}")
    return value


def _shaped(
    rows: list[list[float]], names: tuple[str, ...] | None, lines: Sequence[int], dialect: Dialect, label: str
) -> NumberTable:
    """A table, or a list whose last line is shorter."""
    widths = [len(row) for row in rows]
    if len(set(widths)) == 1:
        return NumberTable(np.array(rows, dtype=np.float64), names, label)
    wrapped = len(set(widths[:-1])) == 1 and widths[-1] < widths[0] and (len(rows) == 2 or dialect.separator is None)
    if names is not None or not wrapped:
        odd = next(i for i, width in enumerate(widths) if width != widths[0])
        raise InputError(
            f"{label}: line {lines[odd]} has {widths[odd]} numbers, line {lines[0]} has {widths[0]}; "
            "expected a list of numbers or rows of equal length"
        )
    return NumberTable(np.array([[x for row in rows for x in row]]), None, label)


def _refuse_decimal_commas(table: NumberTable, lines: Sequence[Line], dialect: Dialect) -> None:
    """Lines like 4,945 without a header are a number or two columns: nobody can tell."""
    if dialect.separator != "," or table.names is not None or len(lines) < 2 or table.rows.shape[1] != 2 or table.square:
        return
    if all(DECIMAL_COMMA.match(line.strip()) for _, line in lines):
        raise InputError(
            f"{table.label}: line {lines[0][0]}: {lines[0][1].strip()[:40]!r} is one number with a decimal comma or two columns; "
            "write decimal points, or a header such as eigenvalue,weight"
        )


def _numbered_header(table: NumberTable, body: Sequence[Cells]) -> NumberTable:
    """A first row 0, 1, 2, ... in whole numbers over rows of fractions is the header of an unnamed array."""
    rows = table.rows
    if table.names is not None or len(rows) < 3 or body[0][1] != list(map(str, range(rows.shape[1]))):
        return table
    if any("." not in cell and "e" not in cell.lower() and "," not in cell for _, row in body[1:] for cell in row):
        return table
    note(f"note: {table.label}: the first line {','.join(body[0][1])[:40]} numbers the columns and is left out")
    return NumberTable(rows[1:], tuple(body[0][1]), table.label)
