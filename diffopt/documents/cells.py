"""What separates the cells of a whole list or table, and whether commas are decimal marks."""

from __future__ import annotations

import re
from collections.abc import Sequence

from diffopt.errors import InputError
from diffopt.foundation.dialect import DECIMAL_COMMA, NUMBER, SEPARATOR, Dialect, Line
from diffopt.foundation.encoding import GROUPED

RULE = re.compile(r"[|\s:-]*-[|\s:-]*\Z")
#: A comment of Matlab; a column may be called % or % of something.
COMMENT = re.compile(r"%(?!\s*of\b|\s*\Z)")


def lines_of(text: str) -> list[Line]:
    """Lines with something on them: comments (`#`; lines with `%`), blank lines and the rules of markdown tables left out.

    So are a first line `sep=;`, with which Excel says what separates the cells, and the end mark of MS-DOS.
    """
    found = [(i, line.split("#")[0].rstrip("\r\x1a")) for i, line in enumerate(text.split("\n"), 1)]
    if SEPARATOR.match(found[0][1]):
        found = found[1:]
    return [(i, line) for i, line in found if line.strip() and not COMMENT.match(line) and not RULE.match(line)]


def list_dialect(lines: Sequence[Line], label: str) -> Dialect:
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
        return Dialect("|")
    joined = "\n".join(texts)
    if ";" in joined:
        return _with_commas(";", lines, label)
    if "," in joined and re.search(r",(?=[^\S\n]|\n|\Z)", joined) is None and "\t" in joined:
        return _with_commas("\t", lines, label)
    if "," in joined:
        return _commas(lines, label)
    return Dialect("\t" if _tabbed(texts) else None)


def _tabbed(texts: Sequence[str]) -> bool:
    """Tabs separate where empty cells would be lost otherwise; else they are blanks like others."""
    return any("\t\t" in line or line.startswith("\t") for line in texts) and not any(" " in line.strip() for line in texts)


def _with_commas(separator: str, lines: Sequence[Line], label: str) -> Dialect:
    """Another sign separates, so a comma inside a cell is a decimal mark."""
    style = Dialect(separator)
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
    return Dialect(separator, comma=commas is not None)


def _commas(lines: Sequence[Line], label: str) -> Dialect:
    """Commas alone: separators, unless every line is one number that could have a decimal comma."""
    style = Dialect(",")
    for number, line in lines:
        loose = next((c for c in style.split(line) if len(c.split()) > 1 and style.number(c.split()[0]) is not None), None)
        if loose is not None:
            raise InputError(
                f"{label}: line {number}: commas and blanks both separate numbers near {loose[:40]!r}; "
                "if the commas are decimal marks separate the numbers by ; and else use one sign throughout"
            )
    return _single_numbers(lines, label) or style


def _single_numbers(lines: Sequence[Line], label: str) -> Dialect | None:
    """Lines of one number each, some with a comma: a title, a leading zero or a whole number tells which it is."""
    titled = len(lines) > 1 and _is_title(lines[0][1])
    body = [line.strip() for _, line in (lines[1:] if titled else lines)]
    single = [line for line in body if DECIMAL_COMMA.match(line)]
    plain = [line for line in body if NUMBER.match(line) and "." not in line]
    if not single or len(single) + len(plain) < len(body) or len(lines) < 2:
        return None
    if titled or (plain and len(body) > 2) or any(re.search(r",0[0-9]", line) for line in single):
        return Dialect(None, comma=True)
    if plain:
        raise InputError(f"{label}: {single[0][:40]!r} is a number with a decimal comma or two numbers; write decimal points")
    return None


def _is_title(line: str) -> bool:
    """One name and no comma: the header of one column."""
    return "," not in line and any(c.isalpha() for c in line)
