"""Grids that a user gives: schedule files, lists of numbers in any form, flow times."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from pydantic import ValidationError

from diffopt.documents.given_file import GivenFile
from diffopt.documents.grid_document import GridDocument
from diffopt.documents.number_list import NumberList, list_of
from diffopt.documents.numbers import NumberTable, parse_table
from diffopt.errors import InputError
from diffopt.foundation.nearby import file_hint
from diffopt.foundation.notes import note
from diffopt.foundation.paths import exists
from diffopt.foundation.shown import text as readable
from diffopt.foundation.strict_json import numbers
from diffopt.processes import Process

#: Keys and columns that hold noise ratios, and those that hold times.
SIGMAS, TIMES = ("sigmas", "sigma"), ("s", "times", "time")
#: Columns that hold what a model is told; the process says which level that is.
TIMESTEPS = ("timesteps", "timestep", "t")
#: How far a published table may miss the range of its model: it has three digits, and hosts clip.
ROUNDED = 0.01


@dataclass(frozen=True)
class GridFile:
    """A schedule file: the grid and the sampler it was made for.

    Attributes
    ----------
    path : str
        For messages.
    document : GridDocument
        What the file says; of a bare list the numbers alone.
    in_time : bool
        Whether the file names its numbers times of the process.
    named : bool
        Whether it is certain from names in the file what its numbers are.
    name : str or None
        Column or key of the numbers.
    beside : mapping
        Columns of times beside noise ratios.
    """

    path: str
    document: GridDocument
    in_time: bool = False
    named: bool = False
    name: str | None = None
    beside: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def sigmas(self) -> list[float]:
        """Noise ratios (or times); a leading null is pure noise."""
        return [math.inf if s is None else s for s in self.document.sigmas]


def read_grid_file(path: str) -> GridFile:
    """Read a file that `diffopt optimize` wrote in any form, or any list of noise ratios; `-` is standard input.

    Raises
    ------
    InputError
        Missing, unreadable, or no grid in it.
    """
    return grid_of(GivenFile(path, "schedule").content, path)


def grid_of(content: Any, path: str) -> GridFile:
    """The grid in the parsed content of a file of that name."""
    label = f"schedule {readable(path)[:200]}"
    if isinstance(content, dict):
        if isinstance(content.get("rows"), list) and "sigmas" not in content:
            raise InputError(f"{label} holds {len(content['rows'])} rows, not one grid; save the `sigmas` of a row as a list")
        document = grid_document(content, label)
    else:
        found = _list(content, label)
        in_time = found.name in TIMES or (found.name == "t" and bool(np.all(found.values <= 1)))
        if found.name in TIMESTEPS and not in_time:
            raise InputError(
                f"{label}: the column {found.name!r} holds timesteps, not noise ratios; give them as --times LIST "
                "(process table: the timesteps; flow: divided by 1000)"
            )
        document = grid_document({"sigmas": _nulls(found.values), **_etas(found, label)}, label)
        # Libraries call the times of flow sigmas too: a column of that name is certain only beside one of times.
        both = found.name in SIGMAS and bool({*TIMES, *TIMESTEPS} & set(found.rest))
        beside = {name: column for name, column in found.rest.items() if name in (*TIMES, *TIMESTEPS)}
        return _ordered(GridFile(label, document, in_time, in_time or both, found.name, beside))
    return _ordered(GridFile(label, document, named="schema" in content or "times" in content))


def _list(content: Any, label: str) -> NumberList:
    if isinstance(content, list):
        return NumberList(np.array(numbers(content, label, null=math.inf), dtype=np.float64), None, {})
    if isinstance(content, NumberTable | Mapping | np.ndarray):
        return list_of(content, (*SIGMAS, *TIMES), None, label)
    raise InputError(f"{label} is not a schedule file: expected a list of numbers or an object, got {type(content).__name__}")


def _nulls(values: np.ndarray) -> list[float | None]:
    return [None if math.isinf(v) and v > 0 else float(v) for v in values]


def _etas(found: NumberList, label: str) -> dict[str, Any]:
    """The column `eta` of a written grid: one number a step, none at the last point."""
    column = found.rest.get("eta")
    if column is None or np.all(np.isnan(column)):
        return {}
    if np.any(np.isnan(column[:-1])):
        raise InputError(f"{label}: the column eta has gaps; give one number a step")
    return {"eta": [float(e) for e in column[:-1]]}


def grid_document(content: Any, label: str) -> GridDocument:
    """Checked content of a schedule file.

    Raises
    ------
    InputError
        No list of sigmas in it, an entry of the wrong kind, or lists of lengths that do not fit.
    """
    try:
        document = GridDocument.model_validate(content)
    except (ValueError, RecursionError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        detail = f"{'.'.join(map(str, first['loc']))}: {first['msg'].lower()}" if first else str(error)
        raise InputError(f"{label} is not a schedule file ({detail[:200]})") from None
    steps = len(document.sigmas) - 1
    if document.steps is not None and document.steps != steps:
        raise InputError(f"{label} says {document.steps} steps and lists {steps + 1} sigmas; expected {document.steps + 1}")
    if document.eta is not None and len(document.eta) != steps:
        raise InputError(f"{label} has {len(document.eta)} values of eta for {steps} steps; expected one a step")
    return document


def _ordered(file: GridFile) -> GridFile:
    check_order(file.sigmas, file.path)
    return file


def check_order(values: Sequence[float], label: str) -> None:
    """Refuse lists that are no grid, in words about the list.

    Raises
    ------
    InputError
        Fewer than two numbers, NaN, a negative number, or numbers that do not decrease.
    """
    if len(values) < 2:
        raise InputError(f"{label}: a grid needs at least two numbers, such as 80,20,5,1,0; got {len(values)}")
    bad = next((v for v in values if math.isnan(v) or v < 0), None)
    if bad is not None:
        raise InputError(f"{label}: a grid has numbers >= 0, decreasing, such as 80,20,5,1,0; got {bad:g}")
    for place, (high, low) in enumerate(pairwise(values), 1):
        if not high > low:
            if all(a < b for a, b in pairwise(values)):
                raise InputError(f"{label}: the numbers increase; a grid decreases: give the list in reverse")
            raise InputError(f"{label}: the numbers must decrease, but {high:g} is followed by {low:g} (position {place})")


def parse_sigmas(text: str, name: str = "--sigmas") -> list[float]:
    """Numbers of "80,20,5,0", separated as in :func:`parse_table`; `inf` is pure noise.

    Raises
    ------
    InputError
        An item that is no number, or no grid.
    """
    label = f"{name} {readable(text)[:60]!r}"
    if not text.strip():
        raise InputError(f"{name}: is empty; expected a list such as 80,20,5,1,0, or a file")
    try:
        table = parse_table(text, label)
    except InputError as error:
        meant = file_hint(text) if "," not in text else ""
        raise InputError(f"{error}; expected a list such as 80,20,5,1,0, or a file{meant}") from None
    if min(table.rows.shape) > 1 or table.names is not None:
        raise InputError(f"{label}: expected one list of numbers such as 80,20,5,1,0, got {table.rows.shape[0]} rows")
    values = [float(v) for v in table.rows.ravel()]
    check_order(values, label)
    return values


def names_file(text: str) -> bool:
    """Whether a text that may be a list of numbers names a file."""
    return text == "-" or (bool(text.strip()) and not is_list(text) and exists(text))


def is_list(text: str) -> bool:
    """Whether a text begins as a list of numbers does and not as a path."""
    words = text.strip().strip("[]()").replace(";", " ").replace(",", " ").split()
    try:
        return bool(words) and not math.isnan(float(words[0])) and (len(words) > 1 or not exists(text))
    except ValueError:
        return False


def like_times(first: float) -> bool:
    """Whether values that begin here may be times s of a flow model: at pure noise, s = 1, or a little below."""
    return 0.5 < first <= 1


def check_flow(values: Sequence[float], process: Process, label: str) -> None:
    """Refuse a bare list of noise ratios that is one of times, or of timesteps, of `flow`; say where it may be one.

    Raises
    ------
    InputError
        It starts at exactly 1, or at exactly 1000 with whole numbers.
    """
    if not process.flow:
        # Toy problems begin where they like; latent models at far more noise.
        if values[0] == 1 or (process.of_latents and like_times(values[0])):
            note(
                f"note: {label} starts at {values[0]:g} and is read as noise ratios of process {process.name}; values from 1 "
                "down look like times s of a flow model (SD3, Flux, Wan): for those say --process flow, and that they are times"
            )
        return
    file = exists(label)
    if values[0] == 1:
        use = label if file else f"{','.join(f'{v:g}' for v in values[:3])},..."
        raise InputError(
            f"{label} starts at exactly 1 and stays below: for process flow these look like times s, as its hosts read them; "
            f"use --times {use} (s = 1 is pure noise; a noise ratio of 1 is s = 0.5)"
        )
    if values[0] == 1000 and all(float(v).is_integer() for v in values):
        use = ",".join(f"{v / 1000:g}" for v in values[:3])
        raise InputError(f"{label} starts at exactly 1000: for flow these look like timesteps, 1000 s; use --times {use},...")
    if values[0] < 1:
        note(
            f"note: {label} is read as noise ratios, from s = {values[0] / (1 + values[0]):.4g} on; if these are times s of "
            "flow, use --times"
        )


def clipped(values: Sequence[float], process: Process, label: str) -> list[float]:
    """Ends that miss the process's own by less than 1 %, moved there with a note, as hosts do."""
    high, low = process.sigma_limits
    result = list(values)
    if high * (1 + 1e-9) < result[0] <= high * (1 + ROUNDED) and math.isfinite(result[0]):
        part = 100 * (result[0] / high - 1)
        note(f"note: {label} starts at {result[0]:g}, {part:.2g} % above the process's end {high:.6g}; clipped to it")
        result[0] = high
    last = len(result) - (2 if result[-1] == 0 else 1)
    if last > 0 and low * (1 - ROUNDED) <= result[last] < low * (1 - 1e-9):
        part = 100 * (1 - result[last] / low)
        note(f"note: {label} ends at {result[last]:g}, {part:.2g} % below the process's end {low:.6g}; clipped to it")
        result[last] = low
    return result
