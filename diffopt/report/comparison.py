"""A comparison as a document and as flat rows; equal grids as one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from diffopt import __version__
from diffopt.documents.build import spectrum_part
from diffopt.documents.comparison_schema import ComparisonDocument, ComparisonRow
from diffopt.documents.schemas import ProcessPart, dump
from diffopt.hosts.offered import namesake, offering
from diffopt.objectives.metrics import COMPARED
from diffopt.report.comparison_answers import verdicts
from diffopt.schedules import SCHEDULES
from diffopt.solvers import SOLVERS
from diffopt.studies.comparison.comparison import Comparison
from diffopt.studies.comparison.row import Row


def document(comparison: Comparison, command: str, host: str | None = None) -> dict[str, Any]:
    """Plain data of `diffopt.comparison/1`; `host` is the program that the reader uses."""
    setting = comparison.setting
    process = ProcessPart(
        name=setting.process.name, sigma_max=_finite(comparison.sigma_max), sigma_min=comparison.sigma_min,
        **setting.process.parameters(), **setting.process.origin(),
    )  # fmt: skip
    wrong = None if setting.error is None else setting.error.text or "function"
    spectrum = spectrum_part(setting.spectrum, setting.facts)
    rows, hidden = ([_row(r, setting.process.flow) for r in part] for part in (comparison.rows, comparison.hidden))
    data = dump(
        ComparisonDocument(
            command=command, host=host, objective=setting.objective, process=process, start=setting.start, end=setting.end,
            score_error=wrong, equal_steps=setting.equal_steps,
            spectrum=spectrum, rows=rows + hidden, skipped=comparison.skipped, diffopt_version=__version__,
        )
    )  # fmt: skip
    # What is said is said of all rows, also of those that are left out.
    return data | {"groups": verdicts(data, data["rows"][len(rows) :]), "rows": data["rows"][: len(rows)]}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _row(row: Row, flow: bool) -> ComparisonRow:
    return ComparisonRow(
        schedule=row.schedule, kind=row.kind, design=row.design, solver=row.solver, clock=row.clock, budget=row.budget,
        steps=row.steps, denoiser_calls=row.denoiser_calls, **row.errors, ratio=row.ratio, held_out=row.held_out,
        held_out_worst=row.held_out_worst, best=row.best, other_range=row.other_range,
        sigmas=[_finite(float(v)) for v in row.sigmas],
        eta=[float(v) for v in row.eta], reasons=row.reasons,
        offered={} if row.design is not None or row.kind in ("added", "optimized") else offering(row.schedule, flow),
    )  # fmt: skip


def flat_rows(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows without lists, for csv and markdown."""
    rows = []
    for row in data["rows"]:
        flat = {k: v for k, v in row.items() if k not in ("held_out", "sigmas", "eta", "reasons", "other_range", "offered")}
        flat |= {f"held_out_{k}": v for k, v in row["held_out"].items()}
        rows.append(flat | {"offered_by": " ".join(row["offered"])})
    return rows


def merged(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows with equal grids as one row, the other names under `aliases`; the order of the first of them is kept."""
    found: list[dict[str, Any]] = []
    places: list[int] = []
    known = list(SCHEDULES)

    def rank(item: tuple[int, Mapping[str, Any]]) -> int:
        name = item[1]["schedule"]
        return known.index(name) if name in known else len(known)

    # The name that stands first in the table of names is the row's, however rounding orders equal errors.
    for place, row in sorted(enumerate(rows), key=rank):
        i = next((i for i, other in enumerate(found) if _same_run(row, other)), None)
        if i is None:
            found.append({**row, "aliases": []})
            places.append(place)
        else:
            found[i]["aliases"].append(row["design"] or row["schedule"])
            found[i]["best"] |= row["best"]
            found[i]["offered"] = {**found[i]["offered"], **row["offered"]}
            places[i] = min(places[i], place)
    return [row for _, row in sorted(zip(places, found, strict=True), key=lambda pair: pair[0])]


def bare(row: Mapping[str, Any], host: str | None) -> bool:
    """Whether a row goes in as numbers alone: the program (or none at all) offers it by name."""
    if row["design"] is not None or row["kind"] in ("added", "optimized"):
        return False
    return host not in row["offered"] if host is not None else not row["offered"]


def namesakes(rows: Sequence[Mapping[str, Any]], host: str | None, process: str) -> list[str]:
    """Which of the rows without a name there have one of the same name, in a line."""
    names = dict.fromkeys(r["schedule"] for r in rows if bare(r, host) and namesake(r["schedule"], process == "flow", host))
    return [f"  {', '.join(names)}: by that name {host or 'programs'} would run another grid on this process"] if names else []


def _same_run(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Equal to rounding in everything that is run; the optimized row keeps a line of its own."""
    if any(one[k] != other[k] for k in ("solver", "clock")) or "optimized" in (one["kind"], other["kind"]):
        return False
    # Designs of one solver differ in its options, which a row does not list: equal runs have equal errors too.
    ours, theirs = ([*row["sigmas"], *row["eta"], *(row[name] for name in COMPARED)] for row in (one, other))
    return len(ours) == len(theirs) and all(
        a == b or (a is not None and b is not None and math.isclose(a, b, rel_tol=1e-7))
        for a, b in zip(ours, theirs, strict=True)
    )


def optimum_notes(data: Mapping[str, Any]) -> list[str]:
    """How the optimized rows stand to what `optimize` finds."""
    found = dict.fromkeys(row["solver"] for row in data["rows"] if row["kind"] == "optimized")
    made = [name for name in found if name in SOLVERS and SOLVERS[name].grid_solvers]
    notes = []
    if set(found) - set(made):
        notes.append(
            f"optimized: by a shorter search than diffopt optimize's; the two agree in {data['objective']} to a fraction of a "
            "per cent, and where the optimum is flat not in every level"
        )
    if made:
        notes.append(
            f"optimized of {', '.join(made)}: of other solvers' grids, as diffopt optimize's is, or the best row of the "
            "group, so the two may differ (docs/multistep.md)"
        )
    return notes
