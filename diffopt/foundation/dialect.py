"""How a table of numbers in text is written: the sign between cells, the decimal mark."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass

#: A line's number in its file, and its text.
Line = tuple[int, str]
#: A number, with Fortran's mark of the exponent too.
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eEdD][+-]?[0-9]+)?\Z")
#: Words that are values.
NAMED = re.compile(r"[+-]?(?:inf|infinity|nan)\Z", re.IGNORECASE)
DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+(?:[eE][+-]?[0-9]+)?\Z")
#: First line with which Excel says what separates the cells.
SEPARATOR = re.compile(r"\"?sep=.\"?\s*\Z")


@dataclass(frozen=True)
class Dialect:
    """Separator (None: blanks; `|`: the bars of markdown) and decimal mark."""

    separator: str | None = ","
    comma: bool = False

    def split(self, line: str) -> list[str]:
        """Cells of a line, without the blanks and quotes around them."""
        if self.separator == "|":
            return [cell.strip() for cell in line.strip().strip("|").split("|")]
        if '"' in line:
            return self._quoted(line)
        if self.separator is not None:
            return [cell.strip() for cell in line.split(self.separator)]
        return [cell.strip("'") for cell in line.split()] if "'" in line else line.split()

    def _quoted(self, line: str) -> list[str]:
        """Cells of a line with quotes, inside which nothing separates."""
        blanks = self.separator is None
        text = " ".join(line.split()) if blanks else line
        try:
            cells = next(csv.reader([text], delimiter=self.separator or " ", skipinitialspace=True))
        except csv.Error:
            return [line]
        return [cell.strip("\"' ") if blanks else cell.strip() for cell in cells]

    def number(self, cell: str) -> float | None:
        """Value of a cell, infinite where it is too large for a double; None for what is no number in this dialect."""
        if self.comma:
            if "." in cell:
                return None
            cell = cell.replace(",", ".")
        if NUMBER.match(cell):
            return real(cell)
        return float(cell) if NAMED.match(cell) else None


def real(cell: str) -> float:
    """Value of what NUMBER matches."""
    return float(cell.lower().replace("d", "e"))
