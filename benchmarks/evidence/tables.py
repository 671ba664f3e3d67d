"""Tables of docs/evidence.md and docs/evidence_cells.md, from results files.

python benchmarks/evidence/tables.py [--results benchmarks/evidence/results] [--write docs]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rules
from cells import FIXED
from scipy.stats import spearmanr

RESULTS = Path(__file__).parent / "results"
#: What is said, and every cell of it.
PAGES = ("evidence.md", "evidence_cells.md")
METRICS = ("rmse", "median", "frechet", "sliced", "data_frechet", "data_sliced")
#: Kind -> title.
TITLES = {"exact": "Exact scores", "own": "Own networks", "pretrained": "Pretrained networks"}
#: Solvers of the short tables where no others are named.
PLAIN = ("euler", "heun", "dpmpp_2m")
#: Exact targets whose kind of data took no part in any choice.
UNSEEN = ("audio", "heavy", "terrain")
Row = dict[str, Any]


def read(folder: Path) -> list[Row]:
    """All cells of all results files."""
    rows = [row for path in sorted(folder.glob("*.json")) for row in json.loads(path.read_text())]
    return sorted(rows, key=lambda row: list(TITLES).index(row["kind"]))


def ratio(row: Row, metric: str, rivals: tuple[str, ...] = FIXED, ours: str = "diffopt") -> float:
    """Error of the best rival, chosen afterwards, over the default's; over the default's where `ours` was not measured."""
    errors = row["errors"]
    own = errors.get(ours, errors["diffopt"])[metric]
    return min(errors[name].get(metric, np.inf) for name in rivals if name in errors) / own


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
    heads = ("case", "solver", "calls", "steps", *(n for m in ("Frechet", "rmse") for n in (m, "best fixed", "ratio", "shared")))
    lines = [f"| {' | '.join(heads)} |", "|---|" + "---|" * 11]
    for row in rows:
        parts = []
        for metric in ("frechet", "rmse"):
            own = row["errors"]["diffopt"].get(metric)
            if own is None:
                parts += ["-", "-", "-", "-"]
                continue
            rivals = [name for name in FIXED if name in row["errors"]]
            best = min(rivals, key=lambda name: row["errors"][name].get(metric, np.inf))
            parts += [f"{own:.3g}", f"{best} {row['errors'][best][metric]:.3g}", f"{ratio(row, metric):.2f}"]
            parts += [f"{ratio(row, metric, ours='shared'):.2f}" if "shared" in row["errors"] else "-"]
        lines.append(f"| {row['case']} | {row['solver']} | {row['calls']} | {row['steps']} | {' | '.join(parts)} |")
    return "\n".join(lines) + "\n"


def correlation(rows: list[Row], many: list[Row]) -> str:
    """Spearman correlation of the predicted and the measured error per case and solver: over rules, and over `many` grids."""
    lines = ["| case | solver | rmse | frechet | every rule and design: rmse | frechet |", "|---|---|---|---|---|---|"]
    wide = _by_two(many)
    for key, group in _by_two(rows).items():
        parts = [_mean_rank(members, metric) for members in (group, wide.get(key, [])) for metric in ("rmse", "frechet")]
        lines.append(f"| {' | '.join((*key, *parts))} |")
    return "\n".join(lines) + "\n"


def _mean_rank(rows: list[Row], metric: str) -> str:
    """Over calls."""
    values = [value for value in (_rank(row, metric) for row in rows) if np.isfinite(value)]
    return f"{np.mean(values):.2f}" if values else "-"


def _by_two(rows: list[Row]) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row["case"], row["solver"]), []).append(row)
    return found


def _rank(row: Row, metric: str) -> float:
    pairs = [(e["predicted"], e[metric]) for e in row["errors"].values() if metric in e and "predicted" in e]
    return float(spearmanr(*zip(*pairs, strict=True))[0]) if len(pairs) > 3 else float("nan")


def twice(rows: list[Row]) -> tuple[int, int]:
    """Comparisons in which the default at 5 or 8 calls is as near as Karras at twice as many, and their number."""
    won = total = 0
    for group in _by_two(rows).values():
        errors = {row["calls"]: row["errors"] for row in group}
        known = sorted(errors)
        for calls in (5, 8):
            if calls in errors and known[-1] >= 2 * calls:
                logs = [np.log(errors[c]["karras"]["frechet"]) for c in known]
                rival = float(np.exp(np.interp(np.log(2 * calls), np.log(known), logs)))
                won, total = won + (errors[calls]["diffopt"]["frechet"] <= rival), total + 1
    return won, total


def share(rows: list[Row], metric: str, rivals: tuple[str, ...] = FIXED, ours: str = "diffopt") -> str:
    """Cells won, geometric mean and worst ratio in words."""
    found = np.array([ratio(row, metric, rivals, ours) for row in rows if metric in row["errors"]["diffopt"]])
    if not found.size:
        return "-"
    won = np.sum(found >= 1)
    mean = np.exp(np.log(found).mean())
    return f"{won} of {found.size} ({100 * won / found.size:.0f} %), mean {mean:.2f}, worst {found.min():.2f}"


def short(rows: list[Row]) -> str:
    """What was asked for, by kind and number of calls."""
    names = ("Frechet, best fixed", "rmse, best fixed", "Frechet to data, best fixed", "Frechet, Karras")
    lines = [f"| | {' | '.join(names)} | as near as Karras at twice the calls |", "|---|---|---|---|---|---|"]
    for kind, every in grouped(rows, lambda row: row["kind"]).items():
        members, title = [row for row in every if row["solver"] in PLAIN], TITLES[kind]
        few, few_of_all = ([row for row in some if row["calls"] <= 12] for some in (members, every))
        groups = {f"**{title}, 5 to 12 calls**": (few, "diffopt"), f"{title}, 5 to 20 calls": (members, "diffopt")}
        if kind == "exact":
            groups[f"of these {', '.join(UNSEEN)}"] = ([row for row in members if row["case"] in UNSEEN], "diffopt")
        if len(every) > len(members):
            groups[f"{title}, 5 to 12 calls, all solvers"] = (few_of_all, "diffopt")
        if all("shared" in row["errors"] for row in few if row["solver"] == "dpmpp_2m"):
            groups[f"{title}, 5 to 12 calls, dpmpp_2m on the shared grid"] = (few, "shared")
        for label, (some, ours) in groups.items():
            parts = [share(some, metric, ours=ours) for metric in ("frechet", "rmse", "data_frechet")]
            won, total = twice(some) if ours == "diffopt" else (0, 0)
            parts += [share(some, "frechet", ("karras",), ours), f"{won} of {total}" if total else "-"]
            lines.append(f"| {label} | {' | '.join(parts)} |")
    return "\n".join(lines) + "\n"


def shared(rows: list[Row]) -> str:
    """The solver's own grid beside the one it shares with Euler, by kind and multistep solver."""
    lines = ["| | grid | rmse | median | Frechet | sliced |", "|---|---|---|---|---|---|"]
    some = [row for row in rows if "shared" in row["errors"]]
    for label, members in grouped(some, lambda row: f"{TITLES[row['kind']]}, {row['solver']}").items():
        for grid, ours in (("own", "diffopt"), ("shared", "shared")):
            parts = [share(members, metric, ours=ours) for metric in ("rmse", "median", "frechet", "sliced")]
            lines.append(f"| {label} | {grid} | {' | '.join(parts)} |")
    return "\n".join(lines) + "\n"


