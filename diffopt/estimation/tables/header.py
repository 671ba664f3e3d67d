"""Whether the first row of a table holds the names of its columns."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from diffopt.errors import InputError
from diffopt.estimation.tables.dialect import MISSING
from diffopt.foundation.dialect import NUMBER

#: Columns from which 0, 1, 2, ... in the first row are names even above whole numbers; and those from which equal steps
#: in it are no coincidence.
COUNTED, STEPPED = 8, 3


def is_number(cell: str) -> bool:
    """Whether a cell is a number, with a point or a comma."""
    return NUMBER.match(cell.replace(",", ".", 1)) is not None


def is_whole(cell: str) -> bool:
    """Whether a cell is digits alone."""
    return cell.isascii() and cell.isdigit()


def is_header(rows: Sequence[list[str]]) -> bool:
    """Whether the first row holds names: words, or whole numbers that count the columns."""
    first = rows[0]
    words = [c for c in first if not is_number(c) and c.lower() not in MISSING]
    numbers = [c for c in first if is_number(c)]
    if words:
        return not numbers or (all(is_whole(c) for c in numbers) and (first[0] in words or not first[0]))
    if not first[0] and len(first) > 1 and starts_counting(first[1:]):
        return True
    if len(rows) < 2 or len(first) < 2 or not starts_counting(first):
        return False
    fractions = any(is_number(c) and not is_whole(c) for row in rows[1:] for c in row)
    return fractions or len(first) >= COUNTED


def starts_counting(cells: Sequence[str]) -> bool:
    """0, 1, 2, ... or 1, 2, 3, ..."""
    return any(list(cells) == [str(i + start) for i in range(len(cells))] for start in (0, 1))


def refuse_rising_names(rows: Sequence[list[str]], label: str) -> None:
    """Refuse a first row of whole numbers in equal steps, such as wave lengths, above rows that are not whole.

    Raises
    ------
    InputError
        It can be names or a sample.
    """
    first = rows[0]
    if len(first) < STEPPED or len(rows) < 2 or not all(is_whole(c) for c in first):
        return
    steps = {int(b) - int(a) for a, b in itertools.pairwise(first)}
    if len(steps) == 1 and 0 not in steps and not any(all(is_whole(c) for c in row) for row in rows[1:]):
        raise InputError(
            f"{label}: the first line {','.join(first[:3])},... is whole numbers in equal steps: names of columns or a sample? "
            "Say --header yes or --header no"
        )
