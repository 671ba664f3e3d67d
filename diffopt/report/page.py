"""One self-contained page: the answer, the pictures, tables by solver and budget, and the grids to copy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any

from diffopt.objectives.metrics import METRICS
from diffopt.report.comparison import bare, merged, optimum_notes
from diffopt.report.comparison_answers import compared, grouped, row_errors, shown_error
from diffopt.report.comparison_figures import SHADES, key
from diffopt.report.explain import explain, names
from diffopt.report.page_forms import bare_forms, beside, forms
from diffopt.report.page_pictures import colours, errors_picture, grids_pictures
from diffopt.report.text import conditions, fixed, short
from diffopt.report.units import scale_in, unit
from diffopt.schedules import HABIT
from diffopt.solvers import Solver
from diffopt.studies.comparison.comparison import Comparison

#: Columns after the name, in the order of their worth: heading, key, whether small screens leave it out.
_COLUMNS = (
    ("ratio", "ratio", False), ("frechet", "frechet", False), ("kl", "kl", True), ("held out", "held_out_worst", False),
    ("steps", "steps", True), ("calls", "denoiser_calls", True), ("kind", "kind", True), ("clock", "clock", True),
)  # fmt: skip

#: Rows beyond which a table shows its first ones and a button for all.
MANY, FIRST = 20, 12
#: Answers that stand open on top.
ANSWERS = 8


def page(comparison: Comparison, data: Mapping[str, Any]) -> str:
    """HTML text; `data` is the comparison's document."""
    groups = grouped(data["rows"])
    grids: list[dict[str, Any]] = []
    solvers = list(dict.fromkeys(solver for solver, _ in groups))
    sections = [
        f'<section data-solver="{escape(s)}"><h2 id="{_anchor(s)}">{escape(s)}</h2>'
        + "".join(_section(group, rows, data, grids, comparison) for group, rows in groups.items() if group[0] == s)
        + "</section>"
        for s in solvers
    ]
    schemes = {solver.name: solver for solver in comparison.setting.solvers}
    buttons = {row["solver"]: bare_forms(data) for row in data["rows"]}
    buttons |= {name: forms(scheme, data) for name, scheme in schemes.items() if name in buttons}
    links = "".join(f'<a href="#{_anchor(s)}">{escape(s)}</a>' for s in solvers)
    answer, left = _answers(compared(data)), _left_out(data)
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Schedules compared on {escape(data['spectrum']['source'])}</title>",
            f"<style>{_asset('page.css')}{colours()}</style></head><body>",
            f"<h1>Step grids compared on {escape(data['spectrum']['source'])}: {escape(', '.join(solvers))}</h1>",
            f'<div class="answer">{answer}</div>',
            f'<p class="soft">{escape(_facts(data))}</p><p class="soft" id="columns">{escape(_columns_told(data))}</p>',
            f'<pre>{escape(data["command"])}</pre>',
            f'<nav aria-label="parts"><a href="#pictures">pictures</a><a href="#tables">rows</a>{links}'
            '<a href="#names">names</a></nav>',
            f'<h2 id="pictures">What they cost</h2><p class="soft">{escape(key(comparison))}</p>{errors_picture(comparison)}',
            f'<h2>Where the steps go</h2><p class="soft">{SHADES}</p>{grids_pictures(comparison)}',
            f'<h2 id="tables">{"Rows" if left else "All rows"}</h2>{left}',
            '<p class="soft" id="how">The filter takes whole words, such as heun 10; ays* is a '
            "beginning; schedule:, solver:, kind:, steps:, calls: and host: ask one column. Arrows walk over the rows, Enter "
            "opens one.</p>",
            '<div class="bar"><input id="filter" type="search" aria-label="filter rows" aria-describedby="how" '
            'placeholder="filter: heun 10, ays*">'
            '<span id="count" class="soft" role="status"></span><button id="theme" hidden></button></div>',
            *sections,
            f'<h2 id="names">The names</h2><details><summary>What each is, its formula and source</summary>{_glossary(data)}'
            "</details>",
            f'<p class="soft">diffopt {escape(data["diffopt_version"])}</p>',
            f'<script type="application/json" id="grids">{_json(grids)}</script>',
            f'<script type="application/json" id="forms">{_json(buttons)}</script>',
            f"<script>{_asset('page.js')}</script></body></html>\n",
        ]
    )


