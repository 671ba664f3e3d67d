"""What was asked of the default grids beforehand, beside what was found."""

from __future__ import annotations

import numpy as np
from cells import BESIDE
from tables import FIXED, PLAIN, Row, grouped, ratio, share, twice


def _found(rows: list[Row], rivals: tuple[str, ...], metrics: tuple[str, ...]) -> list[tuple[int, int, float, float]]:
    """Cells won, their number, geometric mean and worst ratio, by metric."""
    parts = []
    for metric in metrics:
        found = np.array([ratio(row, metric, rivals) for row in rows if metric in row["errors"]["diffopt"]])
        parts.append((int(np.sum(found >= 1)), found.size, float(np.exp(np.log(found).mean())), float(found.min())))
    return parts


def asked(rows: list[Row], left_out: list[Row]) -> str:
    """What was asked beforehand beside what was found, up to 12 calls, by Frechet distance and pathwise."""
    both, data = ("frechet", "rmse"), ("data_frechet",)
    kinds = {**grouped(rows, lambda row: row["kind"]), "left out": left_out}
    karras = ("karras",)
    lines = ["| | asked | `euler`, `heun`, `dpmpp_2m` | all solvers |", "|---|---|---|---|"]
    for words, kind, rivals, metrics, wish, mean, worst in (
        ("networks that took part in no choice, best fixed", "left out", FIXED, both, 85, 1.3, 0.9),
        ("the same, Karras", "left out", karras, both, 95, 1.4, None),
        ("the other pretrained networks, best fixed", "pretrained", FIXED, both, 85, 1.3, 0.9),
        ("the same, Karras", "pretrained", karras, both, 95, 1.4, None),
        ("exact scores, best fixed", "exact", FIXED, both, 90, 1.5, 0.9),
        ("networks of our own, nearer to the limit", "own", FIXED, both, 90, None, None),
        ("the same, to unseen data", "own", FIXED, data, 75, None, None),
    ):
        few = [row for row in kinds[kind] if row["calls"] <= 12]
        wishes = [f"{wish} % of the cells", f"mean {mean}" if mean else "", f"none below {worst}" if worst else ""]
        cells = [_answer(some, rivals, metrics, mean, worst) for some in ([r for r in few if r["solver"] in PLAIN], few)]
        lines.append(f"| {words} | {', '.join(w for w in wishes if w)} | {' | '.join(cells)} |")
    near = [twice([row for row in kinds["exact"] if row["solver"] in some]) for some in (PLAIN, [r["solver"] for r in rows])]
    counts = " | ".join(f"{won} of {total}" for won, total in near)
    lines.append(f"| exact scores, as near as Karras at twice the calls | half of the cells | {counts} |")
    return "\n".join(lines) + "\n"


def _answer(rows: list[Row], rivals: tuple[str, ...], metrics: tuple[str, ...], mean: float | None, worst: float | None) -> str:
    found = _found(rows, rivals, metrics)
    words = " and ".join(f"{won} of {total} ({100 * won / total:.0f} %)" for won, total, _, _ in found)
    words += f"; mean {', '.join(f'{m:.2f}' for _, _, m, _ in found)}" if mean else ""
    return words + (f"; worst {', '.join(f'{w:.2f}' for _, _, _, w in found)}" if worst else "")


def beside(rows: list[Row], left_out: list[Row]) -> str:
    """The default against the seven rules, against these and `sgm_uniform`, and against it alone; up to 12 calls."""
    rivals = {"seven rules": FIXED, "with `sgm_uniform`": (*FIXED, *BESIDE), "it alone": BESIDE}
    heads = [f"{name}: {metric}" for name in rivals for metric in ("Frechet", "rmse")]
    lines = [f"| | {' | '.join(heads)} |", "|---|" + "---|" * len(heads)]
    for kind, members in {**grouped(rows, lambda row: row["kind"]), "left out": left_out}.items():
        some = [row for row in members if row["calls"] <= 12 and BESIDE[0] in row["errors"]]
        groups = {"`euler`, `heun`, `dpmpp_2m`": [row for row in some if row["solver"] in PLAIN]}
        for label, few in {**groups, **grouped(some, lambda row: row["solver"])}.items():
            parts = [share(few, metric, names) for names in rivals.values() for metric in ("frechet", "rmse")]
            lines.append(f"| {kind}, {label} | {' | '.join(parts)} |")
    return "\n".join(lines) + "\n"