def left_out(rows: list[Row]) -> str:
    """Networks that took part in nothing: over all of them, by network and by solver; then solvers."""
    names = ("Frechet, best fixed", "rmse, best fixed", "Frechet, Karras", "rmse, Karras")
    lines = [f"| | {' | '.join(names)} |", "|---|---|---|---|---|"]
    plain = [row for row in rows if row["solver"] in PLAIN]
    few, of_all = ([row for row in some if row["calls"] <= 12] for some in (plain, rows))
    groups = {"**5 to 12 calls**": few, **grouped(few, lambda row: row["case"]), **grouped(few, lambda row: row["solver"])}
    groups |= {"5 to 20 calls": plain, "5 to 12 calls, all solvers": of_all}
    shown = [(label, members, "diffopt") for label, members in groups.items()]
    for label, members, ours in [*shown, ("5 to 12 calls, dpmpp_2m on the shared grid", few, "shared")]:
        parts = [share(members, metric, rivals, ours) for rivals in (FIXED, ("karras",)) for metric in ("frechet", "rmse")]
        lines.append(f"| {label} | {' | '.join(parts)} |")
    return "\n".join([*lines, "", table("By solver", grouped(rows, lambda row: row["solver"]))])


def everything(rows: list[Row]) -> str:
    """All tables of all kinds."""
    parts = []
    for kind, members in grouped(rows, lambda row: row["kind"]).items():
        parts.append(table(f"{TITLES[kind]}, by solver", {"all": members, **grouped(members, lambda row: row["solver"])}))
        parts.append(table(f"{TITLES[kind]}, by calls", grouped(members, lambda row: str(row["calls"]))))
        parts.append(f"### {TITLES[kind]}, every cell\n\n{cells(members)}")
    return "\n".join(parts)


