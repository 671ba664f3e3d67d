"""Picture of a study of injected noise: eta over sigma for each setting, and what each costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diffopt.report.figures import lollipops
from diffopt.report.studies import chosen_rows
from diffopt.report.style import GREY, LINES, RED, figure, log_axis, plain, styled


@styled
def noise_picture(data: Mapping[str, Any]) -> Any:
    """Injected noise of every step over sigma, a line a setting; below them the exact errors, the best in colour."""
    rows = {_name(name, row): row for name, row in chosen_rows(data)}
    canvas, (above, below) = figure(9, [2.8, 0.8 + 0.2 * max(3, len(rows))])
    sigmas = [s for s in data["sigmas"] if s]
    low, high = min(sigmas) / 1.4, max(sigmas) * 1.4
    edges = [high if s is None else max(s, low) for s in data["sigmas"]]
    scores = dict(sorted(((name, row["exact"]) for name, row in rows.items()), key=lambda item: item[1]))
    own = next(iter(scores))
    others = iter(colour for colour in LINES if colour != RED)
    colours = {name: RED if name == own else GREY if name.startswith("present") else next(others, GREY) for name in rows}
    for name, row in rows.items():
        now = name.startswith("present")
        above.stairs(row["eta"][::-1], edges[::-1], baseline=None, color=colours[name], linestyle=":" if now else "-",
                     linewidth=1.6, zorder=3 if now else 2, label=plain(name))  # fmt: skip
    top = max(max(row["eta"]) for row in rows.values())
    log_axis(above, "x", high, low)
    last = "; the last step goes to 0" if data["sigmas"][-1] == 0 else ""
    above.set(ylim=(-0.04 * (top or 1), 1.12 * (top or 1)), ylabel="eta", xlabel=f"sigma, sampling runs to the right{last}")
    above.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    lollipops(below, scores, "exact", own, colours)
    title = f"{data['solver']}, {data['steps']} steps on {data['schedule']}, eta in the sense of {data['eta_meaning']}"
    canvas.suptitle(plain(f"{title}; {data['spectrum']['source']}"), fontsize=11, x=0.01, ha="left")
    return canvas


def _name(setting: str, row: Mapping[str, Any]) -> str:
    return setting + (f" ({row['clock']})" if row["clock"] else "")