def _left_out(data: Mapping[str, Any]) -> str:
    """How many rows the tables and pictures do not have."""
    count = sum(group["left_out"] for group in data["groups"])
    told = f"{count} row{'s' * (count != 1)} left out here and in the pictures; the answers are of all."
    return f'<p class="soft">{told}</p>' if count else ""


def _answers(lines: Sequence[str]) -> str:
    """The answers, those of many groups folded after the first: on a phone they would fill screens."""
    told = [f"<p>{escape(line)}</p>" for line in lines]
    more, rest = len(told) - ANSWERS, "".join(told[ANSWERS:])
    return "".join(told[:ANSWERS]) + (f"<details><summary>{more} more</summary>{rest}</details>" if more > 1 else rest)


def _asset(name: str) -> str:
    return resources.files("diffopt").joinpath("report", "assets", name).read_text(encoding="utf-8")


def _json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(value, ensure_ascii=True).replace("<", "\\u003c")


def _anchor(solver: str) -> str:
    return "solver-" + "".join(c if c.isalnum() else "-" for c in solver)


def _facts(data: Mapping[str, Any]) -> str:
    s, objective = data["spectrum"], row_errors(data)
    wrong = f", score error {data['score_error']}" if data.get("score_error") else ""
    who = f"{data['host']} does not offer" if data["host"] else "no program offers"
    return (
        f"Spectrum {s['source']}: {s['dim']:g} directions, trace {s['trace']:.5g}, largest {s['max']:.5g}. Process "
        f"{conditions(data)}{wrong}. ratio = {objective} over the optimized row's; held out = largest Frechet distance of the "
        "same grid on the spectrum scaled, tilted, blurred by 20 %. Errors are exact for Gaussian data with this spectrum; a "
        f"dash is not defined. # = {who} it by name, so it goes in as numbers. A row opens its grid. "
        + "".join(f"{note[0].upper()}{note[1:]}. " for note in optimum_notes(data))
    )


def _columns_told(data: Mapping[str, Any]) -> str:
    """What the columns of numbers are."""
    names = [shown_error(data, rows) for rows in grouped(data["rows"]).values()]
    known = [name for name in dict.fromkeys([*names, "frechet", "kl"]) if any(row[name] is not None for row in data["rows"])]
    told = "; ".join(f"{name}: {METRICS[name].title} ({unit(name, scale_in(data))})" for name in known)
    return f"Columns, in all of which less is better: {told}."


def _section(
    group: tuple[str, int], rows: Sequence[Mapping[str, Any]], data: Mapping[str, Any], grids: list[dict[str, Any]],
    comparison: Comparison,
) -> str:
    """Heading and table of one solver and budget; of many rows the best, and a button for all."""
    calls = sorted({row["denoiser_calls"] for row in rows})
    steps = sorted({row["steps"] for row in rows})
    title = f"{' or '.join(map(str, calls))} denoiser calls, {' or '.join(map(str, steps))} steps"
    objective = shown_error(data, rows)
    columns = [(objective, objective, False), *(c for c in _COLUMNS if c[1] != objective)]
    # What every row of the group shares stands in the title or nowhere.
    shared = {k for k in ("steps", "denoiser_calls", "clock") if len({row[k] for row in rows}) == 1}
    columns = [c for c in columns if c[1] not in shared and any(row[c[1]] is not None for row in rows)]
    head = '<th class="t"><button>schedule</button></th>' + "".join(
        f'<th class="{_classes(key, wide)}"><button>{escape(name)}</button></th>' for name, key, wide in columns
    )
    ranked = sorted(merged(rows), key=lambda r: (r["kind"] != "optimized", r[objective] is None, r[objective] or 0.0))
    short_of = len(ranked) > MANY
    far = [short_of and i >= FIRST and row["kind"] != "added" and row["schedule"] != HABIT for i, row in enumerate(ranked)]
    body = "".join(_row(row, columns, data, grids, comparison, away) for row, away in zip(ranked, far, strict=True))
    dropped = ", ".join(name for name, _, wide in columns if wide)
    told = f"Left out on this screen: {dropped}."
    told = f'<p class="dropped soft"><span>{told}</span> <button>all columns</button></p>' if dropped else ""
    return (
        f'<section data-group="{escape(group[0])} {group[1]}"><h3>{escape(title)}</h3>{told}'
        f'<div class="scroll{" short" * short_of}" tabindex="0">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        + (f'<p><button class="more" aria-expanded="false">all {len(ranked)} rows</button></p>' if short_of else "")
        + "</section>"
    )


