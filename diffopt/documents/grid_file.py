"""Grids that a user gives: schedule files and comma lists."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from diffopt.documents.schemas import GridDocument
from diffopt.errors import InputError


@dataclass(frozen=True)
class GridFile:
    """A schedule file: the grid and the sampler it was made for."""

    path: str
    document: GridDocument

    @property
    def sigmas(self) -> list[float]:
        """Noise ratios; a leading null is pure noise."""
        return [math.inf if s is None else s for s in self.document.sigmas]


def read_grid_file(path: str) -> GridFile:
    """Read a file that `diffopt optimize` wrote (or any JSON with `sigmas`).

    Raises
    ------
    InputError
        Missing file, invalid JSON, or no list of sigmas in it.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"schedule {path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise InputError(f"schedule {path} is not text; expected the JSON that diffopt optimize writes") from None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"schedule {path} is not a schedule file ({error})") from None
    return GridFile(path, grid_document({"sigmas": content} if isinstance(content, list) else content, f"schedule {path}"))


def grid_document(content: Any, label: str) -> GridDocument:
    """Checked content of a schedule file.

    Raises
    ------
    InputError
        No list of sigmas in it, or an entry of the wrong kind.
    """
    try:
        return GridDocument.model_validate(content)
    except (ValueError, RecursionError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        detail = f"{'.'.join(map(str, first['loc']))}: {first['msg'].lower()}" if first else str(error)
        raise InputError(f"{label} is not a schedule file ({detail})") from None


def parse_sigmas(text: str, name: str = "--sigmas") -> list[float]:
    """Numbers of "80,20,5,0"; brackets and blanks are fine, `inf` is pure noise.

    Raises
    ------
    InputError
        An item that is no number.
    """
    items = text.strip().strip("[]()").replace(";", ",").split(",")
    try:
        numbers = [float(item) for item in items if item.strip()]
    except ValueError as error:
        raise InputError(f"{name} {text!r}: {error}; expected a comma list such as 80,20,5,1,0") from None
    if len(numbers) < 2 or any(math.isnan(x) or x < 0 for x in numbers):
        raise InputError(f"{name} {text!r}: needs at least two numbers >= 0, decreasing, such as 80,20,5,1,0")
    return numbers
