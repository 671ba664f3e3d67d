"""Pictures of docs/evidence.md: error against calls from results files, and samples side by side.

python benchmarks/evidence/pictures.py [--results benchmarks/evidence/results] [--folder docs] [--samples own_digits,hsc32]

Samples are run anew from the first noises of the cells (a few seconds) and kept beside the results.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from case import Case
from cells import FIXED, fixed_grid, optimal_grid, steps_for
from measure import find
from tables import RESULTS, Row, grouped, read

from diffopt.simulation.run import run

#: Name in the results -> (label, style); `shared` where it was measured.
LINES = {
    "karras": ("karras", "tab:red", "-"), "best fixed": ("best fixed", "tab:grey", "-"), "diffopt": ("default", "tab:blue", "-"),
    "shared": ("mean with Euler's grid", "tab:cyan", "--"),
}  # fmt: skip
#: Solvers with a panel of their own where every kind has them.
DRAWN = ("euler", "heun", "dpmpp_2m", "unipc", "ipndm")
#: Samples of a row, calls of the two columns, and the solver that users take.
SHOWN, CALLS, SOLVER = 7, (5, 8), "dpmpp_2m"


def curves(rows: list[Row], path: Path) -> None:
    """Error against calls: the default, Karras, and the best of the fixed rules."""
    pyplot = _pyplot()
    from matplotlib.ticker import LogLocator

    kinds = grouped(rows, lambda row: row["kind"])
    every = [{row["solver"] for row in members} for members in kinds.values()]
    solvers = [name for name in DRAWN if all(name in found for found in every)]
    figure, axes = pyplot.subplots(len(kinds), len(solvers), figsize=(2.7 * len(solvers), 2.4 * len(kinds)), squeeze=False)
    for line, (kind, members) in zip(axes, kinds.items(), strict=True):
        for axis, solver in zip(line, solvers, strict=True):
            own = [row for row in members if row["solver"] == solver]
            calls = sorted({row["calls"] for row in own})
            for name, (label, colour, style) in LINES.items():
                if name != "shared" or all("shared" in row["errors"] for row in own):
                    values = [_mean(own, c, name) for c in calls]
                    axis.loglog(calls, values, f"o{style}", color=colour, label=label, markersize=3)
            axis.set_title(f"{kind}, {solver}", fontsize=8)
            axis.set_xticks(calls, [str(c) for c in calls], fontsize=7)
            axis.tick_params(axis="y", labelsize=7)
            axis.minorticks_off()
            axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.yaxis.set_major_formatter("{x:g}")
    for axis in axes.ravel():
        axis.legend(fontsize=6)
    figure.supxlabel("denoiser calls", fontsize=8)
    figure.supylabel("Frechet distance to the fine limit / Karras at 5 calls, geometric mean", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def _pyplot() -> Any:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def _mean(rows: list[Row], calls: int, name: str) -> float:
    """Geometric mean over cases, each relative to Karras at the fewest calls."""
    logs = []
    for members in grouped(rows, lambda row: row["case"]).values():
        first = min(members, key=lambda row: row["calls"])["errors"]["karras"]["frechet"]
        for row in members:
            if row["calls"] == calls:
                names = [n for n in FIXED if n in row["errors"]] if name == "best fixed" else [name]
                logs.append(np.log(min(row["errors"][n]["frechet"] for n in names) / first))
    return float(np.exp(np.mean(logs)))


def best_rule(rows: list[Row], case: str, calls: int) -> str:
    """The fixed rule with the least rmse in a cell."""
    row = next(r for r in rows if (r["case"], r["solver"], r["calls"]) == (case, SOLVER, calls))
    return min((n for n in FIXED if n in row["errors"]), key=lambda n: row["errors"][n]["rmse"])


def strips(name: str, case_of: Callable[[str], Case], rows: list[Row], folder: Path) -> dict[str, np.ndarray]:
    """Title -> samples (SHOWN, *shape) from the same noise, from the file beside the results where there is one."""
    path = folder / "samples" / f"{name}.npz"
    if path.exists():
        with np.load(path) as archive:
            return {title: archive[title].astype(float) for title in archive.files}
    case = case_of(name)
    few, found = replace(case, count=SHOWN), {"fine limit": case.reference()[:SHOWN]}
    for calls in sorted({r["calls"] for r in rows if r["case"] == name} & set(CALLS)):
        steps, rule = steps_for(SOLVER, calls), best_rule(rows, name, calls)
        grids = {"default": optimal_grid(case, SOLVER, steps), f"best fixed, {rule}": fixed_grid(case, rule, steps)}
        grids |= {"karras": fixed_grid(case, "karras", steps)} if rule != "karras" else {}
        ends = run(few.batch, [case.table(SOLVER, grid) for grid in grids.values() if grid is not None])
        found |= {f"{calls} calls, {grid}": end for grid, end in zip(grids, ends, strict=True)}
    found = {title: part.reshape(-1, *case.shape) for title, part in found.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **{title: part.astype(np.float16) for title, part in found.items()})
    return found


def samples(names: Iterable[str], rows: list[Row], folder: Path, path: Path, case_of: Callable[[str], Case] = find) -> None:
    """Rows: fine limit, then default, best fixed rule and Karras at 5 and at 8 calls; one block per case."""
    pyplot = _pyplot()
    blocks = {name: strips(name, case_of, rows, folder) for name in names}
    lines = max(map(len, blocks.values()))
    figure, axes = pyplot.subplots(lines, len(blocks), figsize=(4.6 * len(blocks), 0.72 * lines), squeeze=False)
    for column, (name, found) in zip(axes.T, blocks.items(), strict=True):
        low, high = np.quantile(found["fine limit"], (0.005, 0.995))
        for axis in column:
            axis.axis("off")
        for axis, (title, images) in zip(column, found.items(), strict=False):
            edge = np.full((images.shape[1], 1), np.nan)
            strip = np.hstack([np.hstack([image, edge]) for image in images])
            axis.imshow(strip, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
            axis.set_title(f"{name}: {title}", fontsize=7, pad=2, loc="left")
    figure.tight_layout(pad=0.4)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Draw both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--folder", type=Path, default=Path(__file__).parents[2] / "docs")
    parser.add_argument("--samples", default="own_digits,own_patches,hsc32")
    args = parser.parse_args()
    rows = read(args.results)
    curves(rows, args.folder / "evidence.png")
    known = {row["case"] for row in rows if row["solver"] == SOLVER}
    samples([n for n in args.samples.split(",") if n in known], rows, args.results, args.folder / "evidence_samples.png")


if __name__ == "__main__":
    main()