def _classes(key: str, wide: bool) -> str:
    return " ".join(["t"] * (key in ("kind", "clock")) + ["wide"] * wide)


def _row(
    row: Mapping[str, Any], columns: Sequence[tuple[str, str, bool]], data: Mapping[str, Any],
    grids: list[dict[str, Any]], comparison: Comparison, far: bool,
) -> str:  # fmt: skip
    names_ = [row["design"] or row["schedule"], *row["aliases"]]
    mark = "optimized" if row["kind"] == "optimized" else "best" if row["best"] else ""
    mark += " bare" * bare(row, data["host"]) + " far" * far
    cells = "".join(_cell(row[key], _classes(key, wide)) for _, key, wide in columns)
    # Long names are broken after an underscore, not inside a word.
    label = escape(" = ".join(names_)).replace("_", "_<wbr>")
    places = ", ".join(f"{host}: {place}" for host, place in row["offered"].items())
    attributes = {
        "row": str(len(grids)), "schedule": " ".join(names_), "solver": row["solver"], "kind": row["kind"],
        "steps": str(row["steps"]), "calls": str(row["denoiser_calls"]), "places": places, "host": " ".join(row["offered"]),
    }  # fmt: skip
    if row["design"] is not None:
        attributes["design"] = row["design"]
    scheme = next((s for s in comparison.setting.solvers if s.name == row["solver"]), None)
    grids.append(_grid(row, data, scheme))
    told = " ".join(f'data-{k}="{escape(v)}"' for k, v in attributes.items())
    opener = f'<button class="open" aria-expanded="false">{label}</button>'
    return f'<tr class="{mark}" {told}><td class="t">{opener}</td>{cells}</tr>'


def _grid(row: Mapping[str, Any], data: Mapping[str, Any], scheme: Solver | None) -> dict[str, Any]:
    """Numbers of a row as the hosts read them: fixed point, no exponents."""
    grid: dict[str, Any] = {"sigmas": [fixed(v) for v in row["sigmas"]]}
    if data["process"]["name"] == "flow":
        grid["times"] = [fixed(1.0 if v is None else v / (1 + v)) for v in row["sigmas"]]
    if any(row["eta"]) or (scheme is not None and scheme.eta_meaning):
        # Also 0: a file without it has the scheme's own.
        grid["eta"] = [fixed(v) for v in row["eta"]]
    if said := beside(scheme, row):
        grid["said"] = said
    return grid


def _cell(value: Any, classes: str) -> str:
    told = f' class="{classes}"' if classes else ""
    if value is None:
        return f'<td{told} data-v="">-</td>'
    if isinstance(value, str):
        return f"<td{told}>{escape(value)}</td>"
    return f'<td{told} data-v="{value!r}">{short(value)}</td>'


def _glossary(data: Mapping[str, Any]) -> str:
    """A sentence and the source of every name on the page."""
    items, known = [], set(names())
    for name in dict.fromkeys(row["design"] or row["schedule"] for row in data["rows"]):
        if name not in known:
            continue
        row = explain(name)
        items.append(
            f"<dt><code>{escape(name)}</code> ({row['status']})</dt><dd>{escape(row['summary'])}<br>"
            f"<code>{escape(row['formula'])}</code><br>{escape(row['reference'])}</dd>"
        )
    return f"<dl>{''.join(items)}</dl>"
