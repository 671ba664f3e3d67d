"""JSON as the standard has it: no NaN, no key twice, no number that a double cannot hold."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from diffopt.errors import InputError
from diffopt.foundation.encoding import decode

#: Deepest nesting that is read.
DEPTH = 100


def parse(data: bytes | str, label: str) -> Any:
    """Content of a JSON text.

    Raises
    ------
    InputError
        Not valid JSON, a key twice, NaN or infinity, a number beyond 1.8e308, nesting deeper than 100.
    """
    text = decode(data, label) if isinstance(data, bytes) else data
    try:
        content = json.loads(
            text, parse_constant=_constant, parse_int=_integer, parse_float=_real, object_pairs_hook=_object
        )
    except RecursionError:
        raise InputError(f"{label}: not valid JSON: nested deeper than {DEPTH}") from None
    except ValueError as error:
        raise InputError(f"{label}: not valid JSON ({str(error)[:160]})") from None
    if _deeper(content, DEPTH):
        raise InputError(f"{label}: not valid JSON: nested deeper than {DEPTH}")
    return content


def _constant(name: str) -> float:
    raise ValueError(f"{name} is not allowed")


def _integer(text: str) -> int:
    digits = len(text.lstrip("-"))
    if digits > 309 or (digits > 300 and math.isinf(float(text))):
        raise ValueError(f"an integer of {digits} digits is too large")
    return int(text)


def _real(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:40]} is too large")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"key {twice[:60]!r} is there twice")
    return made


def _deeper(content: Any, limit: int) -> bool:
    """Whether lists and objects are nested deeper than `limit`, without recursion."""
    level = [content]
    for _ in range(limit):
        level = [
            inner for item in level if isinstance(item, dict | list)
            for inner in (item.values() if isinstance(item, dict) else item) if isinstance(inner, dict | list)
        ]  # fmt: skip
        if not level:
            return False
    return True


def is_number(value: Any) -> bool:
    """Whether a parsed value is a number: true and "1" are none."""
    return type(value) in (int, float)


def numbers(values: Any, label: str, null: float | None = None) -> Any:
    """Nested lists of numbers of equal lengths, as they are, every one a float.

    Parameters
    ----------
    values : list
        As parsed.
    label : str
        For messages.
    null : float, optional
        What a null stands for; without it null is refused.

    Raises
    ------
    InputError
        A string, a boolean, a null or an object among them; an integer that no double holds; lists of
        different lengths.
    """
    if not isinstance(values, list):
        raise InputError(f"{label}: expected a list of numbers, got {type(values).__name__}")
    inner = [isinstance(v, list) for v in values]
    if any(inner):
        if not all(inner) or len({len(v) for v in values}) > 1:
            raise InputError(f"{label}: not a list of numbers of equal length")
        return [numbers(v, label, null) for v in values]
    return _floats(values, label, null)


def _floats(values: Sequence[Any], label: str, null: float | None) -> list[float]:
    made = []
    for place, value in enumerate(values):
        if value is None and null is not None:
            made.append(null)
            continue
        if not is_number(value):
            raise InputError(
                f"{label}: not a list of numbers: {json.dumps(value)[:60]} at position {place}; write numbers without quotes"
            )
        try:
            made.append(float(value))
        except OverflowError:
            raise InputError(f"{label}: the number at position {place} is too large") from None
    return made
