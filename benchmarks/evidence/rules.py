"""Every rule and design against the default: which is nearest over all cells, by solver, and the default's place in each cell."""

from __future__ import annotations

from typing import Any

import numpy as np

Row = dict[str, Any]
#: Grids of the default's own making, which are no rivals.
OWN = ("diffopt", "shared")
#: Lines of the table of rivals.
SHOWN = 16


def rivals(rows: list[Row]) -> list[str]:
    """Rules that were run in every one of the cells."""
    common = set.intersection(*(set(row["errors"]) for row in rows))
    return sorted(common - set(OWN))


def against(rows: list[Row], name: str, metric: str) -> np.ndarray:
    """Error of a rule over the default's in the cells that have the metric; above 1 the default is nearer."""
    cells = [row["errors"] for row in rows if metric in row["errors"]["diffopt"]]
    return np.array([cell[name].get(metric, np.inf) / cell["diffopt"][metric] for cell in cells])


def mean(ratios: np.ndarray) -> float:
    """Geometric mean; infinite where a rule failed."""
    return float(np.exp(np.log(ratios).mean()))


def nearest(rows: list[Row]) -> str:
    """The rules with the least mean error over the default's, by rmse, and the cells in which each is ahead."""
    heads = (
        "rule or design",
        *(f"{metric}: {what}" for metric in ("rmse", "Frechet") for what in ("mean", "ahead of the default", "least, most")),
    )
    lines = [f"| {' | '.join(heads)} |", "|---|" + "---|" * 6]
    found = sorted((mean(against(rows, name, "rmse")), name) for name in rivals(rows))
    for _, name in found[:SHOWN]:
        lines.append(
            f"| {name} | {' | '.join(part for metric in ('rmse', 'frechet') for part in _parts(against(rows, name, metric)))} |"
        )
    return "\n".join(lines) + "\n"


def _parts(ratios: np.ndarray) -> tuple[str, str, str]:
    return f"{mean(ratios):.2f}", f"{np.sum(ratios < 1)} of {ratios.size}", f"{ratios.min():.2f}, {ratios.max():.3g}"


def by_solver(groups: dict[str, list[Row]]) -> str:
    """The two nearest rules of each group of cells, and the default's places."""
    heads = ("cells", "number", "rmse: nearest", "Frechet: nearest", "places by rmse", "by Frechet")
    lines = [f"| {' | '.join(heads)} |", "|---|" + "---|" * 5]
    for label, rows in groups.items():
        parts = [_two(rows, metric) for metric in ("rmse", "frechet")] + [_places(rows, metric) for metric in ("rmse", "frechet")]
        lines.append(f"| {label} | {len(rows)} | {' | '.join(parts)} |")
    return "\n".join(lines) + "\n"


def _two(rows: list[Row], metric: str) -> str:
    known = [(against(rows, name, metric), name) for name in rivals(rows)]
    found = sorted((mean(ratios), name) for ratios, name in known if ratios.size)
    return ", ".join(f"{name} {value:.2f}" for value, name in found[:2]) or "-"


def _places(rows: list[Row], metric: str) -> str:
    places = [place(row, metric)[0] for row in rows if metric in row["errors"]["diffopt"]]
    return f"{min(places)} to {max(places)}, median {np.median(places):.0f}" if places else "-"


def place(row: Row, metric: str) -> tuple[int, list[tuple[float, str]], int]:
    """The default's place, what is ahead of it (error, rule) and how many were ranked."""
    known = {n: e[metric] for n, e in row["errors"].items() if n != "shared" and np.isfinite(e.get(metric, np.inf))}
    ahead = sorted((value, name) for name, value in known.items() if value < known["diffopt"])
    return len(ahead) + 1, ahead, len(known)


def cells(rows: list[Row]) -> str:
    """Each cell: the default's place among all, by rmse (by Frechet distance where there is noise), and what is ahead."""
    lines = ["| case | solver | calls | place | ahead of the default (its error over theirs) |", "|---|---|---|---|---|"]
    for row in rows:
        metric = "rmse" if "rmse" in row["errors"]["diffopt"] else "frechet"
        mine, ahead, number = place(row, metric)
        own = row["errors"]["diffopt"][metric]
        words = ", ".join(f"{name} {own / value:.2f}" for value, name in ahead[:6]) + (", ..." if len(ahead) > 6 else "")
        lines.append(f"| {row['case']} | {row['solver']} | {row['calls']} | {mine} of {number} | {words or '-'} |")
    return "\n".join(lines) + "\n"
