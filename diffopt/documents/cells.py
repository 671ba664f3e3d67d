"""Cells of a text table: which sign separates them, and whether commas are decimal marks."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from diffopt.errors import InputError
from diffopt.foundation.encoding import GROUPED

NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eEdD][+-]?[0-9]+)?\Z")
NAMED = re.compile(r"[+-]?(?:inf|infinity|nan)\Z", re.IGNORECASE)
DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+(?:[eE][+-]?[0-9]+)?\Z")
RULE = re.compile(r"[|\s:-]*-[|\s:-]*\Z")
#: A comment of Matlab; a column may be called % or % of something.
COMMENT = re.compile(r"%(?!\s*of\b|\s*\Z)")
SEPARATOR = re.compile(r"\"?sep=.\"?\s*\Z")

#: A line's number, for messages, and its text.
Line = tuple[int, str]


@dataclass(frozen=True)
class Style:
    """Separator (None: blanks) and decimal mark of a table."""

    separator: str | None
    comma: bool = False

    def split(self, line: str) -> list[str]:
        """Cells of a line, quotes and blanks around them removed."""
        if self.separator is None:
            return [cell.strip("\"'") for cell in line.split()]
        if self.separator == "|":
            return [cell.strip() for cell in line.strip().strip("|").split("|")]
        if '"' in line:
            return [cell.strip() for cell in next(csv.reader([line], delimiter=self.separator, skipinitialspace=True))]
        return [cell.strip() for cell in line.split(self.separator)]

    def number(self, cell: str) -> float | None:
        """Value of a cell, or None where it is no number in this style.

        Raises
        ------
        ValueError
            Too large for a double.
        """
        if self.comma:
            if "." in cell:
                return None
            cell = cell.replace(",", ".")
        if NUMBER.match(cell):
            value = float(cell.replace("d", "e").replace("D", "e"))
            if value in (float("inf"), float("-inf")):
                raise ValueError(f"{cell[:40]} is too large")
            return value
        return float(cell) if NAMED.match(cell) else None


def lines_of(text: str) -> list[Line]:
    """Lines with something on them: comments (`#`; lines with `%`), blank lines and the rules of markdown tables left out.

    So are a first line `sep=;`, with which Excel says what separates the cells, and the end mark of MS-DOS.
    """
    found = [(i, line.split("#")[0].rstrip("\r\x1a")) for i, line in enumerate(text.split("\n"), 1)]
    if SEPARATOR.match(found[0][1]):
        found = found[1:]
    return [(i, line) for i, line in found if line.strip() and not COMMENT.match(line) and not RULE.match(line)]


def style_of(lines: Sequence[Line], label: str) -> Style:
    """Separator and decimal mark of a table.

    Raises
    ------
    InputError
        Signs that can be read in two ways.
    """
    texts = [line for _, line in lines]
    for number, line in lines:
        if GROUPED.search(line):
            raise InputError(f"{label}: line {number}: {line.strip()[:40]!r}: groups of thousands? Write the numbers without")
    if all(line.strip().startswith("|") for line in texts):
        return Style("|")
    joined = "\n".join(texts)
    if ";" in joined:
        return _with_commas(";", lines, label)
    if "," in joined and re.search(r",(?=[^\S\n]|\n|\Z)", joined) is None and "\t" in joined:
        return _with_commas("\t", lines, label)
    if "," in joined:
        return _commas(lines, label)
    return Style("\t" if _tabbed(texts) else None)


def _tabbed(texts: Sequence[str]) -> bool:
    """Tabs separate where empty cells would be lost otherwise; else they are blanks like others."""
    return any("\t\t" in line or line.startswith("\t") for line in texts) and not any(" " in line.strip() for line in texts)


def _with_commas(separator: str, lines: Sequence[Line], label: str) -> Style:
    """Another sign separates, so a comma inside a cell is a decimal mark."""
    style = Style(separator)
    commas, points = None, None
    for number, line in lines:
        for cell in style.split(line):
            if "," in cell and DECIMAL_COMMA.match(cell):
                commas = commas or (number, cell)
            elif "." in cell and style.number(cell) is not None:
                points = points or (number, cell)
            elif "," in cell and cell[:1] in "0123456789+-.":
                raise InputError(f"{label}: line {number}: {cell[:40]!r} is no number; write 0.5 or 0,5, one sign throughout")
    if commas and points:
        raise InputError(
            f"{label}: {commas[1]!r} (line {commas[0]}) has a decimal comma and {points[1]!r} (line {points[0]}) a point; "
            "write one of them throughout"
        )
    return Style(separator, comma=commas is not None)


def _commas(lines: Sequence[Line], label: str) -> Style:
    """Commas alone: separators, unless every line is one number that could have a decimal comma."""
    style = Style(",")
    for number, line in lines:
        loose = next((c for c in style.split(line) if len(c.split()) > 1 and style.number(c.split()[0]) is not None), None)
        if loose is not None:
            raise InputError(
                f"{label}: line {number}: commas and blanks both separate numbers near {loose[:40]!r}; "
                "if the commas are decimal marks separate the numbers by ; and else use one sign throughout"
            )
    return _single_numbers(lines, label) or style


def _single_numbers(lines: Sequence[Line], label: str) -> Style | None:
    """Lines of one number each, some with a comma: a title, a leading zero or a whole number tells which it is."""
    titled = len(lines) > 1 and _is_title(lines[0][1])
    body = [line.strip() for _, line in (lines[1:] if titled else lines)]
    single = [line for line in body if DECIMAL_COMMA.match(line)]
    plain = [line for line in body if NUMBER.match(line) and "." not in line]
    if not single or len(single) + len(plain) < len(body) or len(lines) < 2:
        return None
    if titled or (plain and len(body) > 2) or any(re.search(r",0[0-9]", line) for line in single):
        return Style(None, comma=True)
    if plain:
        raise InputError(f"{label}: {single[0][:40]!r} is a number with a decimal comma or two numbers; write decimal points")
    return None


def _is_title(line: str) -> bool:
    """One name and no comma: the header of one column."""
    return "," not in line and any(c.isalpha() for c in line)
