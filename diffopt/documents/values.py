"""Numbers and lists as they are given: to a flag, in a file, from Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from diffopt.errors import InputError
from diffopt.foundation.tensors import described

#: Largest number of steps.
MOST_STEPS = 100_000


def number(value: Any, name: str) -> float:
    """A real number, from a number or its text.

    Raises
    ------
    InputError
        Anything else, NaN included.
    """
    try:
        if isinstance(value, bool) or "_" in str(value):
            raise ValueError
        result = float(value)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{name} = {described(value)} is not allowed: it must be a number") from None
    if np.isnan(result):
        raise InputError(f"{name} = {described(value)} is not allowed: it must be a number")
    return result


def words(given: Any) -> list[str]:
    """Items of a comma list or of a sequence, each once."""
    parts = given.split(",") if isinstance(given, str) else [str(item) for item in given]
    return list(dict.fromkeys(part.strip() for part in parts if part.strip()))


def one(value: Any, name: str) -> int:
    """A single number of steps.

    Raises
    ------
    InputError
        Not a positive whole number.
    """
    return many(value, name, single=True)[0]


def many(value: Any, name: str, single: bool = False) -> list[int]:
    """Step counts of a number, a sequence or a comma list.

    Raises
    ------
    InputError
        Not positive whole numbers, or several where one is expected.
    """
    listed = isinstance(value, Sequence | np.ndarray) and not isinstance(value, str)
    parts = list(value) if listed else str(value).split(",")
    try:
        if any(isinstance(part, bool) or "_" in str(part) for part in [value, *parts]):
            raise ValueError
        numbers = [int(part) if isinstance(part, str) else int(part.__index__()) for part in parts]
    except (ValueError, AttributeError, TypeError):
        raise InputError(f"{name} must be a whole number{'' if single else ' or a comma list'}, got {described(value)}") from None
    if any(n < 1 or n > MOST_STEPS for n in numbers) or not numbers:
        raise InputError(f"{name} must lie in 1..{MOST_STEPS}, got {described(value)}")
    if single and len(numbers) > 1:
        raise InputError(f"{name} takes one number here, got {described(value)}; comma lists are for compare-schedules")
    return numbers
