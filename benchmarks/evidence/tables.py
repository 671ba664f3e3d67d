"""Tables and the picture of docs/evidence.md, from results files.

python benchmarks/evidence/tables.py [--results benchmarks/evidence/results] [--picture docs/evidence.png]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from cells import FIXED
from scipy.stats import spearmanr

RESULTS = Path(__file__).parent / "results"
METRICS = ("rmse", "median", "frechet", "sliced", "data_frechet", "data_sliced")
Row = dict[str, Any]


def read(folder: Path) -> list[Row]:
    """All cells of all results files."""
    return [row for path in sorted(folder.glob("*.json")) for row in json.loads(path.read_text())]


def ratio(row: Row, metric: str, rivals: tuple[str, ...] = FIXED) -> float:
    """Error of the best rival, chosen afterwards, over the default's."""
    errors = row["errors"]
    return min(errors[name].get(metric, np.inf) for name in rivals if name in errors) / errors["diffopt"][metric]


def summary(rows: list[Row], metric: str) -> list[str]:
    """Cells won, geometric mean and worst ratio against the best fixed rule and against Karras."""
    rows = [row for row in rows if metric in row["errors"]["diffopt"]]
    if not rows:
        return ["-"] * 4
    best = np.array([ratio(row, metric) for row in rows])
    karras = np.array([ratio(row, metric, ("karras",)) for row in rows])
    return [
        f"{np.sum(best >= 1)} of {best.size}", f"{np.exp(np.log(best).mean()):.2f}, {best.min():.2f}",
        f"{np.sum(karras >= 1)} of {karras.size}", f"{np.exp(np.log(karras).mean()):.2f}, {karras.min():.2f}",
    ]  # fmt: skip


def table(title: str, groups: dict[str, list[Row]]) -> str:
    """Markdown: a line per group and metric."""
    head = "| | metric | best fixed beaten | mean, worst | Karras beaten | mean, worst |"
    lines = [f"### {title}", "", head, "|---|---|---|---|---|---|"]
    for name, rows in groups.items():
        for metric in METRICS:
            parts = summary(rows, metric)
            if parts[0] != "-":
                lines.append(f"| {name} | {metric} | {' | '.join(parts)} |")
    return "\n".join(lines) + "\n"


def grouped(rows: list[Row], key: Callable[[Row], str]) -> dict[str, list[Row]]:
    """Rows by a key, in the order in which the keys occur."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def cells(rows: list[Row]) -> str:
    """Every cell: the default's errors, the best fixed rule and the ratio."""
    lines = ["| case | solver | calls | steps | Frechet | best fixed | ratio | rmse | best fixed | ratio |", "|---|" + "---|" * 9]
    for row in rows:
        parts = []
        for metric in ("frechet", "rmse"):
            own = row["errors"]["diffopt"].get(metric)
            if own is None:
                parts += ["-", "-", "-"]
                continue
            rivals = [name for name in FIXED if name in row["errors"]]
            best = min(rivals, key=lambda name: row["errors"][name].get(metric, np.inf))
            parts += [f"{own:.3g}", f"{best} {row['errors'][best][metric]:.3g}", f"{ratio(row, metric):.2f}"]
        lines.append(f"| {row['case']} | {row['solver']} | {row['calls']} | {row['steps']} | {' | '.join(parts)} |")
    return "\n".join(lines) + "\n"


def correlation(rows: list[Row]) -> str:
    """Spearman correlation of the predicted and the measured error over rules, per case and solver."""
    lines = ["| case | solver | rmse | frechet |", "|---|---|---|---|"]
    for (case, solver), group in _by_two(rows).items():
        parts = []
        for metric in ("rmse", "frechet"):
            values = [_rank(row, metric) for row in group]
            values = [value for value in values if np.isfinite(value)]
            parts.append(f"{np.mean(values):.2f}" if values else "-")
        lines.append(f"| {case} | {solver} | {' | '.join(parts)} |")
    return "\n".join(lines) + "\n"


def _by_two(rows: list[Row]) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row["case"], row["solver"]), []).append(row)
    return found


def _rank(row: Row, metric: str) -> float:
    pairs = [(e["predicted"], e[metric]) for e in row["errors"].values() if metric in e and "predicted" in e]
    return float(spearmanr(*zip(*pairs, strict=True))[0]) if len(pairs) > 3 else float("nan")


def picture(rows: list[Row], path: Path) -> None:
    """Error against calls: the default, Karras, and the best of the fixed rules."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    kinds = grouped(rows, lambda row: row["kind"])
    every = [{row["solver"] for row in members} for members in kinds.values()]
    solvers = [name for name in dict.fromkeys(row["solver"] for row in rows) if all(name in found for found in every)]
    figure, axes = pyplot.subplots(len(kinds), len(solvers), figsize=(3.1 * len(solvers), 2.5 * len(kinds)), squeeze=False)
    for line, (kind, members) in zip(axes, kinds.items(), strict=True):
        for axis, solver in zip(line, solvers, strict=True):
            own = [row for row in members if row["solver"] == solver]
            calls = sorted({row["calls"] for row in own})
            for name, colour in (("karras", "tab:red"), ("best fixed", "tab:grey"), ("diffopt", "tab:blue")):
                axis.loglog(calls, [_mean(own, c, name) for c in calls], "o-", color=colour, label=name, markersize=3)
            axis.set_title(f"{kind}, {solver}", fontsize=8)
            axis.set_xticks(calls, [str(c) for c in calls], fontsize=7)
            axis.tick_params(axis="y", labelsize=7)
            axis.minorticks_off()
    axes[0][0].legend(fontsize=7)
    figure.supxlabel("denoiser calls", fontsize=8)
    figure.supylabel("Frechet distance to the fine limit / Karras at 5 calls, geometric mean", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _mean(rows: list[Row], calls: int, name: str) -> float:
    """Geometric mean over cases, each relative to Karras at the fewest calls."""
    logs = []
    for case, members in grouped(rows, lambda row: row["case"]).items():
        del case
        first = min(members, key=lambda row: row["calls"])["errors"]["karras"]["frechet"]
        for row in members:
            if row["calls"] == calls:
                names = [n for n in FIXED if n in row["errors"]] if name == "best fixed" else [name]
                logs.append(np.log(min(row["errors"][n]["frechet"] for n in names) / first))
    return float(np.exp(np.mean(logs)))


def main() -> None:
    """Print the tables, draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--picture", type=Path)
    args = parser.parse_args()
    rows = read(args.results)
    for kind, members in grouped(rows, lambda row: row["kind"]).items():
        print(table(f"{kind}: by solver", {"all": members, **grouped(members, lambda row: row["solver"])}))
        print(table(f"{kind}: by calls", grouped(members, lambda row: str(row["calls"]))))
        print(cells(members))
    if any("predicted" in e for row in rows for e in row["errors"].values()):
        print("### Spearman correlation of the predicted with the measured error over rules, mean over calls\n")
        print(correlation(rows))
    if args.picture:
        picture(rows, args.picture)


if __name__ == "__main__":
    main()
