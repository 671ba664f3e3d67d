"""One self-contained page: both pictures, a table that sorts itself, and the command that made it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from diffopt.report.comparison import flat_rows
from diffopt.report.comparison_figures import svg
from diffopt.report.explain import explain, names
from diffopt.report.text import short
from diffopt.studies.comparison.comparison import Comparison

_STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1180px; padding: 0 1em; color: #1c2230; }
h1 { font-size: 1.4em; } h2 { font-size: 1.1em; margin-top: 2em; }
code { background: #f0f2f7; padding: .1em .3em; } pre { background: #f0f2f7; padding: .8em; overflow-x: auto; }
svg { max-width: 100%; height: auto; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
th { position: sticky; top: 0; background: #fff; cursor: pointer; text-align: left; border-bottom: 2px solid #1c2230; }
th[aria-sort=ascending]::after { content: " \\25B2"; } th[aria-sort=descending]::after { content: " \\25BC"; }
th, td { padding: .2em .7em; white-space: nowrap; } td.n { text-align: right; }
tr.optimized { background: #e6f4ea; font-weight: 600; } tr.best { font-weight: 600; }
input { font: inherit; padding: .3em .5em; margin: .5em 0; width: 22em; max-width: 100%; }
"""

_SCRIPT = """
const table = document.querySelector('table'), body = table.tBodies[0];
table.querySelectorAll('th').forEach((th, i) => th.addEventListener('click', () => {
  const up = th.getAttribute('aria-sort') !== 'ascending';
  table.querySelectorAll('th').forEach(h => h.removeAttribute('aria-sort'));
  th.setAttribute('aria-sort', up ? 'ascending' : 'descending');
  const value = r => r.cells[i].dataset.v ?? r.cells[i].textContent;
  const rows = [...body.rows].sort((a, b) => {
    const x = value(a), y = value(b);
    if (x === '' || y === '') return (x === '') - (y === '');
    const d = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
    return up ? d : -d;
  });
  body.append(...rows);
}));
document.querySelector('input').addEventListener('input', event => {
  const words = event.target.value.toLowerCase().split(/\\s+/);
  for (const row of body.rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every(word => text.includes(word));
  }
});
"""


def page(comparison: Comparison, data: Mapping[str, Any]) -> str:
    """HTML text; `data` is the comparison's document."""
    s = data["spectrum"]
    top = "pure noise" if data["process"]["sigma_max"] is None else f"{data['process']['sigma_max']:g}"
    facts = (
        f"Spectrum {s['source']}: {s['dim']:g} directions, trace {s['trace']:.5g}, largest {s['max']:.5g}. Process "
        f"{data['process']['name']}, sigma {top} to {data['process']['sigma_min']:g}, end {data['end']}, start "
        f"{data['start']}. Objective {data['objective']}; ratio = {data['objective']} over the optimized row's; "
        "held_out_worst = largest Frechet distance of the same grid on the spectrum scaled, tilted, blurred by 20 %. "
        "Errors are exact for Gaussian data with this spectrum; a dash is not defined."
    )
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width">',
            f"<title>Schedules compared on {escape(s['source'])}</title><style>{_STYLE}</style></head><body>",
            "<h1>Step grids compared</h1>",
            f"<p>{escape(facts)}</p>",
            f"<pre>{escape(data['command'])}</pre>",
            f"<h2>Where the steps go</h2>{svg(comparison, 'grids')}",
            f"<h2>What they cost</h2>{svg(comparison, 'errors')}",
            "<h2>All rows</h2><p>Click a heading to sort, type to filter.</p>",
            '<input type="search" aria-label="filter rows" placeholder="filter: heun ays 10">',
            f'<div class="scroll">{_table(data)}</div>',
            f"<h2>The rows</h2>{_glossary(data)}",
            f"<p>diffopt {escape(data['diffopt_version'])}</p><script>{_SCRIPT}</script></body></html>\n",
        ]
    )


def _table(data: Mapping[str, Any]) -> str:
    rows = flat_rows(data)
    if not rows:
        return "<table><thead><tr><th>schedule</th></tr></thead><tbody></tbody></table>"
    head = "".join(f"<th>{escape(name)}</th>" for name in rows[0] if name != "best")
    body = []
    for row in rows:
        cells = "".join(_cell(v) for k, v in row.items() if k != "best")
        marks = "optimized" if row["kind"] == "optimized" else "best" if row["best"] else ""
        body.append(f'<tr class="{marks}">{cells}</tr>')
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def _cell(value: Any) -> str:
    if value is None:
        return '<td class="n" data-v="">-</td>'
    if isinstance(value, str):
        return f"<td>{escape(value)}</td>"
    return f'<td class="n" data-v="{value!r}">{short(value)}</td>'


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
