"""What separates the cells of a table of samples, told from its first lines; missing values."""

from __future__ import annotations

import re
from collections.abc import Sequence

from diffopt.errors import InputError
from diffopt.foundation.dialect import DECIMAL_COMMA, NUMBER, Dialect
from diffopt.foundation.encoding import GROUPED

THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}\Z")
#: Lines of nothing but what numbers, separators and blanks are made of.
PLAIN = re.compile(r"[0-9eE+\-.,;\t ]*\Z")
MISSING = {"", "nan", "-nan", "na", "n/a", "#n/a", "<na>", "null", "none", "nil", "?", "-", "."}


def plain_values(dialect: Dialect, line: str, cells: list[str]) -> list[float] | None:
    """Values of all cells of a plain line, None where it has to be looked at cell by cell."""
    if not PLAIN.match(line) or (dialect.comma and "." in line):
        return None
    try:
        return [float(c.replace(",", ".")) for c in cells] if dialect.comma else [float(c) for c in cells]
    except ValueError:
        return None


def dialect_of(lines: Sequence[str], label: str) -> Dialect:
    """Dialect of a table, from its first lines; the very first does not count where it holds names.

    Raises
    ------
    InputError
        Commas and blanks that can be read in two ways.
    """
    grouped = next((line for line in lines if GROUPED.search(line)), None)
    if grouped is not None:
        raise InputError(f"{label}: {grouped.strip()[:40]!r}: groups of thousands? Write the numbers without them")
    body = lines if PLAIN.match(lines[0].replace('"', "")) else lines[1:] or lines
    if any(";" in line for line in body):
        return _other(";", body, label)
    if any("\t" in line.strip() for line in body):
        return _other("\t", body, label)
    if not any("," in line for line in body):
        return Dialect(None)
    words = [line.split() for line in body]
    if all(DECIMAL_COMMA.match(w) or NUMBER.match(w) for row in words for w in row) and min(map(len, words)) > 1:
        return Dialect(None, comma=True)
    _refuse_decimal_commas(body, label)
    return Dialect(",")


def _other(separator: str, lines: Sequence[str], label: str) -> Dialect:
    """Another sign separates, so a comma inside a cell is a decimal mark, or groups digits."""
    style = Dialect(separator)
    cells = [cell for line in lines for cell in style.split(line)]
    commas = [cell for cell in cells if "," in cell]
    if not commas:
        return style
    strange = next((c for c in commas if not DECIMAL_COMMA.match(c) and c[:1] in "+-0123456789."), None)
    points = next((c for c in cells if "." in c and NUMBER.match(c)), None)
    if strange is not None or points is not None or all(THOUSANDS.match(c) for c in commas):
        raise InputError(
            f"{label}: {strange or commas[0]!r}{f' beside {points!r}' if points else ''}: decimal commas or groups of "
            "thousands? Write the numbers with points and without groups"
        )
    return Dialect(separator, comma=True)


def _refuse_decimal_commas(lines: Sequence[str], label: str) -> None:
    """One number a line with a decimal comma looks like two whole numbers."""
    rows = [Dialect(",").split(line) for line in lines]
    for line, cells in zip(lines, rows, strict=True):
        odd = next((c for c in cells[1:] if re.match(r"0[0-9]+\Z", c)), None)
        spaced = next((c for c in cells if len(c.split()) > 1 and NUMBER.match(c.split()[0])), None)
        grouped = next((c for c in cells if "," in c), None)
        if odd or spaced or grouped:
            raise InputError(
                f"{label}: {line.strip()[:40]!r}: decimal commas or groups of thousands? Write the numbers with points"
            )
    second = {len(r[1]) for r in rows if len(r) == 2 and r[1].isdigit() and re.match(r"[+-]?\d{1,4}\Z", r[0])}
    if len(rows) > 2 and all(len(r) == 2 and r[1].isdigit() for r in rows) and len(second) == 1 and min(second) > 3:
        raise InputError(f"{label}: {lines[0].strip()[:40]!r}: a decimal comma or two numbers? Write it with a point, or with ;")
