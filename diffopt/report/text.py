"""Documents as text: json, csv, markdown, lines; pure functions, nothing is printed here."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from math import isfinite
from typing import Any

from diffopt.foundation.shown import cell, markdown
from diffopt.report.plain_data import PlainData


def to_json(data: Any) -> str:
    """JSON with short lists of numbers on one line; NaN and infinity are refused."""
    return _render(data, 0) + "\n"


#: One encoder, and one text of a key, for all of a document; the numbers of a comparison are a hundred thousand.
_encode = json.JSONEncoder(allow_nan=False, ensure_ascii=False).encode
_key = lru_cache(maxsize=1024)(json.dumps)
_SCALARS: dict[type, Callable[[Any], str]] = {
    float: lambda x: repr(x) if isfinite(x) else _encode(x), int: repr, str: _encode, bool: _encode, type(None): _encode
}


def _render(value: Any, depth: int) -> str:
    scalar = _SCALARS.get(type(value))
    if scalar is not None:
        return scalar(value)
    pad = "  " * (depth + 1)
    if isinstance(value, Mapping) and value:
        body = ",\n".join(f"{pad}{_key(k)}: {_render(v, depth + 1)}" for k, v in value.items())
        return "{\n" + body + "\n" + "  " * depth + "}"
    plain = not isinstance(value, list) or _SCALARS.keys() >= set(map(type, value))
    if not plain and any(isinstance(v, Mapping | list) for v in value):
        return "[\n" + ",\n".join(pad + _render(v, depth + 1) for v in value) + "\n" + "  " * depth + "]"
    return _encode(value)


def _text(value: Any) -> Any:
    """Cells of csv: text is never a formula, missing values are empty."""
    return "" if value is None else cell(value) if isinstance(value, str) else value


def conditions(document: Mapping[str, Any]) -> str:
    """Process, range, end and start of a document, as every view of it says them."""
    process = document["process"]
    top = "pure noise" if process["sigma_max"] is None else f"{process['sigma_max']:g}"
    span = f"{top} to {process['sigma_min']:g}"
    found = (document.get("optimizer") or {}).get("family") or {}
    ends = [found.get(name, process[name]) for name in ("sigma_max", "sigma_min")]
    if {"sigma_max", "sigma_min"} & set(found) and None not in ends:
        span = f"{ends[0]:.4g} to {ends[1]:.4g} (free; asked {span})"
    elif (last := _last_level(document)) is not None and abs(last - process["sigma_min"]) > 1e-6 * last:
        span += f" (last level {last:.4g})"
    shift = f" at shift {process['model_shift']:.4g}" if process.get("model_shift") else ""
    return f"{process['name']}{shift}, sigma {span}, end {document['end']}, start {document['start']}"


#: A searched eta below this is 0, and what is said then.
NOISELESS = 1e-6
NO_NOISE = "Eta 0: noise does not pay here."


def shown_eta(document: Mapping[str, Any]) -> list[float]:
    """Eta of every step for people: what a search left of it is 0 where it is no noise any more."""
    searched = any(name.startswith("eta") for name in (document.get("optimizer") or {}).get("free") or ())
    return [0.0 if searched and value < NOISELESS else value for value in document["eta"]]


def to_csv(rows: Sequence[PlainData]) -> str:
    """Comma-separated rows with a header; missing values are empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: _text(v) for k, v in row.items()} for row in rows)
    return out.getvalue()


def to_markdown(rows: Sequence[PlainData]) -> str:
    """Pipe table."""
    if not rows:
        return ""
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(markdown(short(row[n])) for n in names) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def to_lines(values: Sequence[float | None]) -> str:
    """One number per line, fixed point: hosts that read text do not understand exponents."""
    return "".join(f"{fixed(v)}\n" for v in values)


def _last_level(document: Mapping[str, Any]) -> float | None:
    """The level before the step to 0; None where there is no list of them, or no such step."""
    levels: Sequence[float | None] = document.get("sigmas") or ()
    there = document["end"] == "zero" and len(levels) > 2 and document["process"]["sigma_min"] > 0
    last: float | None = levels[-2] if there else None
    return last


def host_values(document: Mapping[str, Any]) -> list[float | None]:
    """Points of a grid as its hosts read them: times s for `flow`, noise ratios else."""
    values: list[float | None] = list(document["times"] if document["process"]["name"] == "flow" else document["sigmas"])
    return values


def fixed(value: float | None) -> str:
    """Fixed-point text that keeps 9 significant digits; infinity as `inf`."""
    if value is None:
        return "inf"
    if value == 0:
        return "0"
    from decimal import Decimal

    return f"{Decimal(f'{value:.9g}'):f}"


def short(value: Any) -> str:
    """Number for people: 4 significant digits; a dash where there is none."""
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def grid_rows(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row per grid point of a schedule or evaluation document; flow leads with its time s."""
    eta = [*document["eta"], None]
    steps = document["timesteps"]
    flow = document["process"]["name"] == "flow"
    rows = []
    for i, (sigma, time) in enumerate(zip(document["sigmas"], document["times"], strict=True)):
        ratio = "inf" if sigma is None else sigma
        row: dict[str, Any] = {"step": i, "s": time, "sigma": ratio} if flow else {"step": i, "sigma": ratio, "time": time}
        if steps is not None:
            row["timestep"] = steps[i] if i < len(steps) else None
        if document["eta_meaning"]:
            row["eta"] = eta[i]
        rows.append(row)
    return rows