def _every(many: dict[str, list[Row]]) -> dict[str, str]:
    """Every rule and design: the nearest, groups of cells, and each cell."""
    rows = [row for some in many.values() for row in some]
    groups = {f"{TITLES[kind]}": some for kind, some in grouped(many["targets"], lambda row: row["kind"]).items()}
    groups |= {"Networks left out": many["networks left out"], **grouped(rows, lambda row: row["solver"])}
    groups |= {f"{calls} calls": some for calls, some in sorted(grouped(rows, lambda row: row["calls"]).items())}
    groups = {label: some for label, some in {"all": rows, **groups}.items() if some}
    return {"rules": rules.nearest(rows), "rules_by": rules.by_solver(groups), "every": rules.cells(rows)}


def sections(folder: Path) -> dict[str, str]:
    """What the pages hold between their marks."""
    rows = read(folder)
    many = {"targets": read(folder / "every"), "networks left out": read(folder / "left_out" / "every")}
    ranks = correlation([*rows, *read(folder / "left_out")], [row for some in many.values() for row in some])
    found = {"short": short(rows), "ranks": ranks, "all": everything(rows), "shared": shared(rows)}
    if (folder / "objectives").is_dir():
        import objectives

        found["objectives"] = objectives.table(folder / "objectives")
    if (folder / "every").is_dir():
        found |= _every(many)
    if (folder / "left_out").is_dir():
        import answers

        found["asked"] = answers.asked(rows, read(folder / "left_out"))
        found["beside"] = answers.beside(rows, read(folder / "left_out"))
        found["left_out"] = left_out(read(folder / "left_out"))
        found["left_out_cells"] = cells(read(folder / "left_out"))
        if (folder / "left_out" / "curves").is_dir():
            import curves

            found["left_out_curves"] = curves.table(folder / "left_out" / "curves")
    if (folder / "curves").is_dir():
        import curves

        found["curves"] = curves.table(folder / "curves")
    if (folder / "noises" / "shared.json").exists():
        import noises

        found["noises"] = noises.table(folder / "noises" / "shared.json")
    networks = {path.stem: json.loads(path.read_text()) for path in sorted((folder / "networks").glob("*.json"))}
    if networks:
        found["networks"] = quality(networks)
    return found


def quality(networks: dict[str, dict[str, float]]) -> str:
    """How good the own networks are."""
    lines = [
        "| network | fine limit to unseen data | learnt samples to unseen data | fine limit to what it learnt | samples of it |"
    ]
    lines += ["|---|---|---|---|---|"]
    for name, q in networks.items():
        numbers = (q["limit_to_unseen"], q["learnt_to_unseen"], q["limit_to_learnt"], q["learnt_floor"])
        lines.append(f"| {name} | {' | '.join(f'{v:.3g}' for v in numbers)} |")
    return "\n".join(lines) + "\n"


def write(path: Path, parts: dict[str, str]) -> None:
    """Put the sections between `<!-- NAME -->` and `<!-- /NAME -->`."""
    text = path.read_text()
    for name, part in parts.items():
        before, mark, rest = text.partition(f"<!-- {name} -->\n")
        if mark:
            text = f"{before}{mark}\n{part}\n<!-- /{name} -->{rest.partition(f'<!-- /{name} -->')[2]}"
    path.write_text(text)


def main() -> None:
    """Print the tables, or write them into a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--write", type=Path, metavar="docs", help="folder of the pages")
    args = parser.parse_args()
    parts = sections(args.results)
    if args.write:
        for page in PAGES:
            write(args.write / page, parts)
    else:
        print("\n".join(parts.values()))


if __name__ == "__main__":
    main()
